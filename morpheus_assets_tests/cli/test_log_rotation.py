import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from morpheus_assets.cli import up
from morpheus_assets.cli.up import keep_watch, rotate
from morpheus_assets.services.connections import StartFailed

WRITER = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)\n"


def test_a_large_log_is_moved_aside_while_its_process_goes_on_writing(tmp_path: Path):
    log = tmp_path / "dagster.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=file, text=True, bufsize=1
        )
    assert process.stdin is not None

    def write(line: str) -> None:
        assert process.stdin is not None
        before = log.stat().st_size
        process.stdin.write(f"{line}\n")
        while log.stat().st_size == before:
            assert process.poll() is None

    write("before " * 20)
    rotate(log, most_bytes=1_000)
    assert log.stat().st_size > 0, "a small one is left alone"
    rotate(log, most_bytes=100)
    write("after")
    process.stdin.close()
    assert process.wait(20) == 0
    assert (log.read_text(), (tmp_path / "dagster.log.1").read_text()) == ("after\n", "before " * 20 + "\n")


def test_a_disk_that_gets_full_and_has_room_again_is_said_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    free, stopped, said = [10**9, 0, 0, 10**9, 10**9], threading.Event(), []

    def disk_usage(_folder: Path) -> Any:
        left = free.pop(0)
        if not free:
            stopped.set()
        return SimpleNamespace(free=left)

    monkeypatch.setattr(up, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    watch: Any = SimpleNamespace(look=lambda: None)
    keep_watch(watch, stopped, tmp_path, [], None, said.append)
    assert [sentence.split(":")[0].split(";")[0] for sentence in said] == [
        f"The disk of {tmp_path} is full", f"The disk of {tmp_path} has room again"
    ]  # fmt: skip


def test_a_data_folder_that_goes_away_ends_all_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(up, "LOOK_SECONDS", 0.0)
    watch: Any = SimpleNamespace(look=lambda: None)
    folder = tmp_path / "data"
    with pytest.raises(StartFailed, match=f"^The data folder {folder} cannot be reached any more .*: put it back"):
        keep_watch(watch, threading.Event(), folder, [], None, [].append)
