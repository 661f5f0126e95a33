"""Deployments of benches and tests see nothing of the `.env` in the project's folder."""

import os
from pathlib import Path

import pytest

from bench.import_time import clean_environment
from bench.running_project import project_environment
from morpheus_assets.settings import load_settings


def test_settings_come_from_the_file_that_a_deployment_names_in_place_of_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv = tmp_path / "another"
    dotenv.write_text("MORPHEUS_MAX_RUNS_PER_TICK=7\nMORPHEUS_UI_PORT=1234\n")
    monkeypatch.setenv("MORPHEUS_DOTENV", str(dotenv))
    monkeypatch.setenv("MORPHEUS_UI_PORT", "4321")
    found = load_settings.__wrapped__()
    assert (found.max_runs_per_tick, found.ui_port) == (7, 4321), "and the environment wins over it"


def test_no_deployment_of_a_bench_reads_the_projects_dotenv(tmp_path: Path) -> None:
    assert project_environment(tmp_path)["MORPHEUS_DOTENV"] == os.devnull
    assert clean_environment(str(tmp_path))["MORPHEUS_DOTENV"] == os.devnull
