"""The remote CLIP provider against an endpoint that speaks RunPod's protocol over real HTTP on loopback."""

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.embedding.errors import (
    BillingError,
    ConfigurationError,
    InputRefused,
    InvalidAnswer,
    ProviderUnavailable,
    RateLimited,
    RequestTooLarge,
    ValidationError,
)
from morpheus_assets.embedding.image_spaces import resolve_image_space
from morpheus_assets.embedding.providers import open_image_provider
from morpheus_assets.embedding.providers.remote_clip import RemoteClipProvider, open_provider
from morpheus_assets.embedding.spaces import Space, SpaceName

KEY = "rpa_SECRETKEY123"
DIMENSIONS = 4
PANEL = Image.new("RGB", (32, 32), "red")


def vector_of(content: str) -> list[float]:
    """One vector a content, so that a wrong order would show: colours for panels, length for texts."""
    if not content.startswith("data:image/jpeg;base64,"):
        return [float(len(content)), 1.0, 0.0, 0.0]
    image = Image.open(io.BytesIO(base64.b64decode(content.split(",")[1])))
    red, green, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))
    return [red + 1.0, green + 1.0, blue + 1.0, float(image.width)]


def worker(job_input: dict[str, Any]) -> dict[str, Any]:
    data = [{"index": i, "embedding": vector_of(each)} for i, each in enumerate(job_input["input"])]
    return {"object": "list", "data": data, "model": job_input["model"]}


