import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from morpheus_assets_tests.fixtures.deployment import Deployment, story

pytestmark = pytest.mark.slow

SEARCH = """
import httpx, asyncio
from morpheus_assets.api.app import build_app
from morpheus_assets.services import search
from morpheus_assets.settings import load_settings

# also where the machine is busy while the vendor's library is imported
search.QUESTION_SECONDS = search.SEARCH_SECONDS = 100.0

async def main():
    app = build_app(load_settings())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/api/embeddings/search", params={"q": "harbour lantern", "kind": "text"})
            answer.raise_for_status()

asyncio.run(main())
"""


@dataclass
class Collector:
    url: str
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def named(self, name: str) -> Span:
        [found] = [span for span in self.spans if span.name == name]
        return found

    def below(self, top: Span) -> set[str]:
        return {span.name for span in self.spans if span.trace_id == top.trace_id} - {top.name}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that takes OTLP over HTTP on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                taken.services |= {
                    each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
                }
                for scope in resource.scope_spans:
                    taken.spans += scope.spans
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield taken
    server.shutdown()
    server.server_close()


def run(deployment: Deployment, command: list[str], **variables: str) -> None:
    settings = deployment.settings
    assert settings.database_url is not None
    assert settings.openai_api_key is not None
    environment = {
        **os.environ,
        "MORPHEUS_DOTENV": os.devnull,
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_DATA_FOLDER": str(settings.data_folder),
        "MORPHEUS_CONTENT": str(settings.content),
        "MORPHEUS_TEXT_SPACES": settings.text_spaces,
        "OPENAI_API_KEY": settings.openai_api_key.get_secret_value(),
        "OPENAI_BASE_URL": settings.openai_base_url or "",
        **variables,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_request_is_a_trace_with_its_provider_and_its_statements(deployment: Deployment, collector: Collector):
    deployment.drop("emma.txt", story(chapters=1))
    assert deployment.ingest("emma").success
    run(deployment, [sys.executable, "-c", SEARCH], OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert collector.services == {"morpheus-api"}
    request = collector.named("GET /api/embeddings/search")
    below = collector.below(request)
    assert "provider request" in below
    assert "SELECT" in below or any(name.startswith(("SELECT", "WITH")) for name in below), below
    assert all("harbour" not in str(span.attributes) for span in collector.spans if span.name == "provider request")


def test_a_run_is_a_trace_with_its_steps_and_what_they_waited_for(
    deployment: Deployment, collector: Collector, tmp_path: Path
):
    deployment.drop("emma.txt", story(chapters=1))
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("novels", ["emma"])
    program = str(Path(sys.executable).parent / "dagster")
    launch = [program, "job", "execute", "-m", "morpheus_assets.definitions", "-j", "ingest_novels"]
    tags = ["--tags", '{"dagster/partition": "emma"}']
    run(deployment, [*launch, *tags], DAGSTER_HOME=str(home), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert collector.services == {"morpheus-runs"}
    steps = collector.below(collector.named("run ingest_novels"))
    assert {"step novels", "step chapters", "step chunks", "provider request"} <= steps
    [request] = [span for span in collector.spans if span.name == "provider request"]
    [step] = [span for span in collector.spans if span.span_id == request.parent_span_id]
    assert step.name.startswith("step text_embeddings")


def test_without_an_address_nothing_of_it_is_imported():
    code = "import sys, morpheus_assets.api.app, morpheus_assets.definitions; print('opentelemetry.sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
