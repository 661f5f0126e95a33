"""What the serving benchmarks share: a throw-away Postgres with a novel, the fake provider, and an API process."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.deployment import migrated_server
from morpheus_assets.domain.content import NovelRecord
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.novels import upsert_novel
from morpheus_assets.store.database.engine import disposing, open_engine
from morpheus_assets.store.database.server_files import home_of
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chunking.chunks import cut_chunks
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.fixtures.passages import store_chunks
from morpheus_assets_tests.fixtures.provider_answers import vectors_of


@dataclass
class Bench:
    api_url: str
    api_pid: int
    postgres_pid: int
    database_url: str
    provider_url: str
    text: str
    bodies: list[str]
    space: Space


@contextmanager
def serving(
    novel: Path, space_name: str, latency_ms: float, port: int, redis_url: str | None = None
) -> Iterator[Bench]:
    """An API beside `novel`, stored with the fake provider's vectors; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    folder.chmod(0o711)
    children: list[subprocess.Popen] = []
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(migrated_server(folder / "pg"))
        stack.callback(end_all, children)
        engine = stack.enter_context(disposing(open_engine(server.url())))
        space = resolve_text_space(space_name, own_endpoints=["openai"])
        text, bodies = load_novel(engine, novel, space)
        command = [sys.executable, "-m", "morpheus_assets_tests.fixtures.provider_server", "--latency-ms"]
        provider = subprocess.Popen([*command, str(latency_ms)], cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True)
        children.append(provider)
        assert provider.stdout is not None
        provider_url = provider.stdout.readline().strip() + "/v1"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MORPHEUS_", "OPENAI_"))},
            "MORPHEUS_DATABASE_URL": server.url(), "MORPHEUS_DATA_FOLDER": str(folder / "data"),
            "MORPHEUS_DOTENV": os.devnull,
            "MORPHEUS_CONTENT": str(folder / "content"), "MORPHEUS_TEXT_SPACES": space_name,
            "MORPHEUS_IMAGE_SPACES": "open_clip/demo", "OPENAI_API_KEY": "sk-bench-0123456789",
            "OPENAI_BASE_URL": provider_url, "MORPHEUS_API_PORT": str(port), "MORPHEUS_TORCH_THREADS": "1",
            "MORPHEUS_TOKENS_PER_MINUTE": "1000000000", "MORPHEUS_REQUESTS_PER_MINUTE": "1000000",
            **({"MORPHEUS_REDIS_URL": redis_url} if redis_url else {}),
        }  # fmt: skip
        api = subprocess.Popen(
            [sys.executable, "-m", "morpheus_assets.cli.main", "serve"],
            env=environment, cwd=PROJECT_FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        children.append(api)
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        postgres_pid = int((home_of(folder / "pg") / "pgdata" / "postmaster.pid").read_text().split()[0])
        yield Bench(url, api.pid, postgres_pid, server.url(), provider_url, text, bodies, space)


def end_all(children: list[subprocess.Popen]) -> None:
    """End processes, the last one first."""
    for child in reversed(children):
        child.terminate()
        child.wait(70)


def load_novel(engine, path: Path, space: Space) -> tuple[str, list[str]]:
    document = read_document(path.read_bytes(), path.name)
    chapters = find_chapters(document)
    chunks = list(cut_chunks(document.text, chapters))
    record = NovelRecord(
        "bench", document.title, document.author, document.language, document.format, document.encoding, (),
        path.name, "0", document.text, "0",
    )  # fmt: skip
    upsert_novel(engine, record)
    replace_chapters(engine, "bench", chapters)
    store_chunks(engine, "bench", chunks)
    unique = {chunk.content_hash: chunk.body for chunk in chunks}
    row = spaces.register_space(engine, space)
    if space.provider == "openai":
        hashes, bodies = list(unique), list(unique.values())
        for start in range(0, len(hashes), 256):
            batch = vectors_of(bodies[start : start + 256], space.dimensions)
            vectors.write_batch(engine, row, hashes[start : start + 256], batch)
        spaces.activate_first(engine, row.key)
    return document.text, list(unique.values())


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit("the API did not start")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
