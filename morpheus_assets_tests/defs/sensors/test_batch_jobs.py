"""A re-embedding through the batch API as Dagster runs it: the nightly job, the sensor, the run that collects."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.jobs.collect_batches import collect
from morpheus_assets.defs.jobs.reembed import launch
from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.defs.sensors.batch_jobs import batch_jobs_sensor
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.store.accounts import reembeddings
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.batch_jobs import open_batch_jobs
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD_KEY,
    add_novel,
    add_novels,
    asset_of,
    bodies_of,
    embed,
    fill,
    make_settings,
    materialized,
    names,
)
from morpheus_assets_tests.fixtures.batch_server import BatchServer, batch_server
from morpheus_assets_tests.services.test_reembedding_launch import run_backfills


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with batch_server() as made:
        yield made


@pytest.fixture
def settings(database_url: str, server: BatchServer, tmp_path: Path) -> Settings:
    return make_settings(database_url, server.url, tmp_path, NEW)


def tick(settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return batch_jobs_sensor(context, database=DatabaseResource(settings))


def reembed(settings: Settings, instance: dg.DagsterInstance, batch: bool | None = True) -> str:
    graph = build_definitions(settings).get_repository_def().asset_graph
    return "\n".join(launch(instance, graph, DatabaseResource(settings), batch=batch)[1])


def collected(settings: Settings, instance: dg.DagsterInstance) -> str:
    graph = build_definitions(settings).get_repository_def().asset_graph
    done = collect(instance, graph, DatabaseResource(settings), ProvidersResource(settings))
    return "\n".join(each.said for each in done)


def test_a_new_space_is_filled_by_a_batch_and_the_old_one_answers_until_it_is_whole(engine, instance, server, settings):
    add_novels(engine, instance, names(3))
    fill(engine, make_settings(settings.database_url.get_secret_value(), server.url, settings.data_folder), OLD_KEY,
         names(3), active=True)  # fmt: skip
    assert "9 inputs are sent as the batch job" in reembed(settings, instance)
    assert instance.get_backfills() == []
    waiting = tick(settings, instance)
    assert waiting.run_requests == []
    assert "0 of 9 inputs are answered" in waiting.skip_reason.skip_message
    [progress] = waiting.asset_events
    assert progress.asset_key == asset_of(NEW_KEY)
    assert progress.metadata["status"].value == "validating"
    assert tick(settings, instance, waiting.cursor).asset_events == [], "said once"

    server.end(
        failed=lambda text: {"status_code": 500, "message": "internal"} if "novel-001 passage 2" in text else None
    )
    due = tick(settings, instance, waiting.cursor)
    assert len(due.run_requests) == 1
    assert "8 of 9 inputs are stored, 1 are not" in collected(settings, instance)
    assert open_batch_jobs(engine) == []
    assert spaces.active_space(engine, "text").key == OLD_KEY
    assert run_backfills(settings, instance) > 0
    assert materialized(instance, NEW_KEY) == set(names(3)), "also those of which an ordinary run had nothing to do"
    assert server.ordinary == [bodies_of("novel-001")[2]]
    assert coverage(engine, spaces.get_space(engine, NEW_KEY)).whole
    assert "open" in tick(settings, instance).skip_message


def test_an_ordinary_run_leaves_to_the_job_what_is_in_it_and_embeds_what_is_new(engine, instance, server, settings):
    add_novels(engine, instance, names(2))
    reembed(settings, instance)
    add_novel(engine, "novel-000", [*bodies_of("novel-000"), "A passage that came later. "])
    result = embed(settings, instance, NEW_KEY, ["novel-000"])
    assert result.success
    [event] = [each.materialization for each in result.all_events if each.is_step_materialization]
    assert event.metadata["left_to_a_batch_job"].value == 3
    assert server.ordinary == ["A passage that came later. "]


def test_the_night_refuses_the_batch_where_nothing_chooses_it(engine, instance, server, settings):
    add_novels(engine, instance, names(2))
    assert "backfill" in reembed(settings, instance, batch=None)
    assert open_batch_jobs(engine) == []
    assert server.jobs == {}


def test_what_fails_for_want_of_budget_is_left_to_another_night(engine, instance, server, settings):
    add_novels(engine, instance, names(2))
    reembed(settings, instance)
    server.end("failed", answered=0)
    poor = settings.model_copy(update={"reembed_max_tokens": 1})
    [request] = tick(poor, instance).run_requests
    assert request.job_name is None
    collected(poor, instance)
    assert instance.get_backfills() == []
    assert reembeddings.launches_since(engine, datetime.now(UTC) - timedelta(hours=1))[0].tokens == 0, (
        "the job charged nothing"
    )


@pytest.mark.slow
def test_both_jobs_run_as_dagster_starts_them(engine, server, settings, tmp_path):
    add_novel(engine, "novel-000")
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        instance.add_dynamic_partitions("novels", ["novel-000"])
    environment = os.environ | {
        "DAGSTER_HOME": str(home),
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_TEXT_SPACES": NEW,
        "MORPHEUS_REEMBED_BATCH": "true",
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": server.url,
    }

    def run(job: str) -> str:
        program = [sys.executable, "-m", "dagster", "job", "execute", "-m", "morpheus_assets.definitions", "-j", job]
        done = subprocess.run(program, env=environment, cwd=PROJECT_FOLDER, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    assert "3 inputs are sent as the batch job" in run("reembed")
    server.end()
    assert "3 of 3 inputs are stored" in run("collect_batches")
    assert coverage(engine, spaces.get_space(engine, NEW_KEY)).whole
