from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.cli.search import Searching
from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.sensors.space_switch import switch_spaces_sensor
from morpheus_assets.services.space_lifecycle import activate_by_hand, retire_by_hand
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import SpaceError, SpaceIncomplete
from morpheus_assets.store.spaces import indexes, spaces
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD,
    OLD_KEY,
    add_novels,
    asset_of,
    bodies_of,
    carry_out,
    embed,
    fill,
    make_settings,
    names,
    switch_tick,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer


@pytest.fixture
def before(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    return make_settings(database_url, provider_server.base_url(), tmp_path)


@pytest.fixture
def old_space(engine, before, instance) -> Settings:
    """Six novels, whole in the old space, which answers."""
    add_novels(engine, instance, names(6))
    fill(engine, before, OLD_KEY, names(6), active=True)
    assert "is new: it is filled beside the present one" in switch_tick(before, instance), "the image space"
    return before


def with_spaces(settings: Settings, text_spaces: str) -> Settings:
    return settings.model_copy(update={"text_spaces": text_spaces})


def states(engine) -> dict[str, str]:
    return {row.key: row.state for row in spaces.list_spaces(engine, "text")}


def test_searches_stay_with_the_old_space_until_the_new_one_is_whole(engine, old_space, instance) -> None:
    after = with_spaces(old_space, NEW)
    assert f"{NEW_KEY} is new" in switch_tick(after, instance)
    assert f"{NEW_KEY} is being filled: 18 of 18 passages lack a vector" in switch_tick(after, instance)
    fill(engine, after, NEW_KEY, names(5))
    assert "3 of 18 passages" in switch_tick(after, instance)
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "building"}


def test_a_whole_space_is_checked_and_takes_over_and_the_old_one_begins_its_retention(
    engine, old_space, instance
) -> None:
    after = with_spaces(old_space, NEW)
    switch_tick(after, instance)
    fill(engine, after, NEW_KEY, names(6))
    said = switch_tick(after, instance)
    assert f"{NEW_KEY} is ready: 18 vectors of 96 dimensions" in said
    assert f"{NEW_KEY} answers text searches from now on in place of {OLD_KEY}" in said, "one run makes both moves"
    assert states(engine) == {OLD_KEY: "retired", NEW_KEY: "active"}
    [observation] = instance.fetch_observations(asset_of(NEW_KEY), limit=1).records
    assert "answers text searches" in observation.asset_observation.description
    assert "openai" not in switch_tick(after, instance)


def test_an_old_space_that_stays_in_the_settings_stands_by(engine, old_space, instance) -> None:
    after = with_spaces(old_space, f"{NEW}, {OLD}")
    fill(engine, after, NEW_KEY, names(6))
    switch_tick(after, instance)
    switch_tick(after, instance)
    assert states(engine) == {OLD_KEY: "ready", NEW_KEY: "active"}


def test_putting_the_old_space_first_again_switches_back_without_embedding(
    engine, old_space, instance, provider_server
) -> None:
    both = with_spaces(old_space, f"{NEW}, {OLD}")
    fill(engine, both, NEW_KEY, names(6))
    switch_tick(both, instance)
    switch_tick(both, instance)
    asked = provider_server.stats()["requests"]
    switch_tick(with_spaces(old_space, f"{OLD}, {NEW}"), instance)
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "ready"}
    assert provider_server.stats()["requests"] == asked


def test_a_retired_space_named_again_comes_back_with_its_vectors(engine, old_space, instance, provider_server) -> None:
    after = with_spaces(old_space, NEW)
    fill(engine, after, NEW_KEY, names(6))
    switch_tick(after, instance)
    switch_tick(after, instance)
    asked = provider_server.stats()["requests"]
    for _ in range(4):
        switch_tick(old_space, instance)
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "retired"}
    assert provider_server.stats()["requests"] == asked


def test_a_space_that_is_taken_out_of_the_settings_while_it_is_filled_is_retired(engine, old_space, instance) -> None:
    switch_tick(with_spaces(old_space, NEW), instance)
    said = switch_tick(old_space, instance)
    assert f"{NEW_KEY} is no longer in the settings" in said
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "retired"}


def test_a_choice_by_hand_holds_until_the_settings_name_another_first_space(engine, old_space, instance) -> None:
    after = with_spaces(old_space, NEW)
    fill(engine, after, NEW_KEY, names(6))
    switch_tick(after, instance)
    switch_tick(after, instance)
    assert "answers text searches" in activate_by_hand(engine, after, OLD_KEY)
    for _ in range(3):
        switch_tick(after, instance)
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "ready"}
    activate_by_hand(engine, after, NEW_KEY)
    switch_tick(after, instance)
    assert states(engine) == {OLD_KEY: "retired", NEW_KEY: "active"}


