"""The second floor of `make bench`: the same rows as the project's, on both cores, without any orchestration.

`peer_floor.py ingest|info`: two processes cut the chapters into token-true passages and store them with their
words, while this one embeds what they have cut and stores the vectors, in an empty database. No events, claims, limits,
retries, checks, or re-use of what is stored.
"""

import asyncio
import base64
import json
import multiprocessing
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

BEGAN = time.perf_counter()

import aiohttp  # noqa: E402
import numpy as np  # noqa: E402
import orjson  # noqa: E402
import psycopg  # noqa: E402

# a script's own folder comes first on the path; its modules are this project's
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import semantic_text_splitter  # noqa: E402, F401

from morpheus_assets.text.chunking.chunks import cut_chapters  # noqa: E402
from morpheus_assets.text.chunking.settings import ChunkerSettings  # noqa: E402
from morpheus_assets.text.chunking.tokens import tokenizer  # noqa: E402

DATABASE, CORPUS = os.environ["BENCH_DB"], Path(os.environ["BENCH_CORPUS"])
DIMENSIONS, MODEL = int(os.environ["BENCH_DIMS"]), os.environ.get("BENCH_MODEL", "text-embedding-3-small")
URL = os.environ["OPENAI_BASE_URL"]
TOKENS = int(os.environ.get("MORPHEUS_CHUNK_TOKENS", "254"))
CORES, IN_FLIGHT, INPUTS = 2, 16, 128
# characters that a process cuts and stores at a time
PIECE = 300_000

TABLES = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE floor_passages (content_hash bytea PRIMARY KEY, body text NOT NULL, token_count integer NOT NULL,
                             tsv tsvector NOT NULL);
CREATE INDEX ON floor_passages USING gin (tsv) WITH (fastupdate = on, gin_pending_list_limit = 1024);
CREATE TABLE floor_chunks (novel text, chapter integer, ordinal integer, char_start integer, char_end integer,
                           content_hash bytea NOT NULL, PRIMARY KEY (novel, chapter, ordinal));
CREATE TABLE floor_embeddings (content_hash bytea PRIMARY KEY, embedding halfvec({DIMENSIONS}) NOT NULL);
"""
STORE_PASSAGES = """
INSERT INTO floor_passages
SELECT content_hash, body, token_count, to_tsvector('english', body)
FROM unnest(%s::bytea[], %s::text[], %s::integer[]) AS s (content_hash, body, token_count)
ORDER BY content_hash ON CONFLICT DO NOTHING
"""


class Span(NamedTuple):
    """A chapter's place in its novel, for the cutter."""

    ordinal: int
    char_start: int
    char_end: int


class Piece(NamedTuple):
    """Some chapters of a novel, for one process."""

    novel: str
    text: str
    chapters: list[Span]


