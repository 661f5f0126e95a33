"""A provider that refuses a request and names an input that is not in it: the one at fault is found all the same."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider_answers import POISON, Refusal, answer_body


class WrongIndex(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests += 1
        status, body = 200, b""
        if any(POISON in text for text in asked["input"]):
            status, body = 400, Refusal(400, "The example at index 99 cannot be processed.").body("openai")
        else:
            body = answer_body(asked["input"], 256, asked["model"], "", True)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), WrongIndex)
    made.requests = 0
    Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_the_text_at_fault_is_named_though_the_provider_names_one_that_is_not_there(
    start_api: Callable[..., Api], server: ThreadingHTTPServer
):
    api = start_api(openai_base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", api_timeout_seconds=5)
    texts = ["a ship", "a lamp", f"{POISON} a cat", "a tower"]

    answer = api.text(texts)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "input[2]")
    assert server.requests <= 7
