"""Deployments of benches and tests see nothing of the `.env` in the project's folder."""

from pathlib import Path

import psutil

from bench.reembed_200 import Deployment


def test_the_daemon_of_a_bench_works_in_a_folder_of_its_own(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:9/none", "http://127.0.0.1:9", 9)
    deployment.start("daemon", deployment.environment("openai/text-embedding-3-small@64", "x"))
    try:
        assert Path(psutil.Process(deployment.processes["daemon"].pid).cwd()) == deployment.home
    finally:
        deployment.end("daemon", hard=True)
