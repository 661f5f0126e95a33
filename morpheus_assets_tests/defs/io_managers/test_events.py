from collections import Counter

import dagster as dg
import pytest

from morpheus_assets.defs.assets import text
from morpheus_assets.defs.io_managers import events
from morpheus_assets.store.spaces import vectors
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, materialized, story

ASSETS = ["novels", "chapters", "chunks", "text_embeddings"]


def drop_many(deployment: Deployment, count: int) -> list[str]:
    names = [f"novel-{number}" for number in range(count)]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(chapters=1, seed=number))
    return names


def test_each_novel_of_a_run_is_recorded_once_in_every_asset(deployment: Deployment):
    names = drop_many(deployment, 4)
    result = deployment.ingest(*names)
    assert result.success
    for asset in ASSETS:
        assert Counter(materialized(result, asset)) == Counter(names)


def test_a_novel_is_recorded_while_the_step_still_works_on_the_next_but_one(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    names = drop_many(deployment, 4)
    monkeypatch.setattr(events, "WRITE_SECONDS", 0)
    recorded: dict[str, set[str]] = {}
    read = text.read_novel

    def watched(folder: object, novel: str) -> object:
        recorded[novel] = set(deployment.instance.get_materialized_partitions(dg.AssetKey("novels")))
        return read(folder, novel)

    monkeypatch.setattr(text, "read_novel", watched)
    assert deployment.ingest(*names).success
    # The next one is read while it is stored.
    assert recorded == {names[0]: set(), names[1]: set(), names[2]: {names[0]}, names[3]: {names[0], names[1]}}


def test_a_novel_is_recorded_as_embedded_while_others_are_on_their_way(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    names = drop_many(deployment, 4)
    monkeypatch.setattr(events, "WRITE_SECONDS", 0)
    deployment.settings.inputs_per_request = 4
    deployment.settings.requests_in_flight = 1
    recorded: list[int] = []
    write = vectors.write_batch

    def watched(*arguments: object) -> int:
        key = dg.AssetKey(["text_embeddings", "openai-3-small-256"])
        recorded.append(len(deployment.instance.get_materialized_partitions(key)))
        return write(*arguments)

    monkeypatch.setattr(vectors, "write_batch", watched)
    assert deployment.ingest(*names).success
    assert recorded[0] == 0
    assert 0 < recorded[-1] < len(names)


def test_what_an_interrupted_run_had_recorded_stays(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    names = drop_many(deployment, 3)
    monkeypatch.setattr(events, "WRITE_SECONDS", 0)
    read = text.read_novel

    def interrupted(folder: object, novel: str) -> object:
        if novel == names[2]:
            raise KeyboardInterrupt
        return read(folder, novel)

    monkeypatch.setattr(text, "read_novel", interrupted)
    assert not deployment.ingest(*names).success
    assert set(deployment.instance.get_materialized_partitions(dg.AssetKey("novels"))) == set(names[:2])


def test_a_poisoned_novel_is_recorded_in_no_asset_and_named_with_its_reason(deployment: Deployment):
    names = drop_many(deployment, 4)
    deployment.drop(f"{names[1]}.txt", b"\xff\xd8\xff\xe0" + b"\0" * 400)
    result = deployment.ingest(*names)
    assert not result.success
    assert failure_of(result).startswith(f"{names[1]}: {names[1]}.txt")
    for asset in ASSETS:
        assert sorted(materialized(result, asset)) == [names[0], *names[2:]]


def test_an_asset_that_is_materialized_alone_fails_for_a_poisoned_novel_and_records_the_others(deployment: Deployment):
    names = drop_many(deployment, 3)
    deployment.drop(f"{names[1]}.txt", b"")
    result = deployment.materialize("novels", *names)
    assert not result.success
    assert failure_of(result).startswith(f"{names[1]}: ")
    assert sorted(materialized(result, "novels")) == [names[0], names[2]]


def test_a_recorded_novel_carries_the_versions_that_dagster_tells_outdated_partitions_by(deployment: Deployment):
    names = drop_many(deployment, 2)
    deployment.ingest(*names)
    for asset, parents in (("novels", []), ("chapters", ["novels"]), ("chunks", ["novels", "chapters"])):
        event = deployment.instance.get_latest_materialization_event(dg.AssetKey(asset))
        tags = event.asset_materialization.tags
        assert tags["dagster/code_version"]
        assert tags["dagster/data_version"]
        assert {f"dagster/input_data_version/{parent}" for parent in parents} <= set(tags)
        assert "dagster/data_version_is_user_provided" not in tags
