import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from morpheus_assets.api.app import build_app
from morpheus_assets.api.server import server_config
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services import search
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of
from morpheus_assets_tests.fixtures.redis_server import redis, redis_program
from morpheus_assets_tests.store.conftest import add_novel

__all__ = ["add_novel", "redis", "redis_program"]

SECRET = "sk-secret-0123456789"
SPACE = "openai/text-embedding-3-small@256"


@dataclass
class Api:
    url: str
    settings: Settings
    client: httpx.Client
    provider_url: str
    app: FastAPI

    def text(self, content: Any, **fields: Any) -> httpx.Response:
        return self.client.post("/api/embeddings/text", json={"input": content, **fields})

    def search(self, **parameters: Any) -> httpx.Response:
        return self.client.get("/api/embeddings/search", params=parameters)

    def metric(self, line: str) -> float:
        for row in self.client.get("/metrics").text.splitlines():
            if row.startswith(line + " "):
                return float(row.rsplit(" ", 1)[1])
        return 0.0


@pytest.fixture
def make_settings(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of an API beside the fake provider; `provider` are the fake's own options."""

    def make(provider: dict[str, Any] | None = None, **changes: Any) -> Settings:
        given = {
            "database_url": database_url, "data_folder": tmp_path / "data", "content": tmp_path / "content",
            "text_spaces": SPACE, "image_spaces": "open_clip/demo", "openai_api_key": SECRET, "torch_threads": 1,
            "openai_base_url": provider_server.base_url(**(provider or {})), "dagster_url": "http://127.0.0.1:9",
            "redis_url": None, "api_keys": None, "master_key": None,
        }  # fmt: skip
        return Settings(_env_file=None, **{**given, **changes})

    return make


@pytest.fixture
def patient_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that answers is waited for, however busy the machine is; tests of the deadline set one."""
    monkeypatch.setattr(search, "QUESTION_SECONDS", 100.0)
    monkeypatch.setattr(search, "SEARCH_SECONDS", 200.0)


@pytest.fixture
def start_api(make_settings: Callable[..., Settings], patient_questions: None) -> Iterator[Callable[..., Api]]:
    """Starts the application over real HTTP on loopback, as often as it is called."""
    running: list[tuple[uvicorn.Server, threading.Thread, httpx.Client]] = []

    def start(provider: dict[str, Any] | None = None, **changes: Any) -> Api:
        settings = make_settings(provider, **changes)
        app = build_app(settings)
        server = uvicorn.Server(server_config(app, "127.0.0.1", 0))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        client = httpx.Client(base_url=url, timeout=100, trust_env=False, verify=False)
        running.append((server, thread, client))
        return Api(url, settings, client, settings.openai_base_url or "", app)

    yield start
    for server, thread, client in running:
        client.close()
        # nothing is in flight any more, so there is nothing to wait for
        server.should_exit = server.force_exit = True
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def api(start_api: Callable[..., Api]) -> Api:
    return start_api()


@pytest.fixture
def space(make_settings: Callable[..., Settings]) -> Space:
    return configured_text_spaces(make_settings())[0]


@pytest.fixture
def add_embedded(engine: Engine, space: Space, add_novel: Callable[..., list[bytes]]) -> Callable[..., list[bytes]]:
    """Store a novel with the vectors that the fake provider would give, in the active space."""

    def add(novel: str, bodies: list[str], **options: Any) -> list[bytes]:
        hashes = add_novel(novel, bodies, **options)
        row = spaces.register_space(engine, space)
        unique = dict(zip(hashes, bodies, strict=True))
        vectors.write_batch(engine, row, list(unique), vectors_of(list(unique.values()), space.dimensions))
        spaces.activate_first(engine, row.key)
        return hashes

    return add


@pytest.fixture
def sql(database_url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Ask the database by hand, past the store."""
    address = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        yield lambda query, *values: connection.execute(query.encode(), values).fetchall()
