"""`morpheus reembed` against a real Dagster webserver."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.execution.backfill import BulkActionStatus
from sqlalchemy import Engine

from morpheus_assets.cli.main import main
from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS
from morpheus_assets.defs.jobs.reembed import launch
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.backfills import RANGE_END, RANGE_START
from morpheus_assets.services.dagster_client import DagsterClient, DagsterRefused
from morpheus_assets.settings import Settings, load_settings
from morpheus_assets.store.accounts import reembeddings
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD_KEY,
    add_novel,
    add_novels,
    fill,
    make_settings,
    names,
)
from morpheus_assets_tests.fixtures.webserver import running_webserver


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, NEW)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    home.mkdir()
    queued = {"run_coordinator": {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}}
    with dg.instance_for_test(overrides=queued, temp_dir=str(home), set_dagster_home=True) as made:
        yield made


@pytest.fixture
def webserver(settings: Settings, instance: dg.DagsterInstance, tmp_path: Path) -> Iterator[str]:
    environment = os.environ | {
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_TEXT_SPACES": NEW,
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "OPENAI_API_KEY": "sk-test",
    }
    with running_webserver(environment, tmp_path) as address:
        yield address


class Doors:
    """The two ways to launch, each over the same database and the same instance of Dagster."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, webserver: str) -> None:
        self.settings = settings
        self.instance = instance
        self.webserver = webserver

    def command_line(self) -> str:
        """`morpheus reembed --yes`; returns its last line, which follows the plan."""
        done = CliRunner().invoke(main, ["reembed", "--yes"])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()[-1]

    def schedule(self) -> str:
        """A tick of `reembed_on_model_change` and the run that it asks for; returns what the run says."""
        repository = build_definitions(self.settings).get_repository_def()
        # resources are the context's: given with the call they get a context of their own, whose instance nobody ends
        with dg.build_schedule_context(
            self.instance,
            scheduled_execution_time=datetime.now(UTC),
            resources={"database": DatabaseResource(self.settings)},
        ) as context:
            assert isinstance(repository.get_schedule_def("reembed_on_model_change")(context), dg.RunRequest)
        _, [said] = launch(self.instance, repository.asset_graph, DatabaseResource(self.settings))
        return said

    def end_backfill(self) -> tuple[str, set[str]]:
        """The id and the novels of the one backfill that runs, which then has ended."""
        [running] = self.instance.get_backfills(status=BulkActionStatus.REQUESTED)
        targets = running.asset_backfill_data.target_subset.iterate_asset_partitions()
        self.instance.update_backfill(running.with_status(BulkActionStatus.COMPLETED_SUCCESS))
        return running.backfill_id, {target.partition_key for target in targets}

    def queue_ingest(self, first: str, last: str) -> None:
        """A run that waits to bring in some novels; without a daemon it waits for ever."""
        tags = {RANGE_START: first, RANGE_END: last}
        run_id = asyncio.run(DagsterClient(self.webserver).launch_run(INGEST_NOVELS.name, tags=tags))
        assert self.instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.QUEUED


@pytest.fixture
def doors(
    settings: Settings, instance: dg.DagsterInstance, webserver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Doors]:
    for name, value in {
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_TEXT_SPACES": NEW,
        "MORPHEUS_DAGSTER_URL": webserver,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": settings.openai_base_url,
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield Doors(settings, instance, webserver)
    load_settings.cache_clear()


@pytest.mark.slow
def test_the_command_line_and_the_schedule_launch_the_same_and_say_the_same(engine: Engine, doors: Doors) -> None:
    add_novels(engine, doors.instance, names(5))
    fill(engine, make_settings(str(engine.url), "", Path()), OLD_KEY, names(5), active=True)
    a_plan_becomes_a_backfill_through_the_webserver(engine, doors)
    doors.queue_ingest("novel-001", "novel-003")
    for door in (doors.command_line, doors.schedule):
        said = door()
        backfill, novels = doors.end_backfill()
        assert novels == {"novel-000", "novel-004"}, "what a queued run brings in is left to that run"
        assert said == f"Re-embed 2 novels in {NEW_KEY}: a new space: backfill {backfill}."

    doors.command_line()
    still_running = doors.schedule()
    assert doors.command_line() == still_running
    backfill, _ = doors.end_backfill()
    assert still_running == f"{NEW_KEY}: the backfill {backfill} is still running, so none is added."

    doors.queue_ingest("novel-000", "novel-000")
    doors.queue_ingest("novel-004", "novel-004")
    all_at_work = doors.schedule()
    assert all_at_work.startswith(
        f"{NEW_KEY}: 5 novels lack vectors, but those that tonight's budget allows are at work"
    )
    assert doors.command_line() == all_at_work
    waiting = asyncio.run(DagsterClient(doors.webserver).runs_at_work(page=1))
    assert [tags[RANGE_START] for tags in waiting] == ["novel-004", "novel-000", "novel-001"], "page by page"

    spend_the_budget(engine, doors.settings)
    nothing_left = doors.schedule()
    assert nothing_left == (
        f"{NEW_KEY}: 5 novels lack vectors, and what is left of tonight's budget allows none of them."
    )
    assert doors.command_line() == nothing_left


def test_without_a_price_the_command_line_launches_nothing_and_says_what_to_set(
    engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_novel(engine, "emma")
    for name, value in {
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "MORPHEUS_TEXT_SPACES": "openai/own-model@64",
        "MORPHEUS_SAMPLES": "false",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    done = CliRunner().invoke(main, ["reembed", "--yes"])
    load_settings.cache_clear()
    assert done.exit_code == 0, done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("openai-own-model-64: the price of openai/own-model is not known")
    assert "set MORPHEUS_REEMBED_MAX_TOKENS" in last


def a_plan_becomes_a_backfill_through_the_webserver(engine: Engine, doors: Doors) -> None:
    doors.command_line()
    [backfill] = doors.instance.get_backfills()
    assert backfill.title == f"Re-embed 5 novels in {NEW_KEY}: a new space"
    assert backfill.tags["morpheus/space"] == NEW_KEY
    assert doors.end_backfill() == (backfill.backfill_id, set(names(5)))
    [noted] = reembeddings.launches_since(engine, datetime.now(UTC) - timedelta(minutes=5))
    assert noted.backfill_id == backfill.backfill_id
    with pytest.raises(DagsterRefused, match="has no asset text_embeddings/nonsense: reload its code location"):
        asyncio.run(DagsterClient(doors.webserver).partitions(["text_embeddings", "nonsense"]))


def spend_the_budget(engine: Engine, settings: Settings) -> None:
    cost = Decimal(str(settings.reembed_max_cost))
    launch = reembeddings.Launch("another-space", "a new space", "spent", 1, 1, 1, cost, datetime.now(UTC))
    reembeddings.record_launch(engine, launch)
