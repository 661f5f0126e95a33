from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.jobs.reembed import launch
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.settings import Settings
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD_KEY,
    add_novels,
    fill,
    make_settings,
    names,
)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    # a schedule's context takes no instance that another process could not open
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def tick(settings: Settings, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    repository = build_definitions(settings).get_repository_def()
    at = datetime(2026, 11, 28, 2, tzinfo=UTC)
    # resources are the context's: given with the call they get a context of their own, whose instance nobody ends
    resources = {"database": DatabaseResource(settings)}
    with dg.build_schedule_context(instance, scheduled_execution_time=at, resources=resources) as context:
        return repository.get_schedule_def("reembed_on_model_change")(context)


def test_all_schedules_run_by_themselves_at_the_settings_hours(database_url, tmp_path: Path) -> None:
    settings = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, reembed_cron="15 1 * * *")
    schedules = {each.name: each for each in build_definitions(settings).schedules}
    assert set(schedules) == {"reembed_on_model_change", "upkeep_schedule", "check_embeddings_schedule"}
    assert schedules["reembed_on_model_change"].cron_schedule == "15 1 * * *"
    assert {each.default_status for each in schedules.values()} == {dg.DefaultScheduleStatus.RUNNING}


def test_a_night_asks_for_a_run_that_launches_a_backfill_and_both_say_why(
    engine, database_url, instance, tmp_path: Path
) -> None:
    settings = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, NEW)
    add_novels(engine, instance, names(5))
    request = tick(settings, instance)
    assert instance.get_backfills() == [], "the tick itself launches nothing"
    assert request.tags["morpheus/reason"] == f"5 novels lack {NEW_KEY}: a new space"
    assert request.run_key == tick(settings, instance).run_key, "one run a night"
    graph = build_definitions(settings).resolve_asset_graph()
    plan, [said] = launch(instance, graph, DatabaseResource(settings), schedule="reembed_on_model_change")
    [backfill] = instance.get_backfills()
    assert backfill.tags["dagster/schedule_name"] == "reembed_on_model_change"
    assert "tonight   5 novels" in plan
    assert f"Re-embed 5 novels in {NEW_KEY}" in said
    assert backfill.backfill_id in said
    _, [again] = launch(instance, graph, DatabaseResource(settings))
    assert "is still running" in again


def test_a_night_without_a_bound_launches_nothing_and_says_what_to_set(
    engine, database_url, instance, tmp_path: Path
) -> None:
    settings = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, "openai/own-model@64")
    add_novels(engine, instance, names(5))
    said = tick(settings, instance).skip_message
    graph = build_definitions(settings).resolve_asset_graph()
    assert launch(instance, graph, DatabaseResource(settings))[1] == [said], "by hand the job says the same"
    assert "\n" not in said
    assert said.startswith("openai-own-model-64: the price of openai/own-model is not known")
    assert "set MORPHEUS_REEMBED_MAX_TOKENS" in said
    assert instance.get_backfills() == []
    bounded = settings.model_copy(update={"reembed_max_tokens": 100_000})
    assert tick(bounded, instance).tags["morpheus/reason"].startswith("5 novels lack openai-own-model-64")


def test_a_night_with_nothing_to_do_says_that(engine, database_url, instance, tmp_path: Path) -> None:
    settings = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path)
    add_novels(engine, instance, names(2))
    fill(engine, settings, OLD_KEY, names(2), active=True)
    assert tick(settings, instance).skip_message == "Every configured space is whole: nothing to embed."


def test_a_database_that_is_down_is_one_sentence_and_no_failed_tick(instance, tmp_path: Path) -> None:
    settings = make_settings("postgresql://nobody@127.0.0.1:9/none", "http://127.0.0.1:9/v1", tmp_path)
    assert "No Postgres answers" in tick(settings, instance).skip_message


@pytest.mark.parametrize("line", ["at night", "0 2 * *", "0 2 * * * *"])
def test_a_cron_line_that_is_none_is_refused_by_its_name(database_url, tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="is no cron line"):
        make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, reembed_cron=line)
