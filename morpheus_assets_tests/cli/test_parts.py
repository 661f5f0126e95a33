import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from morpheus_assets.cli import parts
from morpheus_assets.cli.parts import Child, Watch
from morpheus_assets.cli.supervisor import Supervisor
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.services.running_parts import PartProcess

SLEEP = "import time; time.sleep(600)"
WITH_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"


class Watched:
    """One watched child process, a database that answers or not, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.supervisor = Supervisor(folder / "processes.json")
        self.said: list[str] = []
        self.noted: list[PartProcess] = []
        self.database = True
        self.answers = True
        self.watch = Watch(self.said.append, self._note, lambda: self.database)

    def _note(self, found: list[PartProcess]) -> None:
        self.noted = found

    def start(self, code: str = SLEEP, *, has_child: bool = False) -> Child:
        child = Child(
            "daemon",
            "Dagster daemon",
            self.supervisor,
            [sys.executable, "-c", code],
            os.environ,
            self.folder,
            self.folder / "log",
            lambda _started: self.answers and (not has_child or bool(self.process.children())),
            has_child=has_child,
        )
        self.watch.start(child)
        self.watch.wait_for(child, lambda seconds: bool(time.sleep(seconds)))
        return child

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.noted[0].pid)

    def kill(self) -> None:
        self.process.kill()
        self.wait_for(lambda: self.noted[0].state == "down")
        self.watch.look()

    def wait_for(self, condition: Callable[[], bool], seconds: float = 100) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(parts, "_PAUSES", (0.0,))
    made = Watched(tmp_path)
    yield made
    made.supervisor.stop()


def test_a_part_that_is_killed_is_started_again_with_one_sentence(watched: Watched):
    watched.start()
    before = watched.noted[0]
    assert before.state == "ok"
    watched.kill()
    watched.watch.look()
    assert watched.said == ["The Dagster daemon was killed (SIGKILL); it is started again."]
    assert before.state == "down"
    assert watched.noted[0].pid != before.pid
    assert watched.noted[0].state == "starting"
    watched.watch.look()
    assert watched.noted[0].state == "ok"


def test_a_part_that_dies_three_times_within_a_minute_ends_everything(watched: Watched):
    watched.start()
    for _ in range(2):
        watched.kill()
        watched.watch.look()
    with pytest.raises(StartFailed, match=r"daemon ended 3 times within a minute .*SIGKILL.*; its log is .*log\."):
        watched.kill()


def test_the_pauses_grow_with_the_deaths(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "_PAUSES", (0.0, 600.0))
    watched.start()
    watched.kill()
    watched.watch.look()
    watched.kill()
    watched.watch.look()
    assert watched.said[-1] == "The Dagster daemon was killed (SIGKILL); it is started again in 600 s."
    assert watched.noted[0].state == "down"


def test_deaths_while_the_database_is_away_do_not_count_and_the_start_waits_for_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parts, "_ASK_AGAIN", 0.0)
    watched.start()
    watched.database = False
    for _ in range(4):
        before = watched.noted[0]
        watched.kill()
        watched.watch.look()
        assert watched.noted[0] == before, "started although the database is away"
        watched.database = True
        watched.watch.look()
        watched.database = False
    assert set(watched.said) == {
        "The Dagster daemon was killed (SIGKILL); it is started again when the database answers."
    }


def test_a_part_whose_own_process_was_killed_is_dead_too(watched: Watched):
    watched.start(WITH_CHILD, has_child=True)
    [inner] = watched.process.children()
    assert watched.noted[0].state == "ok"
    before = watched.noted[0]
    inner.kill()
    watched.wait_for(lambda: before.state == "down")
    # at the second look in a row: one that is just being replaced is missed once at most
    watched.watch.look()
    assert watched.said == []
    watched.watch.look()
    assert watched.said == ["The Dagster daemon lost the process that it works through; it is started again."]
    assert not psutil.pid_exists(before.pid)


def test_a_part_that_ends_at_its_first_start_is_not_started_again(watched: Watched):
    watched.answers = False
    with pytest.raises(StartFailed, match=r"Dagster daemon could not start: it ended with exit code 3; its log is "):
        watched.start("import sys; sys.exit(3)")


def test_what_was_started_does_not_outlive_an_owner_that_is_killed(tmp_path: Path):
    code = (
        "import os, sys, subprocess; from pathlib import Path; from morpheus_assets.cli.supervisor import Supervisor;"
        f"folder = Path({str(tmp_path)!r});"
        "dog = subprocess.Popen([sys.executable, '-m', 'morpheus_assets.cli.watchdog', str(folder), '0.1'],"
        " stdin=subprocess.PIPE, start_new_session=True);"
        f"child = Supervisor(folder / 'processes.json').start([sys.executable, '-c', {SLEEP!r}], os.environ, folder,"
        " folder / 'log');"
        "(folder / 'up.lock').touch(); print(child.pid, dog.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    pids = [int(each) for each in done.stdout.split()]
    assert len(pids) == 2
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=100)
    assert alive == []
    assert not (tmp_path / "processes.json").exists()


def test_a_full_disk_is_said_once_and_ends_nothing_that_runs(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    watched.start()

    def full(_found: list[PartProcess]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(watched.watch, "_note", full)
        watched.kill()
        watched.watch.look()
        watched.watch.look()
    no_room = "What runs cannot be noted for other programs (No space left on device); it is tried again."
    assert watched.said.count(no_room) == 1
    watched.watch.look()
    assert watched.noted[0].state == "ok"
