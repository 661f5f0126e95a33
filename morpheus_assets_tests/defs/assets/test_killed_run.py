import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests.defs.assets import ingest_process
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow(30)


def start_ingest(
    deployment: Deployment, home: Path, base_url: str, *novels: str, keeps_runs: bool = True
) -> BaseProcess:
    """The ingest in a process of its own, in the deployment's folder."""
    settings = deployment.settings
    assert settings.database_url is not None
    return ingest_process.start_ingest(
        settings.novels_folder.parents[1], settings.database_url.get_secret_value(), base_url, novels,
        home=str(home), keeps_runs=keeps_runs, MORPHEUS_INPUTS_PER_REQUEST="32",
    )  # fmt: skip


def stored(deployment: Deployment) -> int:
    if not deployment.rows("SELECT 1 FROM pg_tables WHERE tablename = 'embeddings_1'"):
        return 0
    return deployment.rows("SELECT count(*) FROM embeddings_1")[0][0]


def test_a_run_killed_in_the_middle_of_a_long_novel_goes_on_and_pays_for_nothing_again(
    deployment: Deployment, tmp_path: Path, fault_row: FaultRow
):
    shared = PROJECT_FOLDER.parent / "shared" / "data" / "novels" / "war-and-peace-latin1.txt"
    text = shared.read_bytes() if shared.exists() else story(chapters=365, paragraphs=12)
    deployment.drop("war-and-peace.txt", text)
    base_url = deployment.server.base_url(latency_ms=200)
    home = tmp_path / "dagster"
    run = start_ingest(deployment, home, base_url, "war-and-peace")
    eventually(lambda: stored(deployment) >= 500 or not run.is_alive(), 600)
    run.kill()
    run.join()
    killed = time.monotonic()
    # what was on its way arrives at the provider all the same
    time.sleep(1)
    committed, sent = stored(deployment), deployment.server.at_rest(base_url)["inputs"]
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    assert 500 <= committed < needed

    again = start_ingest(deployment, home, base_url, "war-and-peace")
    again.join(600)
    assert again.exitcode == 0
    assert stored(deployment) == needed
    assert deployment.server.stats(base_url)["inputs"] - sent == needed - committed
    # what was in flight, and what had arrived in the meantime and waited to be stored
    in_hand = 2 * deployment.settings.requests_in_flight * 32
    repeated = deployment.server.stats(base_url)["repeated_inputs"]
    assert repeated <= in_hand
    fault_row(
        "kill -9 of a run in the middle of a long novel; what was in flight is asked for again",
        lost=needed - stored(deployment),
        paid_twice=repeated,
        seconds=time.monotonic() - killed,
    )