def test_a_choice_by_hand_is_forgotten_once_the_settings_made_the_same_choice(engine, old_space, instance) -> None:
    first_new, first_old = with_spaces(old_space, f"{NEW}, {OLD}"), with_spaces(old_space, f"{OLD}, {NEW}")
    fill(engine, first_new, NEW_KEY, names(6))
    switch_tick(first_new, instance)
    switch_tick(first_new, instance)
    activate_by_hand(engine, first_new, OLD_KEY)
    activate_by_hand(engine, first_old, NEW_KEY)
    switch_tick(first_old, instance)
    assert states(engine)[NEW_KEY] == "active", "chosen by hand while the old one was first"
    switch_tick(first_new, instance)
    activate_by_hand(engine, first_old, OLD_KEY)
    for settings, expected in ((first_new, NEW_KEY), (first_old, OLD_KEY), (first_new, NEW_KEY)):
        switch_tick(settings, instance)
        assert spaces.active_space(engine, "text").key == expected


def test_an_old_space_that_lacks_what_came_since_is_activated_only_anyway(engine, old_space, instance) -> None:
    after = with_spaces(old_space, NEW)
    fill(engine, after, NEW_KEY, names(6))
    switch_tick(after, instance)
    switch_tick(after, instance)
    add_novels(engine, instance, ["latecomer"])
    fill(engine, after, NEW_KEY, ["latecomer"])
    with pytest.raises(SpaceIncomplete, match="lacks 3 vectors"):
        activate_by_hand(engine, after, OLD_KEY)
    activate_by_hand(engine, after, OLD_KEY, anyway=True)
    assert states(engine)[OLD_KEY] == "active"


def test_a_configured_space_is_not_retired_by_hand(engine, old_space) -> None:
    with pytest.raises(SpaceError, match="would come back at once"):
        retire_by_hand(engine, old_space, OLD_KEY)


def test_a_novel_that_arrives_while_a_space_is_built_is_found_at_once(engine, old_space, instance) -> None:
    after = with_spaces(old_space, NEW)
    switch_tick(after, instance)
    add_novels(engine, instance, ["latecomer"])
    assert embed(after, instance, NEW_KEY, ["latecomer"]).success
    answer = Searching(after, engine).passages(bodies_of("latecomer")[1], mode="vector", k=1)
    assert answer.space == OLD_KEY
    assert answer.hits[0].novel == "latecomer"
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-3)


def test_a_fault_of_the_new_provider_does_not_keep_a_novel_from_the_old_space(
    engine, old_space, instance, provider_server
) -> None:
    broken = with_spaces(old_space, "voyage/voyage-4-lite@256").model_copy(update={"voyage_api_key": None})
    add_novels(engine, instance, ["latecomer"])
    assert not embed(broken, instance, "voyage-voyage-4-lite-256", ["latecomer"]).success
    answer = Searching(broken, engine).passages(bodies_of("latecomer")[0], mode="vector", k=1)
    assert answer.hits[0].novel == "latecomer"


def test_a_space_whose_index_finds_too_little_does_not_take_over(engine, old_space, instance, monkeypatch) -> None:
    after = with_spaces(old_space, NEW)
    fill(engine, after, NEW_KEY, names(6))
    indexes.ensure_index(engine, spaces.get_space(engine, NEW_KEY), smallest=1)
    monkeypatch.setattr("morpheus_assets.services.space_lifecycle.index_recall", lambda *_: 0.9)
    assert "0.900 of the true neighbours, and 0.97 are asked for" in switch_tick(after, instance)
    for _ in range(3):
        assert "failed at just that" in switch_tick(after, instance), "no red run every few seconds"
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "building"}


def test_a_large_space_gets_its_index_in_a_run_of_its_own(engine, old_space, instance, monkeypatch) -> None:
    from morpheus_assets.services import space_lifecycle as space_moves

    monkeypatch.setattr(space_moves, "SMALLEST_INDEXED", 10)
    after = with_spaces(old_space, NEW)
    fill(engine, after, NEW_KEY, names(6))
    with dg.build_sensor_context(instance=instance) as context:
        [request] = switch_spaces_sensor(context, database=DatabaseResource(after)).run_requests
    assert request.job_name == "prepare_new_space"
    assert states(engine)[NEW_KEY] == "building"
    carry_out(after, instance, request)
    assert states(engine)[NEW_KEY] == "ready"
    switch_tick(after, instance)
    assert states(engine)[NEW_KEY] == "active"


def test_the_moves_are_asked_for_once_while_a_run_is_at_them(engine, old_space, instance) -> None:
    after = with_spaces(old_space, NEW)
    job = build_definitions(after).resolve_job_def("switch_spaces")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert f"The run {run.run_id} is at it." in switch_tick(after, instance)
    instance.report_run_canceled(run)
    assert f"{NEW_KEY} is new" in switch_tick(after, instance)


def test_a_look_moves_nothing(engine, old_space, instance) -> None:
    after = with_spaces(old_space, NEW)
    fill(engine, after, NEW_KEY, names(6))
    for _ in range(2):
        with dg.build_sensor_context(instance=instance) as context:
            [request] = switch_spaces_sensor(context, database=DatabaseResource(after)).run_requests
        assert request.tags["morpheus/reason"] == f"{NEW_KEY} is whole: its index is built and checked."
    assert states(engine) == {OLD_KEY: "active", NEW_KEY: "building"}
