"""One transaction for one store call, and the replacement of a novel's rows in it, compared before they are written.

Which table has which columns is the callers' business.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Connection, Engine

from morpheus_assets.domain.content import ReplaceCounts
from morpheus_assets.store.database.engine import raw
from morpheus_assets.store.database.errors import TextChanged, UnknownNovel

Bind = Engine | Connection
# What fits into a socket's buffer, and keeps the server busy while the next are made.
_ROWS_AT_ONCE = 64


@contextmanager
def transaction(bind: Bind) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection in a transaction: a new one for an engine, the running one of a connection."""
    if isinstance(bind, Engine):
        with bind.begin() as connection:
            yield raw(connection)
    elif bind.in_transaction():
        yield raw(bind)
    else:
        with bind.begin():
            yield raw(bind)


@contextmanager
def reading(bind: Bind) -> Iterator[psycopg.Connection[Any]]:
    """As `transaction`, for statements that only read and need no common one: two round trips less with an engine."""
    if not isinstance(bind, Engine):
        with transaction(bind) as connection:
            yield connection
        return
    with bind.connect() as connection:
        yield raw(connection.execution_options(isolation_level="AUTOCOMMIT"))


def lock_novel(connection: psycopg.Connection[Any], novel: str) -> None:
    """Let one writer at a time at a novel's rows, until the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('novel ' || %s, 0))", [novel])


def novel_id(connection: psycopg.Connection[Any], novel: str) -> int:
    """The number of a stored novel. Raises UnknownNovel."""
    row = connection.execute("SELECT id FROM novels WHERE novel = %s", [novel]).fetchone()
    if row is None:
        raise UnknownNovel(f"No novel named {novel!r} is stored; materialize `novels` for it first.")
    return int(row[0])


def current_text(connection: psycopg.Connection[Any], novel: str, source_digest: str | None) -> int:
    """The number of a stored novel. Raises UnknownNovel, and TextChanged when its source is another one by now."""
    number = novel_id(connection, novel)
    row = connection.execute("SELECT source_digest FROM novels WHERE id = %s", [number]).fetchone()
    if source_digest is not None and row is not None and row[0] != source_digest:
        raise TextChanged(
            f"{novel} was read anew while an older text of it was being worked on; nothing of the older one was stored,"
            " and the run that read it goes on."
        )
    return number


@dataclass(frozen=True)
class RowSet:
    """One table whose rows belong to a novel: `key` and `values` are columns with their types."""

    table: str
    key: tuple[str, str]
    values: tuple[tuple[str, str], ...]
    staged_only: tuple[tuple[str, str], ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    """Columns computed from the staged row `s` (name, SQL); they are not compared."""

    @property
    def staged(self) -> tuple[tuple[str, str], ...]:
        """What is sent of each row: columns with their types."""
        return (self.key, *self.values, *self.staged_only)


def replace_rows(
    connection: psycopg.Connection[Any],
    rows_of: RowSet,
    number: int,
    rows: Iterable[Sequence[Any]],
    *,
    rewrite_all: bool = False,
    kept: Sequence[Any] = (),
) -> ReplaceCounts:
    """Make the novel's rows equal to `rows` (key, values, staged-only columns): changed ones are written, orphans go.

    Rows that are equal already are not touched. `rewrite_all` writes them too, for when a derived column must change.
    Rows with a key in `kept` stay as they are and count as unchanged.
    `rows` may be a generator: the next ones are made while the server writes those before.
    """
    statement = _upsert(rows_of)
    names = [name for name, _ in rows_of.staged]
    source = iter(rows)
    keys = list(kept)
    written = 0
    # Sent without waiting for the answer, and never more than one at a time, so that memory stays flat.
    with connection.pipeline() as pipeline, connection.cursor() as cursor:
        while batch := list(islice(source, _ROWS_AT_ONCE)):
            pipeline.sync()
            written += max(0, cursor.rowcount)
            staged = [dict(zip(names, map(_as_json, row), strict=True)) for row in batch]
            wanted = {"number": number, "rewrite_all": rewrite_all, "rows": json.dumps(staged, ensure_ascii=False)}
            cursor.execute(statement, wanted)
            keys += (row[0] for row in batch)
        pipeline.sync()
        written += max(0, cursor.rowcount)
    kind = SQL(rows_of.key[1])
    deleted = connection.execute(
        SQL("DELETE FROM {} WHERE novel_id = %s AND {} <> ALL (%s::{}[])").format(
            Identifier(rows_of.table), Identifier(rows_of.key[0]), kind
        ),
        [number, keys],
    ).rowcount
    return ReplaceCounts(written=written, unchanged=len(keys) - written, deleted=deleted)


def _as_json(value: Any) -> Any:
    return "\\x" + value.hex() if isinstance(value, bytes) else value


def _upsert(rows_of: RowSet) -> Composed:
    names = [name for name, _ in rows_of.values]
    derived = [name for name, _ in rows_of.derived]
    every = [rows_of.key[0], *names]
    columns = SQL(", ").join(SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in rows_of.staged)
    target = SQL(", ").join(map(Identifier, ["novel_id", *every, *derived]))
    source = SQL(", ").join(
        [
            SQL("%(number)s"),
            *(SQL("s.") + Identifier(name) for name in every),
            *(SQL(sql) for _, sql in rows_of.derived),
        ]
    )
    changes = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in [*names, *derived])
    same_columns = SQL(", ").join(SQL("t.") + Identifier(name) for name in names)
    new_columns = SQL(", ").join(SQL("s.") + Identifier(name) for name in names)
    # Equal rows are left out before the insert: ON CONFLICT … WHERE would leave them, but still lock and mark each.
    return SQL(
        "INSERT INTO {table} ({target}) SELECT {source} FROM json_to_recordset(%(rows)s::json) AS s ({columns})"
        " WHERE %(rewrite_all)s OR NOT EXISTS (SELECT FROM {table} t WHERE t.novel_id = %(number)s"
        " AND t.{key} = s.{key} AND ({same}) IS NOT DISTINCT FROM ({new}))"
        " ORDER BY s.{key} ON CONFLICT (novel_id, {key}) DO UPDATE SET {changes}"
    ).format(
        table=Identifier(rows_of.table), target=target, source=source, columns=columns,
        key=Identifier(rows_of.key[0]), same=same_columns, new=new_columns, changes=changes,
    )  # fmt: skip
