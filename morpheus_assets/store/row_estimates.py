"""About how many rows a table has, without reading it: what decides by size must not cost more as the table grows."""

from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from morpheus_assets.store.transactions import Bind, transaction

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
