import json
from collections.abc import Iterator

import dagster as dg
import pytest

from morpheus_assets.defs.sensors import unrecorded
from morpheus_assets.defs.sensors.new_content import new_novels_sensor, new_panels_sensor
from morpheus_assets_tests.defs.sensors.test_new_content import Watcher, drop, drop_panels
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.remembered import Remember

OLD = dg.AssetKey(["text_embeddings", "openai-text-embedding-3-small-256"])
NEW = dg.AssetKey(["text_embeddings", "openai-3-small-256"])
TEXTS = [dg.AssetKey(name) for name in ("novels", "chapters", "chunks")]


@pytest.fixture
def library(deployment: Deployment, remember: Remember) -> Deployment:
    """Two texts, one of them with pictures."""

    def ingest() -> None:
        for name in ("emma", "dracula"):
            drop(deployment, f"{name}.txt", story(chapters=1, seed=len(name)))
        drop_panels(deployment, "emma", 2)
        for watcher, job in ((new_novels_sensor, "ingest_novels"), (new_panels_sensor, "ingest_panels")):
            for novel in Watcher(deployment, watcher).asked_for():
                assert novel is not None
                assert deployment.run(job, novel).success

    remember("two texts", deployment, ingest)
    return deployment


@pytest.fixture
def upgraded(library: Deployment) -> Iterator[Deployment]:
    """The library in a Dagster that knows it by the names of an earlier version."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("novels", ["emma", "dracula"])
        for key in (*TEXTS, OLD):
            for novel in ("emma", "dracula"):
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=novel))
        yield Deployment(library.settings, library.engine, instance, library.server)


def reported(result: dg.SensorResult | dg.SkipReason) -> list[tuple[str, str | None]]:
    """The novels that are recorded, by asset; that the files changed is recorded of no novel."""
    events = result.asset_events if isinstance(result, dg.SensorResult) else []
    return [
        (event.asset_key.to_user_string(), event.partition)
        for event in events if isinstance(event, dg.AssetMaterialization) and event.partition
    ]  # fmt: skip


def missing(deployment: Deployment, *keys: dg.AssetKey) -> set[tuple[str, str]]:
    instance = deployment.instance
    return {
        (key.to_user_string(), novel)
        for key in keys
        for novel in set(instance.get_dynamic_partitions("novels")) - instance.get_materialized_partitions(key)
    }


def test_a_library_of_the_old_names_is_green_after_an_upgrade_without_a_request(upgraded: Deployment):
    paid = upgraded.requests
    watcher = Watcher(upgraded, new_novels_sensor)
    # as the version before wrote it
    watcher.cursor = json.dumps({"asked": {}, "after": None})
    assert missing(upgraded, NEW)
    result = watcher.tick()
    assert reported(result) == [(NEW.to_user_string(), "dracula"), (NEW.to_user_string(), "emma")]
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    assert not missing(upgraded, *TEXTS, NEW)
    assert isinstance(watcher.tick(), dg.SkipReason)
    assert upgraded.requests == paid


def test_after_a_loss_of_dagsters_database_all_that_is_stored_is_green_again(library: Deployment):
    paid = library.requests
    with dg.DagsterInstance.ephemeral() as fresh:
        after = Deployment(library.settings, library.engine, fresh, library.server)
        texts, panels = Watcher(after, new_novels_sensor), Watcher(after, new_panels_sensor)
        assert texts.asked_for() == panels.asked_for() == []
        graph = after.definitions.resolve_asset_graph()
        keys = [key for key in graph.materializable_asset_keys if graph.get(key).group_name in ("text", "panels")]
        assert len(keys) == 7
        for key in keys:
            kept = {"emma", "dracula"} if graph.get(key).group_name == "text" else {"emma"}
            assert fresh.get_materialized_partitions(key) == kept, key
    assert library.requests == paid


def test_what_is_not_whole_is_left_to_the_run_that_makes_it(upgraded: Deployment):
    with upgraded.engine.begin() as connection:
        [(table,)] = connection.exec_driver_sql(
            "SELECT 'embeddings_' || id FROM embedding_spaces WHERE purpose = 'text'"
        )
        connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE content_hash = (SELECT c.content_hash FROM chunks c JOIN novels n"
            " ON n.id = c.novel_id WHERE n.novel = 'emma' LIMIT 1)"
        )
        connection.exec_driver_sql("UPDATE novels SET chunks_of = NULL WHERE novel = 'dracula'")
    assert reported(Watcher(upgraded, new_novels_sensor).tick()) == []


def test_a_tick_looks_at_few_novels_and_the_next_goes_on(upgraded: Deployment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unrecorded, "NOVELS_A_TICK", 1)
    watcher = Watcher(upgraded, new_novels_sensor)
    assert [reported(watcher.tick()) for _ in range(3)] == [
        [(NEW.to_user_string(), "dracula")],
        [(NEW.to_user_string(), "emma")],
        [],
    ]
    assert isinstance(watcher.tick(), dg.SkipReason)


def test_another_space_is_looked_at_and_nothing_is_said_of_what_it_lacks(upgraded: Deployment):
    watcher = Watcher(upgraded, new_novels_sensor)
    watcher.tick()
    more = upgraded.with_settings(text_spaces="openai/text-embedding-3-small@256, openai/text-embedding-3-small@128")
    after = Watcher(more, new_novels_sensor)
    after.cursor = watcher.cursor
    assert reported(after.tick()) == []
    assert after.cursor != watcher.cursor
