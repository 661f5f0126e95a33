"""Ingests whose new passages go to a batch API, and come by its job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from morpheus_assets.defs.jobs.collect_batches import collect
from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.store.spaces.batch_jobs import open_batch_jobs
from morpheus_assets.store.spaces.coverage import Coverage, coverage
from morpheus_assets.store.spaces.spaces import active_space, get_space
from morpheus_assets_tests.fixtures.batch_server import BatchServer, batch_server
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, metadata_of, story

LEAST = 6


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with batch_server("openai") as started:
        yield started


@pytest.fixture
def batched(deployment: Deployment, server: BatchServer) -> Deployment:
    return deployment.with_settings(openai_base_url=server.url, reembed_batch=True, ingest_batch_from=LEAST)


def covered(deployment: Deployment) -> Coverage:
    [space] = configured_text_spaces(deployment.settings)
    return coverage(deployment.engine, get_space(deployment.engine, space.key))


def collected(deployment: Deployment) -> list[object]:
    database = DatabaseResource(deployment.settings)
    graph = deployment.definitions.resolve_asset_graph()
    return list(collect(deployment.instance, graph, database, ProvidersResource(deployment.settings)))


def test_a_large_first_load_is_left_to_one_job_and_whole_when_it_is_collected(batched: Deployment, server: BatchServer):
    batched.drop("emma.txt", story(chapters=3))
    batched.drop("walden.txt", story(chapters=3, seed=2))
    result = batched.ingest("emma", "walden")
    assert result.success
    found = covered(batched)
    assert found.missing == found.batched == found.needed >= LEAST
    assert sum(metadata_of(result, "text_embeddings", novel)["left_to_a_batch_job"] for novel in ("emma", "walden")) \
        == found.needed  # fmt: skip
    assert metadata_of(result, "text_embeddings", "emma")["embedded"] == 0
    assert batched.ingest("emma").success
    [job] = open_batch_jobs(batched.engine)
    assert (job.inputs, job.reason) == (found.needed, f"{found.needed} new inputs in one ingest")
    assert server.ordinary == []
    server.end()
    [done] = collected(batched)
    assert "completed" in done.said
    assert (covered(batched).missing, covered(batched).present) == (0, found.needed)
    assert set(server.accepted.values()) == {1}
    assert active_space(batched.engine, "text") is not None


def test_a_few_new_passages_go_the_ordinary_way_and_so_does_everything_without_the_setting(
    batched: Deployment, server: BatchServer
):
    batched.drop("emma.txt", story(chapters=1))
    assert metadata_of(batched.ingest("emma"), "text_embeddings")["embedded"] == covered(batched).needed < LEAST
    for number, changes in enumerate(({"ingest_batch_from": None}, {"reembed_batch": False})):
        other = batched.with_settings(**changes)
        other.drop(f"novel-{number}.txt", story(chapters=3, seed=5 + number))
        assert other.ingest(f"novel-{number}").success
        assert covered(other).missing == 0
    assert server.jobs == {}


def test_a_refused_job_fails_the_run_in_a_sentence_and_sends_nothing_at_the_ordinary_price(
    batched: Deployment, server: BatchServer
):
    server.refuse["POST /batches"] = (400, {"error": {"message": "Billing hard limit has been reached", "code": None}})
    batched.drop("emma.txt", story(chapters=3))
    result = batched.ingest("emma")
    assert not result.success
    assert "Billing hard limit has been reached" in failure_of(result)
    assert server.ordinary == []
    assert covered(batched).batched == 0
    server.refuse.clear()
    assert batched.ingest("emma").success
    assert covered(batched).batched == covered(batched).needed


def test_what_still_answers_is_completed_at_once_while_the_new_space_waits_for_its_job(
    batched: Deployment, server: BatchServer
):
    at_once = batched.with_settings(ingest_batch_from=None)
    at_once.drop("emma.txt", story(chapters=1))
    at_once.ingest("emma")
    [old] = configured_text_spaces(at_once.settings)
    moved = batched.with_settings(text_spaces="openai/text-embedding-3-large@96")
    moved.drop("walden.txt", story(chapters=3, seed=4))
    assert moved.ingest("walden").success
    answering = coverage(moved.engine, get_space(moved.engine, old.key))
    assert answering.missing == 0
    assert covered(moved).batched > 0


def test_passages_with_their_titles_come_by_a_job_too_and_are_booked_to_their_novel(
    batched: Deployment, server: BatchServer, tmp_path: Path
):
    (tmp_path / "spaces.toml").write_text(
        '[titled]\nprovider = "openai"\nmodel = "text-embedding-3-small"\ndimensions = 256\ncontext = "titles"\n'
    )
    titled = batched.with_settings(spaces_file=tmp_path / "spaces.toml", text_spaces="titled")
    titled.drop("emma.txt", story(chapters=3))
    assert titled.ingest("emma").success
    server.end()
    [done] = collected(titled)
    assert "completed" in done.said
    assert covered(titled).missing == 0
    assert all(text.startswith("Emma, ") for text in server.accepted)
    assert titled.rows("SELECT DISTINCT novel FROM spending") == [("emma",)]
