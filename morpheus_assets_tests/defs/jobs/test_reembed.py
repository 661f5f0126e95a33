from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests_with_backfill_policies
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.backfill import BulkActionStatus
from sqlalchemy import Engine

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs import backfills
from morpheus_assets.defs.jobs.reembed import launch_reembedding
from morpheus_assets.defs.partitions import NOVELS, RANGE_END, RANGE_START
from morpheus_assets.services.reembedding_plan import Plan, make_plan
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts import reembeddings
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD_KEY,
    add_novel,
    add_novels,
    bodies_of,
    embed,
    fill,
    make_settings,
    materialized,
    names,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def before(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    return make_settings(database_url, provider_server.base_url(), tmp_path)


def with_spaces(settings: Settings, text_spaces: str, **changes: object) -> Settings:
    return settings.model_copy(update={"text_spaces": text_spaces, **changes})


def launch(engine: Engine, instance: dg.DagsterInstance, settings: Settings, plan: Plan | None = None) -> list[str]:
    graph = build_definitions(settings).get_repository_def().asset_graph
    return launch_reembedding(engine, instance, graph, plan or make_plan(engine, settings))


def run_backfills(settings: Settings, instance: dg.DagsterInstance) -> int:
    """What the daemon does with the backfills that wait: one run for each range; returns how many runs."""
    graph = build_definitions(settings).get_repository_def().asset_graph
    runs = 0
    for waiting in instance.get_backfills(status=BulkActionStatus.REQUESTED):
        targets = waiting.get_asset_backfill_data(graph).target_subset.iterate_asset_partitions()
        with partition_loading_context(dynamic_partitions_store=instance):
            requests = build_run_requests_with_backfill_policies(list(targets), graph, instance)
        for request in requests:
            [key] = request.asset_selection
            order = instance.get_dynamic_partitions(NOVELS.name)
            first, last = order.index(request.tags[RANGE_START]), order.index(request.tags[RANGE_END])
            embed(settings, instance, key.path[-1], order[first : last + 1])
            runs += 1
        instance.update_backfill(waiting.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    return runs


def test_a_new_model_in_the_settings_is_an_asset_with_all_partitions_missing(engine, before, instance) -> None:
    add_novels(engine, instance, names(4))
    fill(engine, before, OLD_KEY, names(4), active=True)
    after = with_spaces(before, NEW)
    keys = build_definitions(after).get_repository_def().asset_graph.get_all_asset_keys()
    assert dg.AssetKey(["text_embeddings", NEW_KEY]) in keys
    assert materialized(instance, NEW_KEY) == set()
    assert spaces.active_space(engine, "text").key == OLD_KEY
    [plan] = make_plan(engine, after).spaces
    assert (plan.space.key, len(plan.work), plan.inputs) == (NEW_KEY, 4, 12)
    assert "a new space, beside" in plan.reason


def test_the_plan_counts_only_what_is_not_there_and_names_its_price(engine, before, instance) -> None:
    add_novels(engine, instance, names(4))
    fill(engine, before, OLD_KEY, names(4), active=True)
    after = with_spaces(before, NEW)
    [whole] = make_plan(engine, after).spaces
    fill(engine, after, NEW_KEY, names(3))
    [rest] = make_plan(engine, after).spaces
    assert [work.novel for work in rest.work] == ["novel-003"]
    assert rest.inputs == 3
    assert rest.tokens * 3 < whole.tokens < rest.tokens * 5
    assert rest.price is not None
    assert rest.price > 0
    assert rest.table_bytes > 0
    assert rest.requests == 1


def test_the_launch_is_a_backfill_whose_title_says_which_space_and_why(engine, before, instance) -> None:
    add_novels(engine, instance, names(3))
    fill(engine, before, OLD_KEY, names(3), active=True)
    [said] = launch(engine, instance, with_spaces(before, NEW))
    [backfill] = instance.get_backfills()
    assert backfill.title.startswith(f"Re-embed 3 novels in {NEW_KEY}: a new space")
    assert backfill.title in said
    assert backfill.tags["morpheus/kind"] == "reembed"
    assert backfill.tags["morpheus/space"] == NEW_KEY
    assert "tokens" in backfill.description
    [noted] = reembeddings.launches_since(engine, datetime.now(UTC) - timedelta(minutes=1))
    assert (noted.backfill_id, noted.novels, noted.inputs) == (backfill.backfill_id, 3, 9)


def test_a_second_launch_waits_for_the_first(engine, before, instance) -> None:
    add_novels(engine, instance, names(3))
    after = with_spaces(before, NEW)
    launch(engine, instance, after)
    [said] = launch(engine, instance, after)
    assert "still running" in said
    assert len(instance.get_backfills()) == 1


def test_a_novel_that_is_being_brought_in_is_left_to_its_run(engine, before, instance) -> None:
    from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS

    add_novels(engine, instance, names(5))
    job = build_definitions(before).resolve_job_def(INGEST_NOVELS.name)
    tags = {RANGE_START: "novel-001", RANGE_END: "novel-003"}
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    [said] = launch(engine, instance, before)
    assert said.startswith("Re-embed 2 novels")
    [backfill] = instance.get_backfills()
    keys = {target.partition_key for target in backfill.asset_backfill_data.target_subset.iterate_asset_partitions()}
    assert keys == {"novel-000", "novel-004"}


def test_nothing_is_launched_when_every_space_is_whole(engine, before, instance) -> None:
    add_novels(engine, instance, names(2))
    fill(engine, before, OLD_KEY, names(2), active=True)
    assert make_plan(engine, before).spaces == ()
    assert launch(engine, instance, before) == []


def test_a_night_takes_the_oldest_within_its_budget_and_the_next_goes_on(
    engine, before, instance, provider_server
) -> None:
    add_novels(engine, instance, names(10))
    [plan] = make_plan(engine, before).spaces
    each = plan.work[0].tokens
    after = with_spaces(before, NEW, reembed_max_tokens=int(4.5 * each))
    for night, expected in enumerate([names(4), names(4, 4), names(2, 8)]):
        now = datetime.now(UTC) + timedelta(days=night)
        found = make_plan(engine, after, now=now)
        assert [work.novel for work in found.spaces[0].chosen] == expected
        launch(engine, instance, after, found)
        run_backfills(after, instance)
        if night == 0:
            tonight = make_plan(engine, after, now=now + timedelta(hours=1))
            assert not tonight.spaces[0].chosen, "the budget of the night is spent"
    assert make_plan(engine, after).spaces == ()
    assert materialized(instance, NEW_KEY) == set(names(10))
    assert provider_server.stats()["repeated_inputs"] == 0


def test_a_budget_in_dollars_counts_too(engine, before, instance) -> None:
    add_novels(engine, instance, names(6))
    [plan] = make_plan(engine, with_spaces(before, NEW)).spaces
    limit = float(plan.work[0].price * 2) * 1.1
    [limited] = make_plan(engine, with_spaces(before, NEW, reembed_max_cost=limit)).spaces
    assert [work.novel for work in limited.chosen] == names(2)


def test_a_novel_that_no_night_can_afford_is_named_and_does_not_hold_up_the_others(engine, before, instance) -> None:
    add_novels(engine, instance, ["war-and-peace"], passages=60)
    add_novels(engine, instance, names(2))
    sizes = [work.tokens for work in make_plan(engine, before).spaces[0].work]
    [plan] = make_plan(engine, with_spaces(before, NEW, reembed_max_tokens=sizes[0] - 1)).spaces
    assert [work.novel for work in plan.too_large] == ["war-and-peace"]
    assert [work.novel for work in plan.chosen] == names(2)


def test_a_run_over_fifty_novels_keeps_the_forty_seven_and_the_next_night_takes_the_three(
    engine, before, instance, provider_server
) -> None:
    add_novels(engine, instance, names(50))
    poisoned = ["novel-010", "novel-011", "novel-030"]
    for novel in poisoned:
        add_novel(engine, novel, [*bodies_of(novel), "[[broken]] this passage makes the provider fail. "])
    url = provider_server.base_url(broken="500")
    after = with_spaces(before, NEW, openai_base_url=url, inputs_per_request=16)
    launch(engine, instance, after)
    assert run_backfills(after, instance) == 1
    assert materialized(instance, NEW_KEY) == set(names(50)) - set(poisoned)
    [run] = instance.get_runs()
    assert run.status == dg.DagsterRunStatus.FAILURE
    [failure] = [
        event.dagster_event.step_failure_data.user_failure_data
        for event in instance.all_logs(run.run_id)
        if event.dagster_event and event.dagster_event.is_step_failure
    ]
    assert set(failure.metadata) == set(poisoned)
    assert all(novel in failure.description for novel in poisoned)
    tomorrow = make_plan(engine, after, now=datetime.now(UTC) + timedelta(days=1))
    assert [work.novel for work in tomorrow.spaces[0].chosen] == poisoned
    asked = provider_server.stats(url)["distinct_inputs"]
    healed = with_spaces(after, NEW, openai_base_url=(second := provider_server.base_url()))
    launch(engine, instance, healed, tomorrow)
    assert run_backfills(healed, instance) == 2, "two of the three follow each other"
    assert materialized(instance, NEW_KEY) == set(names(50))
    assert provider_server.stats(second)["inputs"] <= 12
    assert asked + provider_server.stats(second)["inputs"] == 151, "the broken passage is the same in all three"


def test_a_provider_that_is_down_ends_the_run_after_a_few_novels(engine, before, instance, provider_server) -> None:
    add_novels(engine, instance, names(30))
    url = provider_server.base_url(fault="503")
    after = with_spaces(before, NEW, openai_base_url=url, inputs_per_request=8, requests_in_flight=1)
    assert not embed(after, instance, NEW_KEY, names(30)).success
    assert provider_server.stats(url)["requests"] <= 5


def test_scattered_novels_share_runs_with_whole_ones_between_them(engine, before, instance) -> None:
    from morpheus_assets.services.reembedding_launch import bridge, count_runs

    order = names(100)
    scattered = order[::3]
    whole = set(order) - set(scattered)
    assert count_runs(scattered, order) == 34
    bridged = bridge(scattered, order, whole, most_runs=5)
    assert count_runs(bridged, order) <= 6
    assert set(scattered) <= set(bridged)
    lacking_too = bridge(scattered, order, whole - {order[1]}, most_runs=1)
    assert order[1] not in lacking_too


def test_what_is_cut_by_another_chunker_is_shown_in_the_plan(engine, before, instance) -> None:
    add_novels(engine, instance, names(1))
    from morpheus_assets.store.content.chunks import iter_chunks, replace_chunks

    replace_chunks(engine, "novel-000", list(iter_chunks(engine, "novel-000")), chunker="older 1.0")
    [note] = make_plan(engine, before).notes
    assert "1 novels are cut by another chunker (older 1.0" in note


def test_the_private_parts_of_dagster_are_where_they_were(instance) -> None:
    import inspect

    wanted = {
        "backfill_id", "asset_graph", "partition_names", "asset_selection", "backfill_timestamp", "tags",
        "dynamic_partitions_store", "all_partitions", "title", "description", "run_config",
    }  # fmt: skip
    assert set(inspect.signature(backfills.PartitionBackfill.from_asset_partitions).parameters) == wanted
    assert {status.name for status in backfills.RUNNING} == {"REQUESTED", "CANCELING", "FAILING"}
    assert callable(instance.add_backfill)
    assert callable(instance.get_backfills)
