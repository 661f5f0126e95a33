"""One transaction for one store call, and the replacement of a novel's rows in it by COPY and compare.

Which table has which columns is the callers' business.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Engine

from morpheus_assets.store.database import raw
from morpheus_assets.store.errors import UnknownNovel
from morpheus_assets.store.records import ReplaceCounts

Bind = Engine | Connection


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


def lock_novel(connection: psycopg.Connection[Any], novel: str) -> None:
    """Let one writer at a time at a novel's rows, until the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('novel ' || %s, 0))", [novel])


def novel_id(connection: psycopg.Connection[Any], novel: str) -> int:
    """The number of a stored novel. Raises UnknownNovel."""
    row = connection.execute("SELECT id FROM novels WHERE novel = %s", [novel]).fetchone()
    if row is None:
        raise UnknownNovel(f"No novel named {novel!r} is stored; materialize `novels` for it first.")
    return int(row[0])


@dataclass(frozen=True)
class RowSet:
    """One table whose rows belong to a novel: `key` and `values` are columns with their types."""

    table: str
    key: tuple[str, str]
    values: tuple[tuple[str, str], ...]
    staged_only: tuple[tuple[str, str], ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    """Columns computed from the staged row `s` (name, SQL); they are not compared."""


def replace_rows(
    connection: psycopg.Connection[Any],
    rows_of: RowSet,
    number: int,
    rows: Iterable[Sequence[Any]],
    *,
    rewrite_all: bool = False,
) -> ReplaceCounts:
    """Make the novel's rows equal to `rows` (key, values, staged-only columns): changed ones are written, orphans go.

    Rows that are equal already are not touched. `rewrite_all` writes them too, for when a derived column must change.
    """
    staged = (rows_of.key, *rows_of.values, *rows_of.staged_only)
    staging = Identifier(f"staged_{rows_of.table}")
    columns = SQL(", ").join(SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in staged)
    connection.execute(SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(staging, columns))
    total = 0
    with connection.cursor() as cursor:
        with cursor.copy(SQL("COPY {} FROM STDIN").format(staging)) as copy:
            for row in rows:
                copy.write_row(row)
                total += 1
        written = cursor.execute(_upsert(rows_of, staging), {"number": number, "rewrite_all": rewrite_all}).rowcount
        deleted = cursor.execute(
            SQL(
                "DELETE FROM {table} t WHERE novel_id = %s"
                " AND NOT EXISTS (SELECT FROM {staging} s WHERE s.{key} = t.{key})"
            ).format(table=Identifier(rows_of.table), staging=staging, key=Identifier(rows_of.key[0])),
            [number],
        ).rowcount
        cursor.execute(SQL("DROP TABLE {}").format(staging))
    return ReplaceCounts(written=written, unchanged=total - written, deleted=deleted)


def _upsert(rows_of: RowSet, staging: Identifier) -> SQL | Any:
    names = [name for name, _ in rows_of.values]
    derived = [name for name, _ in rows_of.derived]
    every = [rows_of.key[0], *names]
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
        "INSERT INTO {table} ({target}) SELECT {source} FROM {staging} s"
        " WHERE %(rewrite_all)s OR NOT EXISTS (SELECT FROM {table} t WHERE t.novel_id = %(number)s"
        " AND t.{key} = s.{key} AND ({same}) IS NOT DISTINCT FROM ({new}))"
        " ORDER BY s.{key} ON CONFLICT (novel_id, {key}) DO UPDATE SET {changes}"
    ).format(
        table=Identifier(rows_of.table), target=target, source=source, staging=staging,
        key=Identifier(rows_of.key[0]), same=same_columns, new=new_columns, changes=changes,
    )  # fmt: skip