def pieces() -> Iterator[Piece]:
    """All novels in pieces of about PIECE characters; chapters are what the corpus parts by two blank lines."""
    for path in sorted(CORPUS.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        spans, start = [], 0
        for ordinal, chapter in enumerate(text.split("\n\n\n"), 1):
            spans.append(Span(ordinal, start, start + len(chapter)))
            start += len(chapter) + 3
        while spans:
            first = spans[0].char_start
            count = next((n for n, span in enumerate(spans, 1) if span.char_end - first >= PIECE), len(spans))
            taken, spans = spans[:count], spans[count:]
            own = [Span(span.ordinal, span.char_start - first, span.char_end - first) for span in taken]
            yield Piece(path.stem, text[first : taken[-1].char_end], own)


def cut_and_store(piece: Piece) -> list[tuple[bytes, str]]:
    """Cut a piece and store its chunks and passages; returns the passages by their hashes."""
    rows, passages = [], {}
    for chapter in cut_chapters(piece.text, piece.chapters, ChunkerSettings(TOKENS, 0)):
        for ordinal, chunk in enumerate(chapter.chunks or (), 1):
            rows.append((piece.novel, chapter.chapter, ordinal, chunk.char_start, chunk.char_end, chunk.content_hash))
            passages[chunk.content_hash] = (chunk.body, chunk.token_count)
    with psycopg.connect(DATABASE) as connection:
        bodies, counts = zip(*passages.values(), strict=True)
        connection.execute(STORE_PASSAGES, (list(passages), list(bodies), list(counts)))
        with connection.cursor().copy("COPY floor_chunks FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["text", "int4", "int4", "int4", "int4", "bytea"])
            for row in rows:
                copy.write_row(row)
    return [(value, body) for value, (body, _) in passages.items()]


async def embed(session: aiohttp.ClientSession, texts: Sequence[str]) -> list["np.ndarray"]:
    """The vectors of some texts, float32."""
    wanted = {"model": MODEL, "input": texts, "encoding_format": "base64", "dimensions": DIMENSIONS}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-fake"}
    async with session.post(f"{URL}/embeddings", data=orjson.dumps(wanted), headers=headers) as answer:
        answer.raise_for_status()
        said = orjson.loads(await answer.read())
    return [np.frombuffer(base64.b64decode(each["embedding"]), "<f4") for each in said["data"]]


async def batches(pool: ProcessPoolExecutor) -> AsyncIterator[list[tuple[bytes, str]]]:
    """New passages, INPUTS at a time, as the processes have cut them."""
    loop = asyncio.get_running_loop()
    seen: set[bytes] = set()
    waiting: list[tuple[bytes, str]] = []
    for done in asyncio.as_completed([loop.run_in_executor(pool, cut_and_store, piece) for piece in pieces()]):
        waiting += [(value, body) for value, body in await done if value not in seen]
        seen.update(value for value, _ in waiting)
        while len(waiting) >= INPUTS:
            yield waiting[:INPUTS]
            waiting = waiting[INPUTS:]
    if waiting:
        yield waiting


async def ingest() -> dict[str, float]:
    """Everything from the files to the last vector."""
    with psycopg.connect(DATABASE, autocommit=True) as connection:
        connection.execute(TABLES)
    # as the project's processes have it at hand before they begin
    tokenizer()
    imported, begun = time.perf_counter() - BEGAN, time.perf_counter()
    stored = 0
    gate = asyncio.Semaphore(IN_FLIGHT)
    with ProcessPoolExecutor(CORES, mp_context=multiprocessing.get_context("fork")) as pool:
        async with (
            await psycopg.AsyncConnection.connect(DATABASE) as database,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session,
        ):
            writing = asyncio.Lock()

            async def one(batch: list[tuple[bytes, str]]) -> int:
                async with gate:
                    vectors = await embed(session, [body for _, body in batch])
                async with writing, database.cursor().copy("COPY floor_embeddings FROM STDIN (FORMAT binary)") as copy:
                    await copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                    rows = zip(batch, vectors, strict=True)
                    await copy.write(b"".join(_row(value, vector) for (value, _), vector in rows))
                    await copy.write(b"\xff\xff")
                return len(batch)

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(batch)) async for batch in batches(pool)]
            stored = sum(task.result() for task in tasks)
            await database.commit()
        work = time.perf_counter() - begun
    return {"work_s": work, "import_s": imported, "embedded": stored}


def _row(value: bytes, vector: "np.ndarray") -> bytes:
    half = vector.astype(">f2").tobytes()
    head = len(vector).to_bytes(2, "big") + bytes(2)
    return b"\0\2" + len(value).to_bytes(4, "big") + value + (4 + len(half)).to_bytes(4, "big") + head + half


def main() -> None:
    if sys.argv[1] == "ingest":
        print(json.dumps(asyncio.run(ingest())))
    else:
        print(json.dumps({"table": "floor_embeddings", "text": "content_hash", "embedding": "embedding"}))


if __name__ == "__main__":
    main()
