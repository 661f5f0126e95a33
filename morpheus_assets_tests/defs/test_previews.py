"""Every schedule and sensor, previewed through a real webserver as "Preview tick result" in the UI does."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg
import pytest
from dagster._core.events import EngineEventData
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from morpheus_assets.cli.environment import dagster_home
from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.services.content_location import novels_source
from morpheus_assets.services.content_scan import scan_novels
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.store.spaces.batch_jobs import add_batch_job
from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD,
    OLD_KEY,
    add_novel,
    add_novels,
    fill,
    make_settings,
    names,
)
from morpheus_assets_tests.fixtures.deployment import story
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.webserver import running_webserver

LONG_AGO = 1_600_000_000
NOW_ON = f"{NEW}, {OLD}, openai/text-embedding-3-small@128"


class Previews:
    """What the UI asks its webserver for."""

    def __init__(self, address: str) -> None:
        self.address = address

    def sensor(self, name: str) -> dict[str, Any]:
        return self._ask(
            "mutation($of: SensorSelector!) { sensorDryRun(selectorData: $of, cursor: null) { __typename %s } }",
            {"sensorName": name},
        )

    def schedule(self, name: str) -> dict[str, Any]:
        return self._ask(
            "mutation($of: ScheduleSelector!) { scheduleDryRun(selectorData: $of, timestamp: 1795831200)"
            " { __typename %s } }",
            {"scheduleName": name},
        )

    def _ask(self, query: str, of: dict[str, str]) -> dict[str, Any]:
        fields = """... on DryRunInstigationTick { evaluationResult { skipReason error { message stack }
            runRequests { runKey jobName tags { key value } } dynamicPartitionsRequests { partitionKeys } } }"""
        selector = {"repositoryName": "__repository__", "repositoryLocationName": "morpheus_assets", **of}
        body = {"query": query % fields, "variables": {"of": selector}}
        [answer] = httpx.post(f"{self.address}/graphql", json=body, timeout=300).json()["data"].values()
        assert answer["__typename"] == "DryRunInstigationTick"
        found = answer["evaluationResult"]
        assert found["error"] is None, found["error"]
        return found


@pytest.fixture
def settings(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    made = make_settings(database_url, provider_server.base_url(), tmp_path, NOW_ON, image_spaces="open_clip/demo")
    made.novels_folder.mkdir(parents=True)
    made.panels_folder.mkdir()
    return made


@pytest.fixture
def instance(
    settings: Settings, dagster_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The instance of the project's own dagster.yaml."""
    home = dagster_home(settings.data_folder)
    monkeypatch.setenv("DAGSTER_PG_URL", dagster_database_url)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@pytest.fixture
def webserver(settings: Settings, instance: dg.DagsterInstance) -> Iterator[str]:
    assert settings.database_url is not None
    environment = os.environ | {
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_CONTENT": str(settings.content),
        "MORPHEUS_DATA_FOLDER": str(settings.data_folder),
        "MORPHEUS_TEXT_SPACES": NOW_ON,
        "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
        "MORPHEUS_SAMPLES": "false",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": settings.openai_base_url,
    }
    with running_webserver(environment, settings.data_folder) as address:
        yield address


def rows_of(*urls: str) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    found = {}
    for url in urls:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address) as connection:
            tables = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            for table in tables:
                rows = connection.execute(SQL("SELECT t::text FROM {} t ORDER BY 1").format(Identifier(*table)))
                found[f"{url.rpartition('/')[2]}.{'.'.join(table)}"] = [row for (row,) in rows]
    return found


def give_each_something_to_do(engine, settings: Settings, instance: dg.DagsterInstance, database_url: str) -> None:
    """What each asks a run for.

    A new novel, novels that lack vectors, a whole new space, an ingest that failed, a run without its process, and a
    batch job that was left before it was sent.
    """
    add_novels(engine, instance, names(3))
    fill(engine, settings, OLD_KEY, names(3), active=True)
    fill(engine, settings, NEW_KEY, names(3))
    failed = settings.novels_folder / "failed.txt"
    failed.write_text(story(), encoding="utf-8")
    os.utime(failed, (LONG_AGO, LONG_AGO))
    scan_novels(engine, novels_source(settings))
    instance.add_dynamic_partitions(NOVELS.name or "novels", ["failed"])
    definitions = build_definitions(settings)
    ingest, upkeep = definitions.resolve_job_def("ingest_novels"), definitions.resolve_job_def("upkeep")
    tags = {"dagster/partition": "failed", "morpheus/kind": "ingest"}
    instance.create_run_for_job(ingest, status=dg.DagsterRunStatus.FAILURE, tags=tags)
    address = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute(
            "UPDATE runs SET update_timestamp = update_timestamp - interval '5 minutes', end_time = %s",
            (time.time() - 300,),
        )
    run = instance.create_run_for_job(upkeep, status=dg.DagsterRunStatus.STARTED)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    instance.report_engine_event("Started process.", run, EngineEventData.in_process(process.pid))
    add_batch_job(engine, get_space(engine, NEW_KEY), "left", "a change of model")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE batch_jobs SET created_at = now() - interval '1 hour'")
    questions = settings.novels_folder.parent / "questions" / "mine.tsv"
    questions.parent.mkdir()
    questions.write_text(f"question\tnovel\tchapters\nWho?\t{names(1)[0]}\t1\n", encoding="utf-8")
    casts = settings.novels_folder.parent / "characters" / f"{names(1)[0]}.toml"
    casts.parent.mkdir()
    casts.write_text('[[character]]\nname = "Anna"\n', encoding="utf-8")
    fresh = settings.novels_folder / "fresh.txt"
    fresh.write_text(story(seed=2), encoding="utf-8")
    os.utime(fresh, (LONG_AGO, LONG_AGO))
    panels = settings.panels_folder / "fresh"
    panels.mkdir()
    sample = PROJECT_FOLDER / "morpheus_assets" / "samples" / "panels" / "the-last-lamp" / "chapter1-panel1.png"
    (panels / "one.png").write_bytes(sample.read_bytes())
    os.utime(panels / "one.png", (LONG_AGO, LONG_AGO))


@pytest.mark.slow
def test_a_preview_launches_stores_and_sends_nothing(
    engine, settings: Settings, instance, webserver: str, dagster_database_url: str, provider_server: ProviderServer
) -> None:
    give_each_something_to_do(engine, settings, instance, dagster_database_url)
    previews = Previews(webserver)
    definitions = build_definitions(settings)
    asked = {
        # a sensor of automation conditions has no code here to evaluate, and the UI no preview of it
        **{
            sensor.name: lambda name=sensor.name: previews.sensor(name)
            for sensor in definitions.sensors
            if not isinstance(sensor, dg.AutomationConditionSensorDefinition)
        },
        **{schedule.name: lambda name=schedule.name: previews.schedule(name) for schedule in definitions.schedules},
    }
    assert len(asked) == 11
    content_url = settings.database_url.get_secret_value()
    before = rows_of(content_url, dagster_database_url)
    assert before, "there are tables to compare"
    for turn in range(2):
        for name, preview in asked.items():
            found = preview()
            assert found["runRequests"], f"{name} has something to ask for: {found['skipReason']}"
            after = rows_of(content_url, dagster_database_url)
            changed = [table for table in after if after[table] != before.get(table)]
            assert not changed, f"preview {turn + 1} of {name} stored something"
    assert provider_server.stats()["requests"] == 0
    add_novel(engine, "a-change-is-seen")
    assert rows_of(content_url, dagster_database_url) != before
