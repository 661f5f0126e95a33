"""The rows that belong to a novel: its lock, its number, and their replacement, compared before they are written."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import psycopg
from psycopg.sql import SQL

from morpheus_assets.domain.content import ReplaceCounts
from morpheus_assets.store.database.errors import TextChanged, UnknownNovel
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

# What fits into a socket's buffer, and keeps the server busy while the next are made.
_ROWS_AT_ONCE = 64


def lock_novel(connection: psycopg.Connection[Any], novel: str) -> None:
    """Let one writer at a time at a novel's rows, until the end of the transaction."""
    connection.execute(queries.lock_novel, {"novel": novel})


def novel_id(connection: psycopg.Connection[Any], novel: str, *, source_digest: str | None = None) -> int:
    """The number of a stored novel. Raises UnknownNovel.

    Raises TextChanged when `source_digest` is given and the stored text is of another source by now.
    """
    row = connection.execute(queries.find_novel, {"novel": novel}).fetchone()
    if row is None:
        raise unknown_novel(novel)
    number, stored_digest = row
    if source_digest is not None:
        refuse_other_source(novel, stored_digest, source_digest)
    return int(number)


def refuse_other_source(novel: str, stored_digest: str | None, source_digest: str) -> None:
    """Raise TextChanged unless the stored text is of the source that is being worked on."""
    if stored_digest != source_digest:
        raise TextChanged(
            f"{novel} was read anew while an older text of it was being worked on; nothing of the older one was stored,"
            " and the run that read it goes on."
        )


def unknown_novel(novel: str) -> UnknownNovel:
    """The error that says so."""
    return UnknownNovel(f"No novel named {novel!r} is stored; materialize `novels` for it first.")


def replace_rows(
    connection: psycopg.Connection[Any],
    write: SQL,
    delete_others: SQL,
    number: int,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: str = "ordinal",
) -> ReplaceCounts:
    """Make the rows of novel `number` equal to `rows`: changed ones are written, those with other keys deleted.

    `write` inserts or changes what differs among the `rows` of one JSON array; `delete_others` keeps the `keys`. `rows`
    may be a generator: the next ones are made while the server writes those before.
    """
    source = iter(rows)
    keys: list[Any] = []
    written = 0
    # Sent without waiting for the answer, and never more than one at a time, so that memory stays flat.
    with connection.pipeline() as pipeline, connection.cursor() as cursor:
        while batch := list(islice(source, _ROWS_AT_ONCE)):
            pipeline.sync()
            written += max(0, cursor.rowcount)
            staged = json.dumps(batch, ensure_ascii=False, default=_bytes_as_json)
            cursor.execute(write, {"number": number, "rows": staged})
            keys += (row[key] for row in batch)
        pipeline.sync()
        written += max(0, cursor.rowcount)
    deleted = connection.execute(delete_others, {"number": number, "keys": keys}).rowcount
    return ReplaceCounts(written=written, unchanged=len(keys) - written, deleted=deleted)


def _bytes_as_json(value: bytes) -> str:
    return "\\x" + value.hex()
