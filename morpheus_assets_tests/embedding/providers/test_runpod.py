"""The remote CLIP provider and what an endpoint may do wrong, over real HTTP on loopback."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import (
    BillingError,
    ConfigurationError,
    InvalidAnswer,
    ProviderUnavailable,
    RateLimited,
    RequestTooLarge,
    ValidationError,
)
from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
from morpheus_assets.embedding.providers import runpod
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.remote_clip import open_provider
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets_tests.embedding.helpers import QUICK
from morpheus_assets_tests.embedding.providers.clip_endpoint import (
    DIMENSIONS,
    KEY,
    PANEL,
    Endpoint,
    embed,
    opened,
    worker,
)
from morpheus_assets_tests.fixtures.waiting import ManualClock, noted_sleeps


@pytest.mark.parametrize(
    ("status", "headers", "error", "words"),
    [
        (401, {}, ConfigurationError, "MORPHEUS_REMOTE_CLIP_API_KEY"),
        (403, {}, ConfigurationError, "MORPHEUS_REMOTE_CLIP_API_KEY"),
        (404, {}, ConfigurationError, "MORPHEUS_REMOTE_CLIP_URL"),
        (402, {}, BillingError, "credit"),
        (400, {}, ValidationError, "refuses the request"),
        (413, {}, RequestTooLarge, "too large"),
        (429, {"retry-after": "7"}, RateLimited, "rate limit"),
        (500, {}, ProviderUnavailable, "in trouble"),
        (503, {"retry-after": "3"}, ProviderUnavailable, "in trouble"),
    ],
)
def test_each_http_fault_ends_in_its_class(
    space: Space, endpoint: Endpoint, status: int, headers: dict[str, str], error: type[Exception], words: str
) -> None:
    endpoint.before = lambda *_: (status, headers, f'{{"error": "no {KEY}"}}'.encode())
    with pytest.raises(error, match=words) as fault:
        embed(opened(space, endpoint), [PANEL])
    assert KEY not in str(fault.value)
    assert len(endpoint.requests) == 1, "retrying is the sender's business"
    if headers:
        assert fault.value.retry_after == float(headers["retry-after"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "CANCELLED", "SOMETHING_NEW"])
def test_a_job_that_does_not_complete_may_be_tried_again(space: Space, endpoint: Endpoint, status: str) -> None:
    endpoint.statuses, endpoint.end = ["IN_QUEUE"], {"status": status, "error": "CUDA out of memory"}
    with pytest.raises(ProviderUnavailable, match=status) as fault:
        embed(opened(space, endpoint), [PANEL])
    assert fault.value.retryable
    if status != "SOMETHING_NEW":
        assert "CUDA out of memory" in str(fault.value)


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def work(job_input: dict[str, Any]) -> Any:
        answer = worker(job_input)
        result = change(answer)
        return answer if result is None else result

    return work


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer["data"].pop(),
        lambda answer: answer["data"][0]["embedding"].pop(),
        lambda answer: answer["data"][0]["embedding"].__setitem__(0, float("nan")),
        lambda answer: answer["data"][0]["embedding"].__setitem__(0, float("inf")),
        lambda answer: answer["data"][0].__setitem__("embedding", [0.0] * DIMENSIONS),
        lambda answer: answer["data"][0].__setitem__("index", 1),
        lambda answer: answer["data"][0].pop("embedding"),
        lambda answer: answer.__setitem__("model", "another-clip"),
    ],
    ids=["count", "dimensions", "nan", "inf", "zero", "index", "missing", "model"],
)
def test_an_answer_that_cannot_be_trusted_is_never_returned(
    space: Space, endpoint: Endpoint, change: Callable[[dict[str, Any]], Any]
) -> None:
    def silently(answer: dict[str, Any]) -> None:
        change(answer)

    endpoint.work = changed(silently)
    with pytest.raises(InvalidAnswer):
        embed(opened(space, endpoint), [PANEL, PANEL])


@pytest.mark.parametrize("output", [None, [], "done", {}, {"data": None}, {"object": "error", "message": "bad image"}])
def test_an_output_that_is_no_answer_is_a_fault_of_the_endpoint(space: Space, endpoint: Endpoint, output: Any) -> None:
    endpoint.work = lambda _: output
    with pytest.raises((ProviderUnavailable, InvalidAnswer)):
        embed(opened(space, endpoint), [PANEL])


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b'{"id": 3', b'{"status": "IN_QUEUE"}'])
def test_a_body_that_is_no_job_is_a_fault_of_the_endpoint(space: Space, endpoint: Endpoint, body: bytes) -> None:
    endpoint.before = lambda *_: (200, {}, body)
    with pytest.raises(ProviderUnavailable):
        embed(opened(space, endpoint), [PANEL])


def test_a_job_is_not_lost_to_a_status_request_that_fails_once(space: Space, endpoint: Endpoint) -> None:
    endpoint.statuses = ["IN_QUEUE"]
    endpoint.before = lambda _, path, n: (502, {}, b"bad gateway") if "status" in path and n == 2 else None
    assert embed(opened(space, endpoint), [PANEL]).shape == (1, DIMENSIONS)
    assert [path for _, path in endpoint.requests].count("/v2/abc/run") == 1


@pytest.mark.parametrize(
    ("status", "options"),
    [("IN_QUEUE", {"cold_start_seconds": 0.5}), ("IN_PROGRESS", {"timeout_seconds": 0.5})],
)
def test_a_job_that_takes_too_long_is_cancelled(
    space: Space, endpoint: Endpoint, status: str, options: dict[str, float]
) -> None:
    endpoint.statuses = [status] * 1000
    with pytest.raises(ProviderUnavailable, match=r"after 0\.5 s"):
        embed(opened(space, endpoint, **options), [PANEL])
    assert endpoint.requests[-1] == ("POST", "/v2/abc/cancel/job-1")


def test_waiting_in_the_queue_does_not_count_against_the_work(
    space: Space, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(runpod, "time", clock)
    endpoint.statuses = ["IN_QUEUE"] * 12 + ["IN_PROGRESS"]
    with noted_sleeps(clock=clock) as slept:
        assert embed(opened(space, endpoint, timeout_seconds=15), [PANEL]).shape == (1, DIMENSIONS)
    assert sum(slept) > 2 * 15


def test_an_endpoint_that_does_not_answer_is_given_up_in_time(space: Space, endpoint: Endpoint) -> None:
    given_up = threading.Event()

    def stall(*_: object) -> None:
        given_up.wait(60)

    endpoint.before = stall
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match=r"within 0\.4 s"):
        embed(opened(space, endpoint, timeout_seconds=0.4), [PANEL])
    given_up.set()
    assert time.monotonic() - started < 50


def test_nobody_listening_is_a_network_fault(space: Space) -> None:
    provider = open_provider(space, ProviderOptions(api_key=KEY, base_url="http://127.0.0.1:9/v2/abc"))
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        embed(provider, [PANEL])


def test_a_picture_at_which_the_worker_fails_is_refused_alone_and_its_siblings_are_embedded(
    space: Space, endpoint: Endpoint
) -> None:
    pictures = [Image.new("RGB", (40, 40), (10 + number, 90, 160)) for number in range(20)]
    pictures[7] = Image.new("RGB", (40, 40), "black")

    def fails_at_black(job_input: dict[str, Any]) -> Any:
        output = worker(job_input)
        if any(max(each["embedding"][:3]) < 5 for each in output["data"]):
            return {"error": "cannot identify image file <_io.BytesIO object>"}
        return output

    endpoint.work = fails_at_black
    inputs = [EmbeddingInput(b"%032d" % number, picture) for number, picture in enumerate(pictures)]
    stored, refused = [], []
    for result in embed_batches(opened(space, endpoint), inputs, retry=QUICK):
        if isinstance(result, EmbeddedBatch):
            stored += result.hashes
        elif isinstance(result, RefusedInput):
            refused.append(result)

    assert [each.content_hash for each in refused] == [inputs[7].content_hash]
    assert "cannot identify image file" in refused[0].reason
    assert "embeds a harmless picture" in refused[0].reason
    assert sorted(stored) == [each.content_hash for each in inputs if each is not inputs[7]]


def test_a_worker_that_fails_at_every_picture_refuses_none_of_them(space: Space, endpoint: Endpoint) -> None:
    endpoint.work = lambda job_input: {"error": "CUDA out of memory"}
    inputs = [EmbeddingInput(b"%032d" % number, PANEL) for number in range(3)]
    with pytest.raises(ProviderUnavailable, match="CUDA out of memory"):
        list(embed_batches(opened(space, endpoint), inputs, retry=QUICK))
    assert len(endpoint.inputs) == QUICK.attempts + 1, "the pack as often as any, and one harmless picture"
