"""A store that fails under a stream of vectors: what arrived is kept, what was claimed is free again."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from morpheus_assets.defs.io_managers import embeddings
from morpheus_assets.store.spaces import vectors
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, metadata_of, story

A_REQUEST = 4
IN_FLIGHT = 2


@pytest.fixture
def novel(deployment: Deployment) -> str:
    deployment.settings.inputs_per_request = A_REQUEST
    deployment.settings.requests_in_flight = IN_FLIGHT
    deployment.drop("emma.txt", story(chapters=8))
    return "emma"


def fail_at(monkeypatch: pytest.MonkeyPatch, batch: int, error: Callable[[], BaseException], times: int) -> list[int]:
    """Let the writing of one batch fail so many times; gives the sizes of the batches that were written."""
    write, faults, written = vectors.write_batch, [], []

    def failing(*arguments):
        if len(written) == batch and len(faults) < times:
            faults.append(1)
            raise error()
        written.append(len(arguments[2]))
        return write(*arguments)

    monkeypatch.setattr(embeddings.vectors, "write_batch", failing)
    return written


def assert_nothing_is_claimed_or_on_its_way(deployment: Deployment) -> None:
    assert deployment.rows("SELECT count(*) FROM embedding_claims") == [(0,)]
    assert [thread for thread in threading.enumerate() if thread.name == "embedding"] == []


def needed(deployment: Deployment) -> int:
    return deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: psycopg.errors.DiskFull("could not extend file"), "disk is full"),
        (lambda: KeyboardInterrupt(), ""),
    ],
    ids=["a full disk", "an interruption"],
)
def test_a_store_that_fails_ends_the_stream_and_loses_nothing_that_it_had_taken(
    deployment: Deployment, novel: str, monkeypatch: pytest.MonkeyPatch, error: Callable[[], BaseException], said: str
):
    with monkeypatch.context() as patched:
        written = fail_at(patched, 2, error, times=1)
        result = deployment.ingest(novel)
    assert not result.success
    assert said in failure_of(result)
    assert_nothing_is_claimed_or_on_its_way(deployment)
    stored = 2 * A_REQUEST
    assert sum(written) == stored
    assert deployment.rows("SELECT count(*) FROM embeddings_1") == [(stored,)]
    assert deployment.rows("SELECT inputs, requests FROM spending") == [(stored, 2)]

    sent = deployment.inputs
    again = deployment.ingest(novel)
    assert again.success
    assert metadata_of(again, "text_embeddings")["embedded"] == deployment.inputs - sent == needed(deployment) - stored
    # The batch in hand, those on their way, and those that had arrived behind it.
    assert deployment.server.stats()["repeated_inputs"] <= (2 * IN_FLIGHT + 1) * A_REQUEST


def test_inputs_that_another_run_brings_at_the_last_moment_are_named_and_embedded_by_the_next(
    deployment: Deployment, novel: str, monkeypatch: pytest.MonkeyPatch
):
    record = embeddings.record_spending

    def overtaken(*arguments, **costs):
        with deployment.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO passages SELECT sha256('x'), 'x', 1, config, '' FROM passages LIMIT 1"
            )
            connection.exec_driver_sql("INSERT INTO chunks SELECT id, 8, 99, 0, 1, sha256('x') FROM novels")
        record(*arguments, **costs)

    with monkeypatch.context() as patched:
        patched.setattr(embeddings, "record_spending", overtaken)
        result = deployment.ingest(novel)
    assert not result.success
    assert failure_of(result).startswith(
        "1 input still lacks a vector and came while others were embedded, as when emma was read anew"
    )
    assert deployment.ingest(novel).success


def test_a_batch_is_kept_in_hand_while_the_database_is_away(
    deployment: Deployment, novel: str, monkeypatch: pytest.MonkeyPatch
):
    def away() -> psycopg.Error:
        return psycopg.errors.AdminShutdown("terminating connection due to administrator command")

    written = fail_at(monkeypatch, 2, away, times=3)
    result = deployment.ingest(novel)
    assert result.success
    assert sum(written) == needed(deployment) == deployment.inputs
    assert deployment.server.stats()["repeated_inputs"] == 0
    assert_nothing_is_claimed_or_on_its_way(deployment)
