"""The way from files to searches through a real PgBouncer: nothing is lost, and nothing is paid twice."""

import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.search.hits import search_text
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.vectors import read_vectors
from morpheus_assets_tests.defs.assets.test_killed_run import start_ingest, stored
from morpheus_assets_tests.defs.model_change import switch_tick
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer, pgbouncer, pgbouncer_program  # noqa: F401
from morpheus_assets_tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow
both_modes = pytest.mark.parametrize("pgbouncer", ["transaction", "session"], indirect=True)


@pytest.fixture
def pooled(deployment: Deployment, pgbouncer: PgBouncer, database_url: str) -> Deployment:  # noqa: F811
    """The deployment, whose processes reach the database through the pooler alone."""
    return deployment.with_settings(database_url=SecretStr(pgbouncer.url(database_url)), inputs_per_request=8)


def needed(deployment: Deployment) -> int:
    return deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]


@both_modes
def test_a_novel_is_ingested_searched_and_moved_to_another_model(pooled: Deployment):
    pooled.drop("harbour.txt", story(chapters=6))
    assert pooled.ingest("harbour").success
    assert stored(pooled) == needed(pooled)
    assert pooled.inputs == needed(pooled)
    assert pooled.ingest("harbour").success
    assert pooled.inputs == needed(pooled)

    moved = pooled.with_settings(text_spaces="openai/text-embedding-3-small@128,openai/text-embedding-3-small@256")
    assert moved.ingest("harbour").success
    assert moved.inputs == 2 * needed(moved)
    for _ in range(3):
        switch_tick(moved.settings, moved.instance)
    engine = open_engine(moved.settings.database_url.get_secret_value())
    active = spaces.active_space(engine, "text")
    assert active is not None
    assert active.dimensions == 128
    [stored_one] = moved.rows("SELECT min(content_hash::text) FROM chunks")
    value = bytes.fromhex(stored_one[0].removeprefix("\\x"))
    vector = read_vectors(engine, active, [value])[value]
    hits = search_text(engine, vector, "lantern harbour", k=3)
    assert {hit.novel for hit in hits} == {"harbour"}
    engine.dispose()


@both_modes
def test_two_runs_over_one_text_ask_for_each_passage_once(pooled: Deployment, tmp_path: Path, fault_row: FaultRow):
    text = story(chapters=12, paragraphs=8)
    pooled.drop("one.txt", text)
    pooled.drop("two.txt", text)
    base_url = pooled.server.base_url(latency_ms=400)
    runs = []
    for novel in ("one", "two"):
        runs.append(start_ingest(pooled, tmp_path / novel, base_url, novel, keeps_runs=False))
    for run in runs:
        run.join(600)
    assert [run.exitcode for run in runs] == [0, 0]
    stats = pooled.server.stats(base_url)
    assert stats["repeated_inputs"] == 0
    assert stats["inputs"] == needed(pooled) == stored(pooled)
    fault_row(
        "two runs over one text through PgBouncer, whose connections live for three seconds",
        lost=needed(pooled) - stored(pooled),
        paid_twice=stats["repeated_inputs"],
    )


def test_a_run_killed_behind_a_pooler_is_whole_again_when_its_lease_ends_and_pays_for_nothing_that_was_stored(
    pooled: Deployment, tmp_path: Path, fault_row: FaultRow
):
    pooled.drop("long.txt", story(chapters=120, paragraphs=12))
    base_url = pooled.server.base_url(latency_ms=200)
    home = tmp_path / "dagster"
    run = start_ingest(pooled, home, base_url, "long")
    eventually(lambda: stored(pooled) >= 200 or not run.is_alive(), 600)
    run.kill()
    run.join()
    killed = time.monotonic()
    # what the server had taken before the kill
    time.sleep(0.5)
    committed, sent = stored(pooled), pooled.server.at_rest(base_url)["inputs"]
    assert 200 <= committed < needed(pooled)
    # as on another machine, which cannot see that the process is gone, and as if most of the lease's 60 s had passed
    assert pooled.rows("SELECT count(*) FROM leases") == [(1,)]
    left, shortened = 8, time.monotonic()
    with pooled.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE leases SET machine = 'another machine', expires_at = clock_timestamp() + interval '{left} seconds'"
        )
    again = start_ingest(pooled, home, base_url, "long")
    again.join(600)
    assert again.exitcode == 0
    whole = time.monotonic()
    assert shortened + left < whole
    assert stored(pooled) == needed(pooled)
    asked_again = pooled.server.stats(base_url)["inputs"] - sent
    assert asked_again == needed(pooled) - committed
    fault_row(
        "kill -9 of a run behind PgBouncer, on a machine that cannot see that it is gone",
        lost=needed(pooled) - stored(pooled),
        paid_twice=asked_again - (needed(pooled) - committed),
        seconds=whole - killed,
    )
    assert pooled.rows("SELECT count(*) FROM embedding_claims") == [(0,)]
    assert pooled.rows("SELECT count(*) FROM leases") == [(0,)]
