import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest

from morpheus_assets.api.routes import health
from morpheus_assets.services.process_start import process_start
from morpheus_assets.services.running_parts import PartProcess, write_parts
from morpheus_assets_tests.api.conftest import SECRET, Api
from morpheus_assets_tests.fixtures.ports import free_port
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import answers, eventually


def test_health_readiness_and_metrics_answer(api: Api):
    assert api.client.get("/healthz").json() == {"status": "ok"}
    assert eventually(lambda: api.client.get("/readyz").status_code == 200)
    assert api.client.get("/readyz").json()["parts"] == {
        "database": "ok",
        "redis": "not configured",
        "dagster": "down",
        "code server": "down",
        "daemon": "down",
        "models": "ok",
    }
    api.text("a ship")
    text = api.client.get("/metrics").text
    for name in ("morpheus_http_requests_total", "morpheus_http_request_seconds_bucket", "morpheus_tokens_total",
                 "morpheus_cost_dollars_total", "morpheus_cache_lookups_total"):  # fmt: skip
        assert name in text
    line = 'morpheus_http_requests_total{method="POST",route="/api/embeddings/text",status="200"}'
    assert api.metric(line) == 1


class Webserver(BaseHTTPRequestHandler):
    """A Dagster webserver that answers everything as if all were well, as it does from what it knew."""

    def do_GET(self) -> None:
        self._say({})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        beat = {"instance": {"daemonHealth": {"allDaemonStatuses": [{"lastHeartbeatTime": time.time()}]}}}
        self._say({"data": {"executionPlanOrError": {"__typename": "ExecutionPlan"}, **beat}})

    def log_message(self, *_: object) -> None:
        pass

    def _say(self, answer: dict) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_part_whose_process_is_dead_is_down_whatever_dagster_still_says(start_api: Callable[..., Api]):
    with ThreadingHTTPServer(("127.0.0.1", 0), Webserver) as dagster:
        threading.Thread(target=dagster.serve_forever, daemon=True).start()
        api = start_api(dagster_url=f"http://127.0.0.1:{dagster.server_port}")

        def parts() -> dict[str, str]:
            found = api.client.get("/readyz").json()["parts"]
            return {name: found[name] for name in ("database", "dagster", "code server", "daemon")}

        assert parts() == {"database": "ok", "dagster": "ok", "code server": "ok", "daemon": "ok"}
        me = psutil.Process()
        api.settings.data_folder.mkdir(exist_ok=True)
        running = [
            # its children, which still answer, end a moment after it
            PartProcess("postgres", me.pid, 1.0, True),
            PartProcess("webserver", me.pid, process_start(me), True),
            PartProcess("code server", me.pid, 1.0, True),
            PartProcess("daemon", me.pid, process_start(me), False),
        ]
        write_parts(api.settings.data_folder, "", api.url, running)
        assert parts() == {"database": "down", "dagster": "ok", "code server": "down", "daemon": "starting"}
        assert api.client.get("/readyz").status_code == 503
        dagster.shutdown()


def test_unmatched_paths_are_one_series_and_not_one_each(api: Api):
    for number in range(5):
        api.client.get(f"/nothing/{number}")
    assert api.metric('morpheus_http_requests_total{method="GET",route="unmatched",status="404"}') == 5


def test_a_request_id_is_given_back_or_made(api: Api):
    assert api.client.get("/healthz", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = api.client.get("/nothing", headers={"x-request-id": "bad id"})
    assert len(made.headers["x-request-id"]) == 32
    assert made.json()["request_id"] == made.headers["x-request-id"]


def test_what_nobody_expected_is_a_problem_without_a_stack_trace(api: Api, monkeypatch: pytest.MonkeyPatch):
    def break_down(_: object) -> None:
        raise RuntimeError("sk-very-secret inside")

    monkeypatch.setattr(health, "_database_answers", break_down)
    answer = api.client.get("/readyz")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:morpheus:problem:internal"
    assert "very-secret" not in answer.text
    assert "Traceback" not in answer.text


def test_the_database_down_is_said_and_over_when_it_is_back(start_api: Callable[..., Api]):
    api = start_api(database_url="postgresql://nobody@127.0.0.1:9/nothing")
    answer = api.search(q="a ship")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:morpheus:problem:database-unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert api.client.get("/healthz").status_code == 200


def test_what_requests_cost_is_written_down(
    start_api: Callable[..., Api], sql: Callable[..., list], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("morpheus_assets.api.embedding.spending.WRITE_SECONDS", 0.2)
    api = start_api()
    tokens = api.text("a ship came home").json()["total_tokens"]
    written = "SELECT space_key, novel, tokens, inputs, requests, cost > 0 FROM spending"
    assert eventually(lambda: bool(sql(written)))
    assert sql(written) == [("openai-text-embedding-3-small-256", None, tokens, 1, 1, True)]


@pytest.mark.slow
def test_a_request_in_flight_is_finished_when_the_server_is_told_to_end(
    database_url: str, provider_server: ProviderServer, tmp_path
):
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MORPHEUS_", "OPENAI_"))},
        "MORPHEUS_DATABASE_URL": database_url, "MORPHEUS_DATA_FOLDER": str(tmp_path), "MORPHEUS_API_PORT": str(port),
        "MORPHEUS_DOTENV": os.devnull,
        "MORPHEUS_TEXT_SPACES": "openai/text-embedding-3-small@256", "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
        "OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": (provider := provider_server.base_url(together=2)),
    }  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "morpheus_assets.cli.main", "serve"],
            env=environment, cwd=tmp_path, stderr=output, stdout=output,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    assert eventually(lambda: answers(port), 600)
    answered: list[httpx.Response] = []
    request = threading.Thread(
        target=lambda: answered.append(
            httpx.post(f"{url}/api/embeddings/text", json={"input": "a private sentence"}, timeout=100)
        )
    )
    request.start()
    assert eventually(lambda: provider_server.stats(provider).get("in_flight") == 1)
    server.send_signal(signal.SIGTERM)
    assert eventually(lambda: not answers(port)), "nobody else is let in"
    provider_server.ask(provider)
    request.join()
    assert answered[0].status_code == 200
    assert server.wait(100) == 0
    written = log.read_text()
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line.get("route") == "/api/embeddings/text"]
    assert line["request_id"] == answered[0].headers["x-request-id"]
    assert (line["status"], line["method"]) == (200, "POST")
    assert SECRET not in written
    assert "private sentence" not in written
