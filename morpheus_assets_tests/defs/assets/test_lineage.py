"""The two ends of the lineage: the content that people drop, and the space that answers searches."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.assets.content_sources import NOVEL_FILES, PANEL_FILES
from morpheus_assets.defs.assets.search_index import SEARCH_INDEX
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.sensors.new_content import new_novels_sensor
from morpheus_assets.defs.sensors.space_switch import switch_spaces_sensor
from morpheus_assets.domain.content import SourceFile
from morpheus_assets.services.space_lifecycle import activate_by_hand
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import ingested_digests
from morpheus_assets.store.content.source_files import save_source_files
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD,
    OLD_KEY,
    add_novel,
    add_novels,
    asset_of,
    carry_out,
    fill,
    make_settings,
    names,
)
from morpheus_assets_tests.defs.sensors.test_new_content import Watcher, drop
from morpheus_assets_tests.fixtures.deployment import Deployment
from morpheus_assets_tests.fixtures.provider import ProviderServer

TEXT = SEARCH_INDEX["text"]


@pytest.fixture
def settings(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    return make_settings(database_url, provider_server.base_url(), tmp_path)


@pytest.fixture
def old_space(engine, settings: Settings, instance: dg.DagsterInstance) -> Settings:
    """Two novels, whole in the space that answers."""
    add_novels(engine, instance, names(2))
    fill(engine, settings, OLD_KEY, names(2), active=True)
    return settings


class Ticks:
    """Ticks of switch_spaces_sensor with its cursor; the runs that it asks for, and the events that it reports."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor = instance, None

    def tick(self, settings: Settings) -> list[dg.AssetMaterialization]:
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            result = switch_spaces_sensor(context, database=DatabaseResource(settings))
        if isinstance(result, dg.SkipReason):
            return []
        self.cursor = result.cursor or self.cursor
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        for request in result.run_requests or []:
            carry_out(settings, self.instance, request)
        return list(result.asset_events)


@pytest.fixture
def ticks(instance: dg.DagsterInstance) -> Ticks:
    return Ticks(instance)


