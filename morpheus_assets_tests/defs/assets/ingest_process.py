"""Ingests in processes of their own, forked from one that has imported everything: real processes, to be killed."""

import os
import sys
import traceback
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from morpheus_assets_tests.fixtures.forked_processes import context


def start_ingest(
    folder: Path, database_url: str, base_url: str, novels: Sequence[str], *, home: str = "dagster",
    keeps_runs: bool = True, **variables: str,
) -> BaseProcess:  # fmt: skip
    """The ingest of some novels below `folder`, as a run launcher starts it; `home` is its Dagster's folder.

    One that does not keep its runs in files there has them in memory: half of the time of a small ingest.
    """
    (folder / home).mkdir(exist_ok=True)
    environment = {
        "DAGSTER_HOME": str(folder / home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "MORPHEUS_DATABASE_URL": database_url,
        "MORPHEUS_CONTENT": str(folder / "content"),
        "MORPHEUS_DATA_FOLDER": str(folder / "data"),
        "MORPHEUS_TEXT_SPACES": "openai/text-embedding-3-small@256",
        "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
        "MORPHEUS_INPUTS_PER_REQUEST": "8",
        "MORPHEUS_SAMPLES": "false",
        "OPENAI_API_KEY": "sk-test-not-a-key",
        "OPENAI_BASE_URL": base_url,
        **variables,
    }
    log = str(folder / f"{home}.log")
    process = context().Process(target=_ingest, args=(environment, list(novels), log, keeps_runs), daemon=True)
    process.start()
    return process


def warm_up() -> None:
    """Return when everything is imported, so that the time of an ingest is its own."""
    process = context().Process(target=int)
    process.start()
    process.join()


def _ingest(environment: dict[str, str], novels: list[str], log: str, keeps_runs: bool) -> None:
    os.environ.update(environment)
    with open(log, "a", buffering=1) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        try:
            import dagster as dg

            from morpheus_assets.defs.ingest_here import ingest
            from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS
            from morpheus_assets.settings import load_settings

            # whoever started the process that this one is forked from may have loaded the definitions there
            load_settings.cache_clear()
            in_memory = dg.DagsterInstance.ephemeral
            with dg.DagsterInstance.get() if keeps_runs else in_memory(os.environ["DAGSTER_HOME"]) as instance:
                done = ingest(novels, [INGEST_NOVELS.name], instance)
        except BaseException:
            traceback.print_exc(file=sys.stderr)
            os._exit(2)
    os._exit(0 if done else 1)
