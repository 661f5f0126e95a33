"""An endpoint that speaks RunPod's protocol over real HTTP on loopback."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.domain.spaces import Space, SpaceName
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.remote_clip import RemoteClipProvider, open_provider, resolve_remote_space

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


@contextmanager
def running_endpoint() -> Iterator[Endpoint]:
    """The endpoint in threads of this process, until the block ends."""
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
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as started:
        yield started


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return resolve_remote_space(SpaceName("remote_clip", "my-clip", tag=str(DIMENSIONS)))


def opened(
    space: Space, endpoint: Endpoint, timeout_seconds: float = 60.0, cold_start_seconds: float = 300.0
) -> RemoteClipProvider:
    options = ProviderOptions(api_key=KEY, base_url=endpoint.url, timeout_seconds=timeout_seconds)
    provider = open_provider(space, options, cold_start_seconds)
    assert isinstance(provider, RemoteClipProvider)
    return provider


def embed(provider: RemoteClipProvider, inputs: list[Any], kind: str = "document") -> np.ndarray:
    async def once() -> np.ndarray:
        try:
            return (await provider.embed(inputs, kind)).embeddings  # type: ignore[arg-type]
        finally:
            await provider.close()

    return asyncio.run(once())
