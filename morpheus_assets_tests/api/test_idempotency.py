import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from morpheus_assets.api import idempotency
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.dagster_server import DagsterServer
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.waiting import eventually

TEXT = "A text that nobody else shall read."


@pytest.fixture
def dagster() -> Iterator[DagsterServer]:
    server = DagsterServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(start_api: Callable[..., Api], dagster: DagsterServer) -> Callable[..., httpx.Response]:
    """Sends a job with a key to an API beside that Dagster."""
    api = start_api(dagster_url=dagster.url, api_keys="one:key-number-one-of-two,two:key-number-two-of-two")

    def send(key: str | None, body: dict[str, Any] | None = None, address: str = "/api/jobs", caller: str = "one"):
        headers = {"X-API-Key": f"key-number-{caller}-of-two"} | ({"Idempotency-Key": key} if key is not None else {})
        return api.client.post(address, json=body or {"inputs": [TEXT]}, headers=headers)

    return send


def test_a_request_that_is_sent_again_gets_the_first_ones_job(ask: Callable, dagster: DagsterServer):
    first, again = ask("a"), ask("a")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(dagster.runs) == 1


def test_another_key_another_caller_and_no_key_are_requests_of_their_own(ask: Callable, dagster: DagsterServer):
    ids = {answer.json()["id"] for answer in (ask("a"), ask("b"), ask("a", caller="two"), ask(None), ask(None))}
    assert ids == set(dagster.runs)
    assert len(ids) == 5


def test_novels_are_launched_once_too(ask: Callable, dagster: DagsterServer, add_novel: Callable):
    add_novel("alpha", ["A passage."])
    first, again = (ask("a", {"novel": "alpha"}, "/api/embeddings/batch") for _ in range(2))
    assert again.json() == first.json()
    other = ask("a")
    assert other.json()["id"] != first.json()["id"], "an address has keys of its own"
    assert len(dagster.runs) == 2


def test_the_same_key_with_another_body_is_refused(ask: Callable, dagster: DagsterServer):
    ask("a")
    answer = ask("a", {"inputs": ["Something else."]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert ask("a", {"inputs": [TEXT], "model": None}).status_code == 202
    assert len(dagster.runs) == 1


def test_requests_at_the_same_moment_launch_one_job(ask: Callable, dagster: DagsterServer):
    dagster.delay = 0.3
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ask("a"), range(8)))
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.json()["id"] for answer in answers}) == len(dagster.runs) == 1


def test_who_cannot_wait_for_the_first_request_is_told_to_come_again(
    ask: Callable, dagster: DagsterServer, sql: Callable, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.2)
    dagster.delay = 1.5
    thread = threading.Thread(target=ask, args=("a",))
    thread.start()
    assert eventually(lambda: bool(sql("SELECT FROM request_keys")))
    answer = ask("a")
    thread.join()
    assert answer.status_code == 409
    assert int(answer.headers["Retry-After"]) >= 1
    assert ask("a").status_code == 202
    assert len(dagster.runs) == 1


def test_a_key_that_has_expired_may_be_used_again(ask: Callable, dagster: DagsterServer, sql: Callable):
    first = ask("a").json()["id"]
    sql("UPDATE request_keys SET expires_at = now() - interval '1 second' RETURNING 1")
    assert ask("a", {"inputs": ["Something else."]}).json()["id"] != first
    assert len(sql("SELECT FROM request_keys")) == 1


def test_a_launch_whose_answer_was_lost_is_found_and_not_repeated(
    ask: Callable, dagster: DagsterServer, fault_row: FaultRow
):
    dagster.cut = True
    refused = ask("a")
    assert refused.status_code == 503
    dagster.cut = False
    [launched] = dagster.runs
    again = ask("a")
    assert (again.status_code, again.json()["id"]) == (202, launched)
    assert len(dagster.runs) == 1
    said, twice = refused.json()["detail"], len(dagster.runs) - 1
    fault_row("the answer to a launch is lost, and it is asked for again by its key", sentence=said, paid_twice=twice)


def test_a_request_whose_process_was_killed_is_taken_over_after_a_minute(
    ask: Callable, dagster: DagsterServer, sql: Callable
):
    first = ask("a").json()["id"]
    sql("UPDATE request_keys SET job_id = NULL, begun_at = now() - interval '61 seconds' RETURNING 1")
    assert ask("a").json()["id"] == first
    dagster.runs.clear()
    sql("UPDATE request_keys SET job_id = NULL, begun_at = now() - interval '61 seconds' RETURNING 1")
    assert ask("a").json()["id"] != first


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(ask: Callable, key: str):
    answer = ask(key)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].lower() == "idempotency-key"


def test_the_texts_of_a_job_stand_in_postgres_for_two_days_and_not_in_dagster(
    ask: Callable, dagster: DagsterServer, sql: Callable
):
    ask(None)
    [run] = dagster.runs.values()
    assert TEXT not in str(run)
    reference = run["config"]["ops"]["embed_inputs"]["config"]["inputs_reference"]
    [(kept, hours)] = sql(
        "SELECT inputs, extract(epoch FROM expires_at - now()) / 3600 FROM job_inputs WHERE reference = %s", reference
    )
    assert kept == [TEXT]
    assert 47 < hours <= 48
    sql("UPDATE job_inputs SET expires_at = now() - interval '1 second' RETURNING 1")
    ask(None)
    assert len(sql("SELECT FROM job_inputs")) == 1


def test_jobs_are_listed_by_page_the_latest_first(start_api: Callable[..., Api], dagster: DagsterServer):
    api = start_api(dagster_url=dagster.url)
    launched = [api.client.post("/api/jobs", json={"inputs": [TEXT]}).json()["id"] for _ in range(3)]
    first = api.client.get("/api/jobs", params={"limit": 2}).json()
    assert [each["id"] for each in first["jobs"]] == launched[:0:-1]
    assert {each["job"] for each in first["jobs"]} == {"generate_embedding"}
    rest = api.client.get("/api/jobs", params={"limit": 2, "before": first["next"]}).json()
    assert ([each["id"] for each in rest["jobs"]], rest["next"]) == (launched[:1], None)
