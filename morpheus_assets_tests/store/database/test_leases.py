"""Leases: in force while their process lives, lost to others when it stood still."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database import leases
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.errors import LeaseLost
from morpheus_assets.store.database.leases import open_lease
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.waiting import eventually


def expire(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE leases SET expires_at = clock_timestamp() - interval '1 second'")


def end_expired(engine: Engine) -> None:
    with leases.transaction(engine) as connection:
        leases.end_expired_leases(connection)


def in_force(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM leases").scalar_one()


def test_a_lease_outlasts_five_renewals_that_fail_and_is_doubted_long_before_it_ends():
    assert leases.LEASE_SECONDS >= 6 * leases.RENEWAL_SECONDS
    assert 2 * leases.RENEWAL_SECONDS < leases._DOUBTFUL_SECONDS <= leases.LEASE_SECONDS / 2
    assert leases._RETRY_SECONDS <= leases.RENEWAL_SECONDS / 10


def test_a_lease_is_renewed_while_its_process_is_busy_with_something_else(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leases, "RENEWAL_SECONDS", 0.1)

    def ends() -> datetime:
        with engine.connect() as connection:
            return connection.exec_driver_sql("SELECT expires_at FROM leases").scalar_one()

    with open_lease(engine) as lease:
        for _ in range(3):
            before, until = ends(), time.monotonic() + 60
            while ends() == before and time.monotonic() < until:
                sum(range(1_000_000))
            assert ends() > before
        lease.ensure()
    assert in_force(engine) == 0


def test_two_hold_one_lease_by_name_after_each_other(engine: Engine):
    held: list[str] = []

    def hold(name: str) -> None:
        with open_lease(engine, "the index", poll_seconds=0.02):
            held.append(name)
            time.sleep(0.2)
            held.append(name)

    threads = [threading.Thread(target=hold, args=[name]) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [held[place] for place in (0, 2, 4)] == [held[place] for place in (1, 3, 5)]


def test_an_expired_lease_that_nobody_ended_goes_on(engine: Engine):
    with open_lease(engine) as lease:
        expire(engine)
        lease._renew()
        end_expired(engine)
        lease.ensure()
        assert in_force(engine) == 1


def test_a_lease_is_renewed_and_ended_for_itself_alone(engine: Engine):
    with open_lease(engine) as first, open_lease(engine) as second, open_lease(engine) as third:
        expire(engine)
        second._renew()
        third.end()
        assert in_force(engine) == 2
        end_expired(engine)
        assert in_force(engine) == 1
        second.ensure()
        first._renewed_at -= 3600
        with pytest.raises(LeaseLost):
            first.ensure()


def test_who_stood_still_learns_it_before_the_next_work(engine: Engine):
    with open_lease(engine) as lease:
        expire(engine)
        end_expired(engine)
        # as after a night in a closed notebook
        lease._renewed_at -= 3600
        with pytest.raises(LeaseLost, match="stood still"):
            lease.ensure()


HOLD = """
import sys, time
from morpheus_assets.store.database import leases
from morpheus_assets.store.database.engine import open_engine
leases.RENEWAL_SECONDS, leases._DOUBTFUL_SECONDS = 0.3, 0.75
with leases.open_lease(open_engine(sys.argv[1])) as lease:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        lease.ensure()
        print("in force", flush=True)
    except leases.LeaseLost as lost:
        print("lost:", lost, flush=True)
