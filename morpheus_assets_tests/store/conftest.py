import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine

from morpheus_assets.domain.content import Chapter, Chunk, NovelRecord, PanelRecord
from morpheus_assets.domain.spaces import Space
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.novels import upsert_novel
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets_tests.fixtures.passages import store_chunks

SPACE = Space("demo-8", "text", "openai", "demo", "1", 8, "as is", 8192)


@pytest.fixture
def make_space() -> Callable[..., Space]:
    def make(key: str = "demo-8", **changes: object) -> Space:
        return replace(SPACE, key=key, model=key, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def add_novel(engine: Engine) -> Callable[..., list[bytes]]:
    """Store a novel whose passages are the given bodies, in chapters of ten; returns the content hashes."""

    def add(
        novel: str, bodies: list[str], language: str = "en", per_chapter: int = 10, first_chapter: int = 1
    ) -> list[bytes]:
        text = "".join(bodies)
        digest = hashlib.sha256(text.encode()).hexdigest()
        record = NovelRecord(
            novel, novel.title(), None, language, "txt", "utf-8", (), f"{novel}.txt", digest, text, digest
        )
        upsert_novel(engine, record)
        rows, start = [], 0
        for number, body in enumerate(bodies):
            value = hashlib.sha256(body.encode()).digest()
            chapter = number // per_chapter + first_chapter
            rows.append(Chunk(chapter, number + 1, start, start + len(body), len(body.split()), value, body))
            start += len(body)
        chapters = sorted({row.chapter for row in rows})
        replace_chapters(engine, novel, [Chapter(n, f"Chapter {n}", 0, 1, 1) for n in chapters])
        store_chunks(engine, novel, rows)
        return [row.content_hash for row in rows]

    return add


@pytest.fixture
def add_panels(engine: Engine) -> Callable[..., list[bytes]]:
    def add(novel: str, names: list[str]) -> list[bytes]:
        hashes = [hashlib.sha256(name.encode()).digest() for name in names]
        replace_panels(
            engine,
            novel,
            [
                PanelRecord(f"{name}.png", "stored", 9, None, value, "PNG", "RGB", 4, 4)
                for name, value in zip(names, hashes, strict=True)
            ],
        )
        return hashes

    return add


@pytest.fixture
def random_vectors() -> Callable[..., NDArray[np.float32]]:
    def make(rows: int, dimensions: int = 8, seed: int = 0) -> NDArray[np.float32]:
        vectors = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return make