@dataclass
class Endpoint:
    """A serverless endpoint: `before` may answer a request itself; `statuses` are passed through before the end."""

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)
    work: Callable[[dict[str, Any]], Any] = worker
    end: dict[str, Any] | None = None
    before: Callable[[str, str, int], tuple[int, dict[str, str], bytes] | None] = lambda *_: None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, body: bytes, key: str) -> tuple[int, dict[str, str], bytes]:
        self.requests.append((method, path))
        self.keys.add(key)
        special = self.before(method, path, len(self.requests))
        if special:
            return special
        if path.startswith("/v2/abc/run"):
            self.inputs.append(json.loads(body)["input"])
            self.jobs["job-1"] = {"remaining": list(self.statuses), "input": self.inputs[-1]}
        return 200, {}, json.dumps(self.state("job-1")).encode()

    def state(self, job: str) -> dict[str, Any]:
        remaining = self.jobs[job]["remaining"]
        if remaining:
            return {"id": job, "status": remaining.pop(0)}
        if self.end is not None:
            return {"id": job, **self.end}
        return {"id": job, "status": "COMPLETED", "output": self.work(self.jobs[job]["input"])}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.reply("POST")

        def do_GET(self) -> None:
            self.reply("GET")

        def reply(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, content = state.answer(method, self.path, body, self.headers["authorization"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/v2/abc"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return resolve_image_space(SpaceName("remote_clip", "my-clip", tag=str(DIMENSIONS)), cache_folder=tmp_path)


def opened(space: Space, endpoint: Endpoint, **options: float) -> RemoteClipProvider:
    provider = open_image_provider(space, api_key=KEY, base_url=endpoint.url, **options)
    assert isinstance(provider, RemoteClipProvider)
    return provider


def embed(provider: RemoteClipProvider, inputs: list[Any], kind: str = "document") -> np.ndarray:
    async def once() -> np.ndarray:
        try:
            return (await provider.embed(inputs, kind)).embeddings  # type: ignore[arg-type]
        finally:
            await provider.close()

    return asyncio.run(once())


def test_panels_are_sent_as_a_job_and_come_back_as_unit_vectors_in_order(space: Space, endpoint: Endpoint) -> None:
    endpoint.statuses = ["IN_QUEUE", "IN_PROGRESS"]
    blue = Image.new("RGB", (3000, 2000), "blue")
    vectors = embed(opened(space, endpoint), [PANEL, lambda: blue])
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0].argmax() == 0
    assert vectors[1].argmax() == 3, "a large panel is sent fitted into 1024 pixels"
    assert endpoint.requests == [
        ("POST", "/v2/abc/run"),
        ("GET", "/v2/abc/status/job-1"),
        ("GET", "/v2/abc/status/job-1"),
    ]
    assert endpoint.keys == {f"Bearer {KEY}"}
    assert endpoint.inputs[0]["modality"] == "image"


def test_a_query_is_answered_in_one_exchange(space: Space, endpoint: Endpoint) -> None:
    vectors = embed(opened(space, endpoint), ["a cat", "a sleeping cat"], "query")
    assert vectors.shape == (2, DIMENSIONS)
    assert endpoint.requests == [("POST", "/v2/abc/runsync")]
    assert endpoint.inputs[0] == {"model": "my-clip", "input": ["a cat", "a sleeping cat"], "modality": "text"}


def test_a_query_that_meets_a_cold_start_is_polled_for(space: Space, endpoint: Endpoint) -> None:
    endpoint.statuses = ["IN_QUEUE", "IN_QUEUE", "IN_PROGRESS"]
    assert embed(opened(space, endpoint), ["a cat"], "query").shape == (1, DIMENSIONS)
    assert endpoint.requests[0] == ("POST", "/v2/abc/runsync")
    assert len(endpoint.requests) == 4


def test_results_in_another_order_are_put_back_by_their_index(space: Space, endpoint: Endpoint) -> None:
    def reversed_worker(job_input: dict[str, Any]) -> dict[str, Any]:
        answer = worker(job_input)
        answer["data"].reverse()
        return answer

    texts = ["a", "bb" * 30]
    straight = embed(opened(space, endpoint), texts, "query")
    endpoint.work = reversed_worker
    assert np.allclose(embed(opened(space, endpoint), texts, "query"), straight)


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
    assert len(endpoint.requests) == 1, "retrying is the pipeline's business"
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


def test_waiting_in_the_queue_does_not_count_against_the_work(space: Space, endpoint: Endpoint) -> None:
    endpoint.statuses = ["IN_QUEUE"] * 4 + ["IN_PROGRESS"]
    assert embed(opened(space, endpoint, timeout_seconds=0.8), [PANEL]).shape == (1, DIMENSIONS)


def test_an_endpoint_that_does_not_answer_is_given_up_in_time(space: Space, endpoint: Endpoint) -> None:
    def stall(*_: object) -> None:
        time.sleep(1.5)

    endpoint.before = stall
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match=r"within 0\.4 s"):
        embed(opened(space, endpoint, timeout_seconds=0.4), [PANEL])
    assert time.monotonic() - started < 1.2


def test_nobody_listening_is_a_network_fault(space: Space) -> None:
    provider = open_provider(space, api_key=KEY, base_url="http://127.0.0.1:9/v2/abc")
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        embed(provider, [PANEL])


def test_panels_that_exceed_the_request_limit_together_are_not_sent(space: Space, endpoint: Endpoint) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    with pytest.raises(RequestTooLarge, match="10,000,000"):
        embed(opened(space, endpoint), [Image.fromarray(noise)] * 12)
    assert endpoint.requests == []


def test_a_panel_that_cannot_be_opened_is_refused_by_its_position(space: Space, endpoint: Endpoint) -> None:
    def broken() -> Image.Image:
        raise OSError("gone")

    with pytest.raises(InputRefused) as refused:
        embed(opened(space, endpoint), [PANEL, broken])
    assert refused.value.index == 1


def test_a_missing_key_or_address_is_named(space: Space) -> None:
    with pytest.raises(ConfigurationError, match="MORPHEUS_REMOTE_CLIP_API_KEY"):
        open_provider(space, api_key=None, base_url="https://api.runpod.ai/v2/abc")
    with pytest.raises(ConfigurationError, match="MORPHEUS_REMOTE_CLIP_URL"):
        open_provider(space, api_key=KEY, base_url=None)