"""


@pytest.fixture
def holder(database_url: str):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_FOLDER,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_process_that_was_suspended_loses_its_lease_to_others_and_is_told(
    engine: Engine, holder, fault_row: FaultRow
):
    holder.send_signal(signal.SIGSTOP)
    assert eventually(lambda: psutil.Process(holder.pid).status() == psutil.STATUS_STOPPED)
    # longer than it believes without asking
    time.sleep(0.8)
    # it lives: nobody takes it over before its time
    end_expired(engine)
    assert in_force(engine) == 1
    expire(engine)
    end_expired(engine)
    assert in_force(engine) == 0
    holder.send_signal(signal.SIGCONT)
    holder.stdin.write("\n")
    holder.stdin.flush()
    said = holder.stdout.readline()
    assert said.startswith("lost: ")
    fault_row("a notebook is closed in a run (SIGSTOP, longer than its lease)", sentence=said.removeprefix("lost: "))


def test_the_lease_of_a_dead_process_ends_in_a_moment_on_its_machine_and_by_the_clock_elsewhere(
    engine: Engine, holder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leases, "DEAD_SECONDS", 0.5)
    holder.kill()
    holder.wait()
    with monkeypatch.context() as patch:
        patch.setattr(leases, "_machine", lambda: "another machine")
        end_expired(engine)
        time.sleep(0.6)
        end_expired(engine)
        assert in_force(engine) == 1

    def is_ended() -> bool:
        end_expired(engine)
        return in_force(engine) == 0

    # what it had sent may still be stored
    assert not is_ended()
    assert eventually(is_ended, 20)


def test_a_number_that_another_process_has_now_is_not_taken_for_the_one_that_died():
    assert leases._lives(leases._this_process())
    assert not leases._lives(f"{os.getpid()} 1")


def test_a_lease_in_force_is_not_asked_for_before_a_renewal_is_overdue(engine: Engine):
    with open_lease(engine) as lease:
        expire(engine)
        lease.ensure()
        end_expired(engine)
        lease.ensure()
        lease._renewed_at -= leases._DOUBTFUL_SECONDS
        with pytest.raises(LeaseLost):
            lease.ensure()
        with pytest.raises(LeaseLost):
            lease.ensure()


def test_a_lease_that_was_asked_for_is_in_force_for_its_whole_time_again(engine: Engine):
    with open_lease(engine) as lease:
        expire(engine)
        lease._renewed_at -= leases._DOUBTFUL_SECONDS
        lease.ensure()
        end_expired(engine)
        assert in_force(engine) == 1
        with engine.connect() as connection:
            left = connection.exec_driver_sql(
                "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 FROM leases"
            ).scalar_one()
        assert leases.LEASE_SECONDS - 10 < left <= leases.LEASE_SECONDS


def threads_of_leases() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lease"]


def test_what_renews_a_lease_outlasts_an_outage_and_ends_with_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leases, "RENEWAL_SECONDS", 0.05)
    monkeypatch.setattr(leases, "_RETRY_SECONDS", 0.5)
    before = threads_of_leases()
    lease = leases.Lease(open_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing"), 1, leases._now())
    time.sleep(0.3)
    [renewing] = [thread for thread in threads_of_leases() if thread not in before]
    lease.ensure()
    lease._renewed_at -= 3600
    with pytest.raises(OperationalError):
        lease.ensure()
    lease.end()
    renewing.join(60)
    assert not renewing.is_alive()


@pytest.mark.parametrize(("machine", "seconds", "least"), [("this", 60, 0.0), ("another", 1, 1.0)])
def test_the_named_lease_of_a_dead_process_is_taken_at_once_here_and_when_it_expires_elsewhere(
    engine: Engine, machine: str, seconds: int, least: float
):
    started = time.monotonic()
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO leases (name, machine, process, expires_at)"
            " VALUES ('the index', %s, %s, clock_timestamp() + make_interval(secs => %s))",
            (leases._machine() if machine == "this" else machine, f"{os.getpid()} 1", seconds),
        )
    # beside one that lives
    lives = leases.Lease(engine, 10**9, leases._now())
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO leases (id, machine, process, expires_at) VALUES (%s, %s, %s, 'infinity')",
            (lives.number, leases._machine(), leases._this_process()),
        )
    with open_lease(engine, "the index", poll_seconds=0.05):
        assert least <= time.monotonic() - started < 30
        assert in_force(engine) == 2
    lives.end()
    assert in_force(engine) == 0


def test_a_process_is_known_by_the_tick_at_which_it_began_and_a_dead_one_that_nobody_waited_for_is_dead():
    process = subprocess.Popen(["sleep", "60"])
    began = int(leases._state_and_start(process.pid)[1]) / os.sysconf("SC_CLK_TCK")
    assert 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - began < 30
    assert began > int(leases._state_and_start(os.getpid())[1]) / os.sysconf("SC_CLK_TCK")
    known = f"{process.pid} {leases._state_and_start(process.pid)[1]}"
    assert leases._lives(known)
    process.kill()
    assert eventually(lambda: leases._state_and_start(process.pid)[0] == "Z")
    assert not leases._lives(known)
    process.wait()
    assert not leases._lives(known)
    assert leases._state_and_start(process.pid) == ("", "")


def test_processes_of_one_machine_know_each_other_by_its_boot_and_their_numbers_by_their_namespace():
    code = "from morpheus_assets.store.database import leases; print(leases._machine(), end='')"
    of_another = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_FOLDER)
    assert of_another.stdout == leases._machine()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert boot in of_another.stdout
    assert "pid:[" in of_another.stdout
