import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from morpheus_assets.services.process_start import process_start
from morpheus_assets.services.running_parts import FILE, PartProcess, forget_parts, running_parts, write_parts
from morpheus_assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_folder=tmp_path)


def test_a_part_is_what_it_is_at_the_moment_of_the_question(settings: Settings):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        started = process_start(psutil.Process(child.pid))
        found = [PartProcess("daemon", child.pid, started, True), PartProcess("api", child.pid, started, False)]
        write_parts(settings.data_folder, "http://127.0.0.1:1", None, found)
        running = running_parts(settings)
        assert running is not None
        assert running.dagster_url == "http://127.0.0.1:1"
        assert running.states == {"daemon": "ok", "api": "starting"}
        child.kill()
        child.wait()
        assert running.states == {"daemon": "down", "api": "down"}
    finally:
        child.kill()
    forget_parts(settings.data_folder)
    assert running_parts(settings) is None


def test_a_stranger_with_the_number_of_a_part_is_not_taken_for_it(settings: Settings):
    write_parts(settings.data_folder, "", None, [PartProcess("daemon", os.getpid(), 1.0, True)])
    running = running_parts(settings)
    assert running is not None
    assert running.states == {"daemon": "down"}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"parts": 3}', '{"parts": [{"name": "x"}]}'])
def test_a_file_that_is_none_of_ours_is_no_running_deployment(settings: Settings, content: str):
    (settings.data_folder / FILE).write_text(content)
    assert running_parts(settings) is None


def test_what_a_killed_owner_left_written_is_no_running_deployment(settings: Settings):
    write_parts(settings.data_folder, "", None, [])
    path = settings.data_folder / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": 1.0}))
    assert running_parts(settings) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the start of a process is told by the wall clock")
def test_parts_are_alive_after_somebody_has_set_the_clock(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    me = process_start(psutil.Process())
    write_parts(settings.data_folder, "", None, [PartProcess("daemon", os.getpid(), me, True)])
    # When the clock is set an hour back, the machine's start lies an hour earlier, and with it that of each process.
    stepped = tmp_path / "proc"
    stepped.mkdir()
    (stepped / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    lines = Path("/proc/stat").read_text().splitlines()
    earlier = [f"btime {int(line.split()[1]) - 3600}" if line.startswith("btime") else line for line in lines]
    (stepped / "stat").write_text("\n".join(earlier) + "\n")
    before = psutil.Process().create_time()
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(stepped))
    assert psutil.Process().create_time() == pytest.approx(before - 3600, abs=2)
    running = running_parts(settings)
    assert running is not None
    assert running.states == {"daemon": "ok"}
