"""Passages: the texts that chunks refer to, once each by the hash of their text, with their searchable words.

They are written in batches of their own and in the order of their hashes, so that two novels that share some never
wait for each other in a circle. One that no chunk refers to is found by no search, and upkeep deletes it.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Engine

from morpheus_assets.domain.content import CutChunk
from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, pipelined, reading

queries = load_queries(__file__)

# Each batch is a round trip, so they grow; the largest takes the server less than a second.
_FIRST_ROWS, _MOST_ROWS = 100, 400
_AT_ONCE, _MOST_WAITING = 2, 4
_DELETED_AT_ONCE = 5000
_PARSED_AT_ONCE = 500


class PassageWriters:
    """Writes passages over two connections, while who hands them in makes the next ones; use as a context.

    The server needs longer to parse the words of a text than we do to cut it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passages")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> "PassageWriters":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def write(self, config: str, chunks: Iterable[CutChunk]) -> Callable[[], None]:
        """Take in the passages of `chunks`, which may be a generator; what it returns waits until they are stored.

        One that is stored stays as it is; its words are parsed anew, by the text search configuration `config`, when no
        novel that has it is in the language that they were parsed for.
        """
        source, size = iter(chunks), _FIRST_ROWS
        own: list[Future[None]] = []
        while batch := list(islice(source, size)):
            size = min(_MOST_ROWS, 2 * size)
            # So few wait that memory stays flat. A fault is told to who waits for all of them.
            if len(self._waiting) == _MOST_WAITING:
                self._waiting.popleft().exception()
            own.append(self._threads.submit(self._store, config, batch))
            self._waiting.append(own[-1])

        def wait() -> None:
            for each in own:
                each.result()

        return wait

    def _store(self, config: str, batch: Sequence[CutChunk]) -> None:
        rows = {chunk.content_hash: (chunk.content_hash, chunk.body, chunk.token_count) for chunk in batch}
        # The chunks that refer to them are committed later and durably, and what was before that with them.
        with pipelined(self._engine, durable=False) as connection:
            connection.execute(queries.write_passages, _columns(config, rows.values()))


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
                rows = [(bytes(value), body, tokens) for value, body, tokens, own in found if own == config]
                connection.execute(queries.write_passages, _columns(config, rows))
            parsed += len(found)
            if len(found) < _PARSED_AT_ONCE:
                return parsed


def _columns(config: str, rows: Iterable[tuple[bytes, str, int]]) -> dict[str, Any]:
    hashes, bodies, token_counts = map(list, zip(*rows, strict=True))
    return {
        "config": config,
        "hashes": hashes,
        "bodies": bodies,
        "token_counts": token_counts,
        "bigrams": [with_bigrams(body) if has_unspaced(body) else None for body in bodies],
    }
