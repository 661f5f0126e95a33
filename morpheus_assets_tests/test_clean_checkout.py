"""The first commands in a fresh checkout: a copy of the project, with all folders where they are by default."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from morpheus_assets.settings import PROJECT_FOLDER

MORPHEUS = Path(sys.executable).parent / "morpheus"
PARTS = ("morpheus_assets", "sql", "dagster.yaml", "workspace.yaml", "pyproject.toml")


class Checkout:
    """A copy of the project, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PARTS:
            source = PROJECT_FOLDER / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        names = ("DAGSTER_", "OPENAI_", "VOYAGE_", "MORPHEUS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(names)}
        self.environment = {**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def morpheus(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the copy."""
        return subprocess.run(
            [MORPHEUS, *arguments],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def added(self) -> set[str]:
        """Names at the top level that were not there at first."""
        return {path.name for path in self.folder.iterdir()} - set(PARTS)


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    # the embedded server runs as another user where the tests run as root
    folder = Path(tempfile.mkdtemp(prefix="mpc"))
    folder.chmod(0o711)
    yield Checkout(folder)
    shutil.rmtree(folder, ignore_errors=True)


def warnings_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if "is no setting" in line]


def test_a_typo_in_the_environment_or_in_dotenv_is_one_warning_that_hides_the_value(checkout: Checkout):
    (checkout.folder / ".env").write_text("MORPHEUS_TEXTSPACES=hunter2\n# MORPHEUS_NOTHING=1\nMORPHEUS_SAMPLES=false\n")
    checkout.environment |= {"MORPHEUS_CHUNKTOKENS": "hunter2", "morpheus_chunk_tokens": "100"}
    text = checkout.folder / "story.txt"
    text.write_text("CHAPTER 1. The Wreck\n\nAt dawn the captain was found.\n")
    done = checkout.morpheus("inspect", str(text))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "MORPHEUS_CHUNKTOKENS is no setting: did you mean MORPHEUS_CHUNK_TOKENS?",
        "MORPHEUS_TEXTSPACES in .env is no setting: did you mean MORPHEUS_TEXT_SPACES?",
    ]
    assert "hunter2" not in done.stdout


@pytest.mark.slow
def test_a_code_location_warns_of_a_typo_and_the_children_of_a_command_do_not_repeat_it(checkout: Checkout):
    checkout.environment["MORPHEUS_CHUNKTOKENS"] = "hunter2"
    loaded = subprocess.run(
        [sys.executable, "-c", "import morpheus_assets.definitions"],
        env=checkout.environment, cwd=checkout.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(warnings_in(loaded.stderr)) == 1
    done = checkout.morpheus("exec", sys.executable, "-c", "import morpheus_assets.definitions")
    assert done.returncode == 0, done.stderr
    assert len(warnings_in(done.stdout + done.stderr)) == 1


@pytest.mark.slow
def test_dg_works_from_a_shell_that_knows_nothing_and_sends_no_statistics(
    checkout: Checkout, database_url: str, tmp_path: Path
):
    [configuration] = re.findall(r"\$\(CURDIR\)/(\S+?)'", (PROJECT_FOLDER / "Makefile").read_text(encoding="utf-8"))
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(checkout.folder)}
    done = subprocess.run(
        [MORPHEUS.with_name("dg"), "list", "defs", "--json"],
        env=shell | {"DG_CLI_CONFIG": str(PROJECT_FOLDER / configuration), "MORPHEUS_DATABASE_URL": database_url},
        cwd=checkout.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "novels" in done.stdout
    for unwanted in ("Telemetry", "Welcome", "virtual environment", "Traceback"):
        assert unwanted not in done.stdout + done.stderr


@pytest.mark.slow
def test_the_demo_leaves_nothing_at_the_top_but_the_data_folder(checkout: Checkout):
    done = checkout.morpheus("demo")
    assert done.returncode == 0, done.stderr
    assert "the-last-lamp" in done.stdout
    assert checkout.added() == {".morpheus"}
    assert list((checkout.folder / ".morpheus" / "demo" / "dagster" / "storage").rglob("*.out")), "no output was kept"


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_up_leaves_nothing_at_the_top_but_the_data_folder_and_the_content(checkout: Checkout):
    for name in ("MORPHEUS_UI_PORT", "MORPHEUS_API_PORT"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            checkout.environment[name] = str(probe.getsockname()[1])
    checkout.environment |= {"MORPHEUS_IMAGE_SPACES": "open_clip/demo", "MORPHEUS_CHUNKTOKENS": "hunter2"}
    output = checkout.folder / ".morpheus" / "said"
    output.parent.mkdir(mode=0o711)
    with output.open("wb") as said:
        up = subprocess.Popen([MORPHEUS, "up"], env=checkout.environment, cwd=checkout.folder, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 240
        while not checkout.morpheus("search", "--json", "--mode", "vector", "who keeps the lamp burning").stdout:
            assert up.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(1)
        assert checkout.added() == {".morpheus", "content", ".env"}
        assert f"DAGSTER_HOME={checkout.folder / '.morpheus' / 'dagster'}\n" in (checkout.folder / ".env").read_text()
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(90)
    assert checkout.added() == {".morpheus", "content"}
    assert list((checkout.folder / ".morpheus" / "dagster" / "storage").rglob("*.out")), "no output was kept"
    logs = [output, *(checkout.folder / ".morpheus").glob("*.log")]
    assert len(warnings_in("\n".join(each.read_text(encoding="utf-8", errors="replace") for each in logs))) == 1
