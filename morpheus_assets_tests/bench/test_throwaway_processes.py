"""Deployments of benches and tests see nothing of the `.env` in the project's folder."""

import os
from pathlib import Path

import psutil
import pytest

from bench.import_time import clean_environment
from bench.reembed_200 import Deployment
from morpheus_assets.settings import load_settings


def test_the_daemon_of_a_bench_works_in_a_folder_of_its_own(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:9/none", "http://127.0.0.1:9", 9)
    deployment.start("daemon", deployment.environment("openai/text-embedding-3-small@64", "x"))
    try:
        assert Path(psutil.Process(deployment.processes["daemon"].pid).cwd()) == deployment.home
    finally:
        deployment.end("daemon", hard=True)


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
    deployment = Deployment(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:9/none", "http://127.0.0.1:9", 9)
    assert deployment.environment("openai/text-embedding-3-small@64", "x")["MORPHEUS_DOTENV"] == os.devnull
    assert clean_environment(str(tmp_path))["MORPHEUS_DOTENV"] == os.devnull
