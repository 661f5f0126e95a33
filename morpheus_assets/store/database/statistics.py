"""About how many rows a table has, without reading it: what decides by size must not cost more as the table grows."""

from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.transactions import Bind, transaction

# Few enough to be counted by the way.
_COUNTED = 10_000


def estimated_rows(bind: Bind, table: str) -> int:
    """The rows of a table: counted up to 10,000, above as the planner takes it (its density times its present pages).

    A table that was never analyzed is counted whole; autovacuum analyzes a growing one within a minute or two.
    """
    with transaction(bind) as connection:
        return rows_of(connection, table)


def rows_of(connection: psycopg.Connection[Any], table: str) -> int:
    """As `estimated_rows`, on a cursor's own connection."""
    found = connection.execute(
        "SELECT reltuples, relpages, pg_relation_size(oid) / current_setting('block_size')::integer FROM pg_class"
        " WHERE oid = to_regclass(%s)",
        [table],
    ).fetchone()
    tuples, pages, present = found or (-1.0, 0, 0)
    estimate = int(tuples / pages * present) if tuples >= 0 and pages else None
    if estimate is not None and estimate > 2 * _COUNTED:
        return estimate
    limit = SQL("") if estimate is None else SQL("LIMIT {}").format(_COUNTED + 1)
    counted = connection.execute(
        SQL("SELECT count(*) FROM (SELECT FROM {} {}) AS counted").format(Identifier(table), limit)
    ).fetchone()
    count = int(counted[0]) if counted else 0
    return count if estimate is None or count <= _COUNTED else max(estimate, count)


# Autovacuum keeps up with what grows slowly; a table that was empty a moment ago is what plans go wrong for: parallel
# workers were started to find ten passages among 2,500, which took 11 ms in place of one.
_GROWTH = 1.5
_CONTENT = {"text": ("novels", "chapters", "chunks"), "image": ("novels", "panels")}


def refresh_statistics(engine: Engine, space: SpaceRow) -> list[str]:
    """ANALYZE those tables behind a space that were never analyzed or grew by half since; their names.

    A table that something else is analyzing or indexing is left out. Nothing waits for a lock.
    """
    with transaction(engine) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE oid = ANY(%(tables)s::text[]::regclass[]) AND (reltuples < 0"
            " OR pg_relation_size(oid) > %(growth)s * relpages * current_setting('block_size')::bigint)",
            {"tables": [*_CONTENT[space.purpose], space.table], "growth": _GROWTH},
        ).fetchall()
        stale = [str(row[0]) for row in rows]
        if stale:
            tables = SQL(", ").join(map(Identifier, stale))
            connection.execute(SQL("ANALYZE (SKIP_LOCKED) {}").format(tables))
    return stale
