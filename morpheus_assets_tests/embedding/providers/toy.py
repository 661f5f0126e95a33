"""A provider that the package does not know, over real HTTP on loopback; the fixture `toy` registers it for a test."""

import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import numpy as np
import pytest

from morpheus_assets.embedding.providers.base import EmbeddingModel, EmbeddingResult, ProviderLimits, ProviderSpec
from morpheus_assets.embedding.providers.registry import PROVIDERS
from morpheus_assets.embedding.providers.responses import unit_vectors


class ToyProvider:
    def __init__(self, space, url):
        self.space, self.limits, self._url = space, ProviderLimits(max_inputs=16), url

    def estimate_tokens(self, text):
        return len(text.split())

    async def embed(self, inputs, input_type, *, patience=1.0):
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = (await client.post(self._url, json={"texts": list(inputs), "as": input_type})).json()
        return EmbeddingResult(unit_vectors(answer["vectors"], len(inputs), self.space), "echo", answer["tokens"])

    async def close(self):
        pass


def toy_spec(url: str) -> ProviderSpec:
    return ProviderSpec(
        name="toy",
        purpose="text",
        kind="toy",
        models=(
            EmbeddingModel("echo", 16, max_input_tokens=512, max_inputs=16, price=Decimal(2), any_dimensions=True),
        ),
        open=lambda space, options: ToyProvider(space, url),
    )


class ToyServer(ThreadingHTTPServer):
    """Counts the words of a text in eight buckets; keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, object]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: ToyServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        words = [text.split() for text in asked["texts"]]
        answer = {"vectors": [words_in_buckets(each) for each in words], "tokens": sum(map(len, words))}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def words_in_buckets(words: list[str]) -> list[float]:
    buckets = [zlib.crc32(word.encode()) % 8 for word in words]
    return np.bincount(buckets, minlength=8).astype(float).tolist()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyServer]:
    """The server of the provider `toy`, which is registered as long as the test runs."""
    server = ToyServer()
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(PROVIDERS, "toy", toy_spec(server.url))
    yield server
    server.shutdown()
    server.server_close()
