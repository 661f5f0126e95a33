"""Passages: the texts that chunks refer to, once each by the hash of their text, with their searchable words.

They are written in batches of their own and in the order of their hashes, so that two novels that share some never
wait for each other in a circle. One that no chunk refers to is found by no search, and upkeep deletes it.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Engine

from morpheus_assets.domain.content import CutChunk
from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, reading

queries = load_queries(__file__)

# Enough to keep the server busy while the next are made. Each batch is a round trip, so they grow; the largest takes
# the server less than a second.
_FIRST_ROWS, _MOST_ROWS = 200, 400
# Of a long novel two batches are parsed at a time, over two connections: a server needs longer for them than we do.
_LONG_FROM, _AT_ONCE = 3, 2
_DELETED_AT_ONCE = 5000
_PARSED_AT_ONCE = 500


def write_passages(engine: Engine, config: str, chunks: Iterable[CutChunk]) -> None:
    """Store the passages of `chunks`, which may be a generator: the next are made while the server parses those before.

    One that is stored stays as it is; its words are parsed anew, by the text search configuration `config`, when no
    novel that has it is in the language that they were parsed for.
    """

    def write(batch: Sequence[CutChunk]) -> None:
        rows = {chunk.content_hash: _staged(chunk.content_hash, chunk.body, chunk.token_count) for chunk in batch}
        staged = json.dumps(list(rows.values()), ensure_ascii=False)
        with autocommit(engine) as connection:
            connection.execute(queries.write_passages, {"rows": staged, "config": config})

    source, size, number = iter(chunks), _FIRST_ROWS, 0
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passages") as writers:
        while batch := list(islice(source, size)):
            size, number = min(_MOST_ROWS, 2 * size), number + 1
            # So few wait that memory stays flat.
            while len(waiting) >= (_AT_ONCE if number > _LONG_FROM else 1):
                waiting.popleft().result()
            waiting.append(writers.submit(write, batch))
        for each in waiting:
            each.result()


def delete_unused(connection: psycopg.Connection[Any], hashes: Collection[bytes]) -> int:
    """Delete those of some passages that no chunk refers to, also what this transaction took from chunks.

    Waits for nobody: what another transaction is about to refer to stays.
    """
    if not hashes:
        return 0
    row = connection.execute(queries.delete_unused_passages, {"hashes": sorted(hashes)}).fetchone()
    return int(row[0]) if row else 0


def collect_unused(bind: Bind) -> int:
    """Delete every passage that no chunk refers to, as edits and killed runs leave them; returns how many."""
    deleted = 0
    with reading(bind) as connection:
        while True:
            found = connection.execute(queries.unused_passages, {"limit": _DELETED_AT_ONCE}).fetchall()
            gone = delete_unused(connection, [bytes(value) for (value,) in found])
            deleted += gone
            if not gone:
                return deleted


def parse_as_their_novels(bind: Bind, hashes: Collection[bytes] | None = None) -> int:
    """Parse anew those of some passages, or of all, that are parsed for a language which no novel that has them is in.

    So it is when the novel that brought them is removed or edited, and one in another language has them too. Returns
    how many.
    """
    parsed = 0
    with reading(bind) as connection:
        while True:
            wanted = {"hashes": None if hashes is None else sorted(hashes), "limit": _PARSED_AT_ONCE}
            found = connection.execute(queries.passages_in_no_novels_language, wanted).fetchall()
            for config in {row[3] for row in found}:
                rows = [_staged(bytes(value), body, tokens) for value, body, tokens, own in found if own == config]
                staged = json.dumps(rows, ensure_ascii=False)
                connection.execute(queries.write_passages, {"rows": staged, "config": config})
            parsed += len(found)
            if len(found) < _PARSED_AT_ONCE:
                return parsed


def _staged(content_hash: bytes, body: str, token_count: int) -> dict[str, Any]:
    return {
        "content_hash": "\\x" + content_hash.hex(),
        "body": body,
        "token_count": token_count,
        "bigrams": with_bigrams(body) if has_unspaced(body) else None,
    }
