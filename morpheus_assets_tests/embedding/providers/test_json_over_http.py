import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ConfigurationError, ProviderUnavailable
from morpheus_assets.embedding.providers.json_over_http import proxy_of
from morpheus_assets_tests.embedding.helpers import KEY, OPENAI, open_provider
from morpheus_assets_tests.fixtures.provider_answers import vectors_of


class _Moved(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.path.split("/")[1]
        if status == "circle":
            self._answer(307, b"", ("Location", self.path))
            return
        if status == "half":
            self.send_response(int(self.path.split("/")[2]))
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"data": [')
            self.close_connection = True
            return
        if status != "new":
            self._answer(int(status), b"", ("Location", "/new/embeddings"))
            return
        assert self.headers["Authorization"] == f"Bearer {KEY}"
        rows = [{"index": at, "embedding": row.tolist()} for at, row in enumerate(vectors_of(asked["input"], 256))]
        self._answer(200, json.dumps({"data": rows, "model": asked["model"], "usage": {"total_tokens": 3}}).encode())
        # unannounced, as some gateways do
        self.close_connection = True

    def do_GET(self) -> None:
        self._answer(405, b"")

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        policy = ("Content-Security-Policy", "x" * 20_000)
        for name, value in (*headers, policy, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moved() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Moved) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


async def asked(url: str) -> np.ndarray:
    provider = open_provider(OPENAI, url)
    try:
        return (await provider.embed(["a ship"], "query")).embeddings
    finally:
        await provider.close()


def test_a_server_that_moved_for_good_is_followed_with_the_same_request(moved: str):
    for status in (307, 308):
        np.testing.assert_allclose(asyncio.run(asked(f"{moved}/{status}")), vectors_of(["a ship"], 256), atol=1e-6)


def test_a_redirect_that_makes_another_request_of_it_is_said_with_the_new_address(moved: str):
    for status in (301, 302, 303):
        with pytest.raises(ConfigurationError, match=r"not at .* but /new/embeddings .*write that address"):
            asyncio.run(asked(f"{moved}/{status}"))


def test_a_provider_that_was_not_closed_goes_on_in_another_loop(moved: str, caplog: pytest.LogCaptureFixture):
    provider = open_provider(OPENAI, f"{moved}/new")
    for _ in range(2):
        assert asyncio.run(provider.embed(["a ship"], "query")).embeddings.shape == (1, 256)
    asyncio.run(provider.close())
    assert not caplog.records


def test_a_connection_that_the_server_has_ended_since_is_not_used_again(moved: str):
    async def often() -> list[int]:
        provider = open_provider(OPENAI, f"{moved}/new")
        sizes = []
        for _ in range(5):
            sizes.append((await provider.embed(["a ship"], "query")).embeddings.size)
            # the loop has no chance to notice
            time.sleep(0.1)
        await provider.close()
        return sizes

    assert asyncio.run(often()) == 5 * [256]


def test_redirects_in_a_circle_are_said(moved: str):
    with pytest.raises(ProviderUnavailable, match="its redirects lead back to itself"):
        asyncio.run(asked(f"{moved}/circle"))


@pytest.mark.parametrize(("status", "paid"), [(200, True), (500, False)])
def test_an_answer_that_breaks_off_is_perhaps_paid_where_it_began_with_a_success(moved: str, status: int, paid: bool):
    with pytest.raises(ProviderUnavailable, match="its answer breaks off") as raised:
        asyncio.run(asked(f"{moved}/half/{status}"))
    assert raised.value.perhaps_paid is paid


def test_a_proxy_that_speaks_another_protocol_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", "socks5://me:secret@proxy:1080")
    with pytest.raises(ConfigurationError, match="socks5://proxy, and only HTTP proxies") as raised:
        asyncio.run(asked("http://10.0.0.7:8080/v1"))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.openai.com/v1", None),
        ({"https_proxy": "http://proxy:3128"}, "https://api.openai.com/v1", "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "http://10.0.0.7:8080/v1", None),
        ({"HTTPS_PROXY": "proxy:3128"}, "https://api.openai.com/v1", "http://proxy:3128"),
        ({"all_proxy": "http://me:secret@proxy:3128"}, "http://10.0.0.7:8080/v1", "http://me:secret@proxy:3128"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "openai.com"}, "https://api.openai.com/v1", None),
        ({"http_proxy": "http://proxy:3128", "NO_PROXY": "10.0.0.7:8080"}, "http://10.0.0.7:8080/v1", None),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "10.0.0.7"}, "http://10.0.0.7:8080/v1", None),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "*"}, "http://10.0.0.7:8080/v1", None),
    ],
)  # fmt: skip
def test_the_proxy_is_the_one_that_the_environment_names_for_the_address(
    environment: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for each in (name, name.upper()):
            monkeypatch.delenv(each, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy
