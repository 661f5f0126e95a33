"""Leases: rights of one process that are rows, renewed while it lives and ended by whoever finds them expired.

They need no session of the server, so they work through a pooler. Time is the server's; a lease that is expired but
not yet ended is still its holder's. On one machine, the leases of a process that is gone end within seconds.
"""

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from morpheus_assets.store.database.errors import LeaseLost
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import autocommit, pipelined, transaction

queries = load_queries(__file__)

LEASE_SECONDS = 60.0
RENEWAL_SECONDS = 10.0
DEAD_SECONDS = 2.0
"""How long the leases of a process that is gone are kept: the server ends what it had sent, and commits it."""
# A renewal that failed is tried again so soon.
_RETRY_SECONDS = 1.0
# Two renewals that did not come: the process was suspended, or the server is away.
_DOUBTFUL_SECONDS = 2.5 * RENEWAL_SECONDS


class Lease:
    """A lease that a thread of its own renews; made by `open_lease`."""

    def __init__(self, engine: Engine, number: int, taken_at: float) -> None:
        self.number = number
        self._engine = engine
        self._renewed_at = taken_at
        self._lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_ended, name="lease", daemon=True)
        self._thread.start()

    def ensure(self) -> None:
        """Return while the lease is in force; asks the server only where a renewal is overdue.

        Raises LeaseLost when another process has ended it, and what the database raises while it is away.
        """
        if not self._lost and _now() - self._renewed_at > _DOUBTFUL_SECONDS:
            self._renew()
        if self._lost:
            raise self.lost()

    def lost(self) -> LeaseLost:
        """The error that says so, for who finds that the lease is gone."""
        self._lost = True
        return LeaseLost(
            f"This process stood still for more than {LEASE_SECONDS:.0f} seconds, and others took over its work."
        )

    def end(self) -> None:
        """Stop renewing and give the lease up; a server that is away finds it expired later."""
        self._ended.set()
        self._thread.join(_RETRY_SECONDS)
        with suppress(psycopg.Error, SQLAlchemyError), autocommit(self._engine) as connection:
            connection.execute(queries.end_lease, {"lease": self.number})

    def _renew_until_ended(self) -> None:
        pause = RENEWAL_SECONDS
        while not self._lost and not self._ended.wait(pause):
            try:
                self._renew()
                pause = RENEWAL_SECONDS
            except (psycopg.Error, SQLAlchemyError):
                pause = _RETRY_SECONDS

    def _renew(self) -> None:
        asked_at = _now()
        with autocommit(self._engine) as connection:
            found = connection.execute(queries.renew_lease, {"lease": self.number, "seconds": LEASE_SECONDS})
            self._lost = found.rowcount == 0
        self._renewed_at = asked_at


@contextmanager
def open_lease(engine: Engine, name: str | None = None, *, poll_seconds: float = 0.2) -> Iterator[Lease]:
    """Take a lease and hold it, renewed, until the block ends; waits until nobody else holds the one of that name."""
    wanted = {"name": name, "machine": _machine(), "process": _this_process(), "seconds": LEASE_SECONDS}
    while True:
        asked_at = _now()
        with pipelined(engine) as connection:
            connection.execute(queries.end_expired_leases, {"dead": [], "seconds": DEAD_SECONDS})
            taking = connection.execute(queries.take_lease, wanted)
            others = connection.execute(queries.leases_of_machine, wanted)
        taken = taking.fetchone()
        if any(not _lives(str(process)) for _, process in others):
            with transaction(engine) as connection:
                end_expired_leases(connection)
        if taken is not None:
            break
        time.sleep(poll_seconds)
    lease = Lease(engine, int(taken[0]), asked_at)
    try:
        yield lease
    finally:
        lease.end()


def end_expired_leases(connection: psycopg.Connection[Any]) -> None:
    """End the leases that have expired; those of processes of this machine that are gone expire in DEAD_SECONDS.

    For a transaction that claims nothing: what a lease ends with is deleted in no particular order.
    """
    rows = connection.execute(queries.leases_of_machine, {"machine": _machine()}).fetchall()
    dead = [int(number) for number, process in rows if not _lives(str(process))]
    connection.execute(queries.end_expired_leases, {"dead": dead, "seconds": DEAD_SECONDS})


def _now() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where it has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@cache
def _machine() -> str | None:
    """What is the same for all processes that see each other's numbers; None where no system tells it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _this_process() -> str:
    return f"{os.getpid()} {_state_and_start(os.getpid())[1]}"


def _lives(process: str) -> bool:
    """False only when it is sure that a process of this machine is gone."""
    number, _, started = process.partition(" ")
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    state, found = _state_and_start(int(number))
    return not state or (state not in "ZX" and found == started)


def _state_and_start(process: int) -> tuple[str, str]:
    """A process's state, and its start in ticks since that of the machine; empty when this user may not see it."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
