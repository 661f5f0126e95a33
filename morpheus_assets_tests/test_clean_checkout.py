"""The first commands in a fresh checkout; `up` in one is in cli/test_up.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests import python_path
from morpheus_assets_tests.fixtures.checkout import MORPHEUS, Checkout, checkout, warnings_in

__all__ = ["checkout"]


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
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": python_path(checkout.folder)}
    done = subprocess.run(
        [MORPHEUS.with_name("dg"), "list", "defs", "--json"],
        env=shell | {"DG_CLI_CONFIG": str(PROJECT_FOLDER / configuration), "MORPHEUS_DATABASE_URL": database_url},
        cwd=checkout.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "novels" in done.stdout
    for unwanted in ("Telemetry", "Welcome", "virtual environment", "Traceback"):
        assert unwanted not in done.stdout + done.stderr


@pytest.mark.slow(30)
def test_the_demo_leaves_nothing_at_the_top_but_the_data_folder(checkout: Checkout):
    done = checkout.morpheus("demo")
    assert done.returncode == 0, done.stderr
    assert "the-last-lamp" in done.stdout
    assert checkout.added() == {".morpheus"}
    assert list((checkout.folder / ".morpheus" / "demo" / "dagster" / "storage").rglob("*.out")), "no output was kept"
