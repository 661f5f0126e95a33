"""The bound on connections to Postgres: all processes of one machine share the slots of one folder.

A slot is a file that its holder locks, so the kernel frees it however a process ends. Who finds none waits for one, or
for a connection that comes back to its own pool; after a while it connects all the same, since whoever holds
connections may need one more to let go of them.
"""

import fcntl
import os
import re
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty as NothingQueued
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty

_PATIENCE_SECONDS = 3.0
_POLL_SECONDS = 0.02
_OUTAGE_PAUSE_SECONDS = 0.3
# A refused connection has no code, only what is said of it.
_SAID_WHEN_AWAY = re.compile(
    r"Connection refused|No such file or directory|database system is|server closed the connection"
    r"|terminating connection|server conn crashed|server_login_retry",
    re.IGNORECASE,
)


class ConnectionSlots:
    """Slots for `most` connections over `folder`, of which one engine takes at most `in_process`.

    A server that is away while it is started again is waited for, up to `patience_seconds`.

    Give `pool` to the engine as its poolclass, then call `watch`. Without the folder that holds `folder`, no deployment
    lives on this machine and only `in_process` counts.
    """

    def __init__(
        self, folder: Path, most: int, *, in_process: int | None = None, patience_seconds: float = 0.0
    ) -> None:
        self._folder = folder
        self._most = most
        self._in_process = in_process
        self._outage_patience = patience_seconds
        self._gave_up: float | None = None
        self._open = 0
        self._changed = threading.Lock()
        self._reserved = threading.local()
        self._held: weakref.WeakKeyDictionary[Any, Callable[[], Any]] = weakref.WeakKeyDictionary()

    @property
    def pool(self) -> type[QueuePool]:
        """A pool that connects only with a slot."""
        slots = self

        class BoundedPool(QueuePool):
            def _do_get(self) -> Any:
                with suppress(Empty):
                    # one at rest has its slot
                    return self._pool.get(False)
                with slots.reserved(lambda: self._pool.get(True, _POLL_SECONDS)) as found:
                    return found if found is not None else super()._do_get()

        return BoundedPool

    def watch(self, engine: Engine) -> None:
        """Have the engine's connections take their slots and give them back."""
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "close", self._closed)
        event.listen(engine, "close_detached", self._closed)

    def reserved(self, idle: Callable[[], Any]) -> "_Reservation":
        """For the time of a block: a slot for the next connection of this thread, or an idle one found meanwhile."""
        return _Reservation(self, idle)

    def try_take(self) -> "Slot | None":
        """A slot, or None where none is free."""
        with self._changed:
            if self._in_process is not None and self._open >= self._in_process:
                return None
            self._open += 1
        try:
            slot = self._lock_one() if self._folder.parent.is_dir() else -1
        except OSError:
            # A folder that cannot be written to is no reason not to work.
            slot = -1
        if slot is None:
            self.free(-1)
        return slot

    def take_beyond(self) -> "Slot":
        """A connection more than there are slots."""
        with self._changed:
            self._open += 1
        return -1

    def free(self, slot: "Slot") -> None:
        """Give back what was taken."""
        with self._changed:
            self._open -= 1
        if slot >= 0:
            os.close(slot)

    def _lock_one(self) -> "Slot | None":
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for number in range(self._most):
            slot = os.open(self._folder / f"{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        return None

    def _connect(self, dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        slot = getattr(self._reserved, "slot", None)
        self._reserved.slot = None
        if slot is None:
            slot = self.try_take()
        if slot is None:
            slot = self.take_beyond()
        try:
            connection = self._connect_patiently(dialect, arguments, options)
        except BaseException:
            self.free(slot)
            raise
        self._held[connection] = weakref.finalize(connection, self.free, slot)
        return connection

    def _connect_patiently(self, dialect: Any, arguments: Any, options: Any) -> Any:
        started = time.monotonic()
        while True:
            try:
                connection = dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError as fault:
                now = time.monotonic()
                # Waited for once: whoever asks right after it is told at once.
                given_up = self._gave_up is not None and now - self._gave_up < self._outage_patience
                if given_up or not _SAID_WHEN_AWAY.search(str(fault)):
                    raise
                if now - started > self._outage_patience:
                    self._gave_up = now
                    raise
                time.sleep(_OUTAGE_PAUSE_SECONDS)
            else:
                self._gave_up = None
                return connection

    def _closed(self, connection: Any, *_: Any) -> None:
        free = self._held.pop(connection, None)
        if free is not None:
            free()


Slot = int
"""The descriptor of a locked file; -1 for a connection that holds none."""


class _Reservation:
    def __init__(self, slots: ConnectionSlots, idle: Callable[[], Any]) -> None:
        self._slots = slots
        self._idle = idle

    def __enter__(self) -> Any:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (slot := self._slots.try_take()) is None:
            try:
                return self._idle()
            except (Empty, NothingQueued):
                if time.monotonic() > deadline:
                    slot = self._slots.take_beyond()
                    break
        self._slots._reserved.slot = slot
        return None

    def __exit__(self, *_: object) -> None:
        slot = getattr(self._slots._reserved, "slot", None)
        self._slots._reserved.slot = None
        if slot is not None:
            # An idle connection did.
            self._slots.free(slot)
