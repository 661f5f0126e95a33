"""All processes of a machine together keep to the bound, and a killed one gives its connections back."""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database import connection_slots
from morpheus_assets.store.database.connection_slots import ConnectionSlots
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.waiting import ManualClock

HOLD = """
import sys
from pathlib import Path
from morpheus_assets.store.database.connection_slots import ConnectionSlots
from morpheus_assets.store.database.engine import open_engine
engine = open_engine(sys.argv[1], slots=ConnectionSlots(Path(sys.argv[2]), 4))
held = [engine.connect() for _ in range(3)]
print("held", flush=True)
sys.stdin.read()
"""


def open_connections(engine: Engine) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def bounded(url: str, folder: Path, most: int, **options: int) -> Engine:
    return open_engine(url, slots=ConnectionSlots(folder / "slots", most, **options))


@pytest.fixture
def endless_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody connects beyond the bound because a slot was long in coming."""
    monkeypatch.setattr(connection_slots, "_PATIENCE_SECONDS", 1000.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    made = ManualClock()
    monkeypatch.setattr(connection_slots, "time", made)
    return made


def test_processes_share_one_bound_and_a_killed_one_frees_its_part(
    engine: Engine, database_url: str, tmp_path: Path, fault_row: FaultRow, endless_patience: None
):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, database_url, str(tmp_path / "slots")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT_FOLDER,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    own = bounded(database_url, tmp_path, 4)
    with own.connect():
        served: list[float] = []

        def connect() -> None:
            own.connect().close()
            served.append(time.monotonic())

        second = threading.Thread(target=connect)
        second.start()
        time.sleep(0.5)
        assert served == []
        killed = time.monotonic()
        other.kill()
        other.wait()
        second.join()
        fault_row("kill -9 of a process that holds three of four connections", seconds=served[0] - killed)
    own.dispose()


def test_many_threads_keep_to_the_bound_of_a_process_and_all_are_served(
    engine: Engine, database_url: str, tmp_path: Path, endless_patience: None
):
    own = bounded(database_url, tmp_path, 20, in_process=2)
    seen: list[int] = []

    def work() -> None:
        for _ in range(3):
            with own.connect() as connection:
                connection.execute(text("SELECT pg_sleep(0.05)"))
                seen.append(own.pool.checkedout())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    highest = 0
    while any(thread.is_alive() for thread in threads):
        highest = max(highest, open_connections(engine))
        time.sleep(0.02)
    assert len(seen) == 18
    assert highest <= 2
    own.dispose()


def test_who_needs_one_more_than_there_are_gets_it_after_a_while(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection_slots, "_PATIENCE_SECONDS", 0.3)
    own = bounded(database_url, tmp_path, 1)
    with own.connect(), own.connect() as nested:
        assert nested.execute(text("SELECT 1")).scalar_one() == 1
    own.dispose()


def test_a_closed_connection_gives_its_slot_back(database_url: str, tmp_path: Path):
    slots = ConnectionSlots(tmp_path / "slots", 1)
    own = open_engine(database_url, slots=slots)
    for _ in range(3):
        own.connect().close()
        own.dispose()
        taken = slots.try_take()
        assert taken is not None
        slots.free(taken)


class Restarted:
    """A server whose socket is away and comes back: reached through a link to its folder."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        if "host" not in address.query:
            pytest.skip("the server of these tests is not reached by a socket")
        # short: the path of a socket holds about a hundred bytes
        self._link = Path(tempfile.mkdtemp(prefix="mps")) / "s"
        self._folder = str(address.query["host"])
        self.url = address.set(drivername="postgresql+psycopg2").update_query_dict({"host": str(self._link)})

    def engine(self, patience_seconds: float) -> Engine:
        slots = ConnectionSlots(self._link.parent / "slots", 4, patience_seconds=patience_seconds)
        made = create_engine(self.url, poolclass=slots.pool)
        slots.watch(made)
        return made

    def back(self) -> None:
        self._link.symlink_to(self._folder)


def test_a_server_that_is_started_again_is_waited_for(database_url: str):
    server = Restarted(database_url)
    engine = server.engine(100)
    back = threading.Timer(0.7, server.back)
    back.start()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    back.join()
    engine.dispose()


def test_a_server_that_stays_away_is_waited_for_once(database_url: str, clock: ManualClock):
    engine = Restarted(database_url).engine(1)
    waited = []
    for _ in range(3):
        with pytest.raises(OperationalError):
            engine.connect()
        waited.append(sum(clock.slept))
    assert 1 < waited[0] < 2
    assert waited[1:] == [waited[0]] * 2


def test_what_does_not_pass_by_itself_is_not_waited_for(database_url: str, clock: ManualClock):
    server = Restarted(database_url)
    server.back()
    server.url = server.url.set(database="nowhere")
    with pytest.raises(OperationalError, match="does not exist"):
        server.engine(20).connect()
    assert clock.slept == []
