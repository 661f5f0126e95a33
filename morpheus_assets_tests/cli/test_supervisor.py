import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from morpheus_assets.cli.supervisor import STOP_SECONDS, Supervisor
from morpheus_assets_tests.fixtures.waiting import eventually

# a parent that starts a child of its own and waits, as `dagster dev` does
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(child.pid, flush=True); time.sleep(600)"
)


def start(folder: Path) -> tuple[Supervisor, int, int]:
    supervisor = Supervisor(folder / "processes.json")
    log = folder / "log"
    parent = supervisor.start([sys.executable, "-c", PARENT], os.environ, folder, log)
    assert eventually(lambda: log.read_text().endswith("\n"))
    return supervisor, parent.pid, int(log.read_text())


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_stopping_ends_the_child_and_everything_that_it_started(tmp_path: Path):
    supervisor, parent, child = start(tmp_path)
    assert alive(parent)
    assert alive(child)
    supervisor.stop()
    assert not alive(parent)
    assert not alive(child)
    assert not (tmp_path / "processes.json").exists()


def test_what_a_killed_owner_left_behind_is_ended_by_the_next_one(tmp_path: Path):
    code = (
        "import os, sys; from pathlib import Path; from morpheus_assets_tests.cli.test_supervisor import start;"
        f"print(*start(Path({str(tmp_path)!r}))[1:], flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    parent, child = map(int, done.stdout.split())
    os.kill(parent, signal.SIGKILL)
    assert alive(child)
    assert Supervisor(tmp_path / "processes.json").end_leftovers() >= 1
    assert not alive(child)


def test_a_stranger_that_got_an_old_number_is_left_alone(tmp_path: Path):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        record = tmp_path / "processes.json"
        record.write_text(f"[[{stranger.pid}, {time.time() + 3600}]]")
        assert Supervisor(record).end_leftovers() == 0
        assert alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_who_interrupts_a_second_time_waits_for_nothing(tmp_path: Path):
    hurried = threading.Event()
    supervisor = Supervisor(tmp_path / "processes.json", hurried)
    deaf = (
        "import signal, time; signal.signal(2, signal.SIG_IGN); signal.signal(15, signal.SIG_IGN);"
        "print(1, flush=True); time.sleep(60)"
    )
    child = supervisor.start([sys.executable, "-c", deaf], os.environ, tmp_path, tmp_path / "log")
    assert eventually(lambda: (tmp_path / "log").read_text() == "1\n")
    started = time.monotonic()
    threading.Timer(0.5, hurried.set).start()
    supervisor.stop()
    assert 0.5 <= time.monotonic() - started < STOP_SECONDS - 5
    assert child.returncode == -signal.SIGKILL
