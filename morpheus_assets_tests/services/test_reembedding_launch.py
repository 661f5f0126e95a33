from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests_with_backfill_policies
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.backfill import BulkActionStatus
from sqlalchemy import Engine

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.backfills import InstanceBackfills
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.services import embed_novels
from morpheus_assets.services.backfills import RANGE_END, RANGE_START
from morpheus_assets.services.dagster_client import DagsterRefused
from morpheus_assets.services.reembedding_launch import launch_plan, order_for, settle_launches
from morpheus_assets.services.reembedding_plan import Plan, make_plan
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts import reembeddings
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
def before(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    return make_settings(database_url, provider_server.base_url(), tmp_path)


def with_spaces(settings: Settings, text_spaces: str, **changes: object) -> Settings:
    return settings.model_copy(update={"text_spaces": text_spaces, **changes})


def launch(engine: Engine, instance: dg.DagsterInstance, settings: Settings, plan: Plan | None = None) -> list[str]:
    graph = build_definitions(settings).get_repository_def().asset_graph
    return list(launch_plan(engine, InstanceBackfills(instance, graph), plan or make_plan(engine, settings)))


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


class Killed(BaseException):
    """The end of the process."""


class KilledBackfills(InstanceBackfills):
    """The process ends right after the launch, or right before."""

    after = True

    def launch(self, *arguments, **options) -> str:
        if self.after:
            super().launch(*arguments, **options)
        raise Killed


@pytest.mark.parametrize("after", [True, False])
def test_a_process_that_is_killed_around_the_launch_loses_no_record_of_the_budget(
    engine, before, instance, after: bool
) -> None:
    add_novels(engine, instance, names(3))
    settings = with_spaces(before, NEW, reembed_max_tokens=10_000)
    plan = make_plan(engine, settings)
    backfills = KilledBackfills(instance, build_definitions(settings).get_repository_def().asset_graph)
    backfills.after = after
    with pytest.raises(Killed):
        list(launch_plan(engine, backfills, plan))
    now = datetime.now(UTC)
    [noted] = reembeddings.launches_since(engine, now - timedelta(minutes=1))
    assert noted.intended
    assert make_plan(engine, settings).budget.tokens == 10_000 - plan.spaces[0].tokens, "counted until it is settled"

    seconds = settle_launches(engine, backfills.launched, now=now)
    if after:
        [backfill] = instance.get_backfills()
        [noted] = reembeddings.launches_since(engine, now - timedelta(minutes=1))
        assert (seconds, noted.backfill_id, noted.intended) == (0, backfill.backfill_id, False)
        return
    assert 50 < seconds <= 60, "another process may be about to launch it"
    assert settle_launches(engine, backfills.launched, now=now + timedelta(seconds=seconds + 1)) == 0
    assert reembeddings.launches_since(engine, now - timedelta(minutes=1)) == []
    assert make_plan(engine, settings).budget.tokens == 10_000


def test_a_launch_that_dagster_refuses_takes_nothing_from_the_budget(engine, before, instance) -> None:
    class RefusingBackfills(InstanceBackfills):
        def launch(self, *arguments, **options) -> str:
            raise DagsterRefused("no")

    add_novels(engine, instance, names(3))
    backfills = RefusingBackfills(instance, build_definitions(before).get_repository_def().asset_graph)
    with pytest.raises(DagsterRefused):
        list(launch_plan(engine, backfills, make_plan(engine, before)))
    assert reembeddings.launches_since(engine, datetime.now(UTC) - timedelta(minutes=1)) == []


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


def test_a_whole_novel_that_a_run_has_at_work_is_no_bridge_between_others(engine, before, instance) -> None:
    order = names(45)
    add_novels(engine, instance, order[::2])
    [plan] = make_plan(engine, before).spaces
    whole = set(order[1::2])
    assert set(order_for(plan, order, whole=whole).partitions) > set(order[::2]), "23 runs are too many"
    assert list(order_for(plan, order, whole=whole, busy=whole).partitions) == order[::2]


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


def test_a_run_over_fifty_novels_keeps_the_forty_seven_and_the_next_night_takes_the_three(
    engine, before, instance, provider_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_novels(engine, instance, names(50))
    poisoned = ["novel-010", "novel-011", "novel-030"]
    for novel in poisoned:
        add_novel(engine, novel, [*bodies_of(novel), "[[broken]] this passage makes the provider fail. "])
    # The few that are left are tried one by one in any order: three failures before others would end the run, as where
    # the provider is down.
    monkeypatch.setattr(embed_novels.random, "shuffle", lambda left: left.sort(key=poisoned.__contains__))
    url = provider_server.base_url(broken="429", retry_after="0.05")
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
    # The stream of all, then three novels by themselves; each failure is followed by a harmless sentence.
    assert provider_server.stats(url)["requests"] <= 4 * 2
