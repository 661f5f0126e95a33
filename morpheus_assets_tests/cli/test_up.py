import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from morpheus_assets.settings import PROJECT_FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

MORPHEUS = Path(sys.executable).parent / "morpheus"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A `morpheus up` with folders and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None
        names = ("DAGSTER_", "OPENAI_", "VOYAGE_", "MORPHEUS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(names)}
        self.environment = {
            **kept,
            "MORPHEUS_CONTENT": str(folder / "content"),
            "MORPHEUS_DATA_FOLDER": str(folder / "data"),
            "MORPHEUS_DOTENV": os.devnull,
            "MORPHEUS_UI_PORT": str(free_port()),
            "MORPHEUS_API_PORT": str(free_port()),
        }

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [MORPHEUS, "up"], env=self.environment, cwd=PROJECT_FOLDER, stdout=output, stderr=output
            )
        self.wait_for(lambda: "Morpheus Assets is running" in self.said(), "the banner")

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def search(self, *arguments: str) -> list[dict]:
        done = subprocess.run(
            [MORPHEUS, "search", "--json", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.stderr == "Error: No novel named 'harbour' is stored.\n":
            # dropped, and not read yet
            return []
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def loads_a_model_to_search(self, text: str) -> bool:
        """Whether the command loads torch itself, rather than ask the API that has its model at hand."""
        code = (
            "import sys; from morpheus_assets.cli.main import main;"
            f"main(['search', {text!r}], standalone_mode=False); print('torch' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()[-1] == "True"

    def wait_for(self, condition, what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process is not None
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, f"{what} did not come; so far: {self.said()}"
            time.sleep(0.5)

    def processes(self) -> list[psutil.Process]:
        """Everything that works in this deployment's data folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if str(self.folder / "data") in " ".join(process.cmdline()) or process.environ().get(
                    "MORPHEUS_DATA_FOLDER"
                ) == str(self.folder / "data"):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(90)
        for process in self.processes():
            process.kill()


@pytest.fixture
def running() -> Iterator[Running]:
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="mpu"))
    folder.chmod(0o711)
    deployment = Running(folder)
    yield deployment
    deployment.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_first_start_embeds_the_samples_takes_a_dropped_novel_and_stops_everything(running: Running):
    running.start()
    running.wait_for(lambda: running.search("who keeps the lamp burning", "--mode", "vector") != [], "the sample story")
    running.wait_for(lambda: running.search("--panels", "a cat") != [], "the sample panels")
    [panel] = running.search("--panels", "a sleeping orange cat in the desert", "--count", "1")
    assert panel["similarity"] > 0.5

    novel = running.folder / "content" / "novels" / "harbour.txt"
    novel.write_text("CHAPTER 1. The Wreck\n\nAt dawn the drowned captain was found lashed to the wheel of his ship.\n")
    by_meaning = ("a dead captain", "--novel", "harbour", "--mode", "vector")
    running.wait_for(lambda: running.search(*by_meaning) != [], "the dropped novel")
    [hit] = running.search("a dead captain", "--novel", "harbour")
    assert "lashed to the wheel" in hit["body"]
    assert hit["chapter_title"].startswith("CHAPTER 1")
    assert hit["similarity"] > 0.4
    assert not running.loads_a_model_to_search("a dead captain")

    assert running.process is not None
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(90) == 0
    assert running.said().rstrip().endswith("Stopped.")
    assert running.processes() == []


def test_a_start_after_a_kill_ends_what_was_left_over_and_keeps_what_was_stored(running: Running):
    running.environment["MORPHEUS_SAMPLES"] = "false"
    running.start()
    assert running.process is not None
    running.process.kill()
    running.process.wait()
    left = {process.pid for process in running.processes()}
    assert left
    running.output.write_text("")
    running.start()
    assert "left behind" in running.said()
    now = {process.pid: process for process in running.processes()}
    assert not {pid for pid in left & set(now) if "postgres" not in now[pid].name()}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MORPHEUS_TEXT_SPACES", "openai/text-embedding-9", "text-embedding-3-large"),
        ("MORPHEUS_IMAGE_SPACES", "open_clip/local:/nowhere", "/nowhere"),
        ("MORPHEUS_CHUNK_TOKENS", "400", "400"),
        ("MORPHEUS_REQUESTS_IN_FLIGHT", "none", "MORPHEUS_REQUESTS_IN_FLIGHT"),
        ("MORPHEUS_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/morpheus", "No Postgres answers"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_anything_starts(
    running: Running, variable: str, value: str, said: str
):
    done = subprocess.run(
        [MORPHEUS, "up"], env={**running.environment, variable: value}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert running.processes() == []


def test_a_second_start_over_the_same_folder_leaves_the_first_alone(running: Running):
    running.environment["MORPHEUS_SAMPLES"] = "false"
    running.start()
    before = {process.pid for process in running.processes()}
    done = subprocess.run([MORPHEUS, "up"], env=running.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "already runs" in done.stderr
    assert before <= {process.pid for process in running.processes()}
