import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from morpheus_assets.services.running_parts import FILE, PartProcess, forget_parts, running_parts, write_parts
from morpheus_assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_folder=tmp_path)


def test_a_part_is_what_it_is_at_the_moment_of_the_question(settings: Settings):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        started = psutil.Process(child.pid).create_time()
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