def recorded(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """The metadata of each materialization of search_index/text, the first one first."""
    records = instance.fetch_materializations(TEXT, limit=20, ascending=True).records
    found = [record.asset_materialization for record in records]
    return [{name: value.value for name, value in each.metadata.items()} for each in found if each]


def test_the_lineage_begins_with_content_and_ends_with_what_answers(settings: Settings) -> None:
    graph = build_definitions(settings).resolve_asset_graph()
    assert graph.get(dg.AssetKey("novels")).parent_keys == {NOVEL_FILES}
    assert graph.get(dg.AssetKey("panel_images")).parent_keys == {PANEL_FILES}
    assert {key.path[0] for key in graph.get(TEXT).parent_keys} == {"text_embeddings"}
    assert {key.path[0] for key in graph.get(SEARCH_INDEX["image"]).parent_keys} == {"clip_embeddings"}
    for key in (NOVEL_FILES, PANEL_FILES, *SEARCH_INDEX.values()):
        assert graph.get(key).is_external, key


def test_content_is_recorded_after_each_change_and_at_no_other_tick(deployment: Deployment) -> None:
    novels = Watcher(deployment, new_novels_sensor)

    def observed() -> dict[str, Any]:
        result = novels.tick()
        events = result.asset_events if isinstance(result, dg.SensorResult) else []
        return {name: value.value for each in events for name, value in each.metadata.items()}

    drop(deployment, "emma.txt", "One.")
    assert {"files": 1, "novels": 1, "bytes": 4}.items() <= observed().items()
    assert observed() == {}
    drop(deployment, "dracula.txt", "Two, longer.")
    found = observed()
    assert {"files": 2, "novels": 2, "bytes": 16}.items() <= found.items()
    assert found["newest"] == 1_600_000_000
    assert len(deployment.instance.fetch_observations(NOVEL_FILES, limit=9).records) == 2
    assert len(deployment.instance.fetch_materializations(NOVEL_FILES, limit=9).records) == 2


def test_the_first_space_that_answers_is_recorded_once(old_space: Settings, ticks: Ticks, instance) -> None:
    assert [event.asset_key for event in ticks.tick(old_space)] == [TEXT]
    assert ticks.tick(old_space) == []
    [first] = recorded(instance)
    assert (first["space"], first["dagster/row_count"], first["before"]) == (OLD_KEY, 6, "none that is still stored")


def test_a_space_that_answered_before_it_was_whole_is_recorded_again_once_it_is(
    engine, settings: Settings, ticks: Ticks, instance
) -> None:
    add_novels(engine, instance, names(2))
    fill(engine, settings, OLD_KEY, names(1), active=True)
    ticks.tick(settings)
    assert ticks.tick(settings) == [], "it still lacks a novel"
    fill(engine, settings, OLD_KEY, names(2))
    assert ticks.tick(settings) == [], "it was looked at a moment ago"
    later = json.loads(ticks.cursor) | {"lacking": {"text": 0}}
    ticks.cursor = json.dumps(later)
    assert [event.asset_key for event in ticks.tick(settings)] == [TEXT]
    first, whole = recorded(instance)
    assert (first["missing"], whole["missing"]) == (3, 0)
    assert (first["dagster/row_count"], whole["dagster/row_count"]) == (3, 6)
    assert ticks.tick(settings) == []
    assert "lacking" not in json.loads(ticks.cursor)


def test_each_switch_is_recorded_with_the_space_before_and_a_row_for_what_the_settings_name_no_more(
    engine, old_space: Settings, ticks: Ticks, instance
) -> None:
    ticks.tick(old_space)
    after = old_space.model_copy(update={"text_spaces": NEW})
    fill(engine, after, NEW_KEY, names(2))
    ticks.tick(after)
    assert ticks.tick(after) == [], "the run has recorded it"
    _, switched = recorded(instance)
    assert (switched["space"], switched["before"]) == (NEW_KEY, OLD_KEY)
    rows = {row.data["space"]: row.data for row in switched["spaces"].records} if hasattr(
        switched["spaces"], "records"
    ) else {row.data["space"]: row.data for row in switched["spaces"]}  # fmt: skip
    assert (rows[OLD_KEY]["state"], rows[OLD_KEY]["place in the settings"]) == ("retired", 0)
    old = asset_of(OLD_KEY)
    [observation] = instance.fetch_observations(old, limit=1).records
    assert f"{OLD_KEY} is retired: {NEW_KEY} answers in its place." in observation.asset_observation.description


def test_a_switch_by_hand_is_recorded_too(engine, old_space: Settings, ticks: Ticks, instance) -> None:
    both = old_space.model_copy(update={"text_spaces": f"{OLD}, {NEW}"})
    fill(engine, both, NEW_KEY, names(2))
    ticks.tick(both)
    activate_by_hand(engine, both, NEW_KEY)
    ticks.tick(both)
    assert [each["space"] for each in recorded(instance)] == [OLD_KEY, NEW_KEY]


def test_a_night_confirms_the_index_while_it_holds_all_of_the_content(engine, old_space: Settings, instance) -> None:
    upkeep = build_definitions(old_space).resolve_job_def("upkeep")

    def confirmed() -> int:
        assert upkeep.execute_in_process(instance=instance).success
        return len(recorded(instance))

    assert confirmed() == 1
    digests = ingested_digests(engine)
    late = [SourceFile("text", f"{novel}.txt", novel, 1, 1, digests[novel].text) for novel in names(2)]
    save_source_files(engine, [*late, SourceFile("text", "late.txt", "late", 1, 1, "0" * 64)])
    assert confirmed() == 2, "a file that came today is on its way"
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE source_files SET observed_at = now() - interval '30 hours'")
    assert confirmed() == 2
    save_source_files(engine, [])
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM source_files WHERE novel = 'late'")
    add_novel(engine, "fresh")
    assert confirmed() == 2, "a novel lacks its vectors"


def test_the_index_is_stale_two_hours_after_a_night_that_did_not_confirm_it(settings: Settings) -> None:
    weekly = settings.model_copy(update={"upkeep_cron": "0 4 * * 0"})
    for each, hours in ((settings, 24), (weekly, 168)):
        policy = build_definitions(each).resolve_asset_graph().get(TEXT).freshness_policy_or_from_metadata
        assert isinstance(policy, dg.TimeWindowFreshnessPolicy) if hasattr(dg, "TimeWindowFreshnessPolicy") else policy
        assert policy.warn_window.to_timedelta().total_seconds() == (hours + 2) * 3600
        assert policy.fail_window.to_timedelta().total_seconds() == (2 * hours + 2) * 3600
