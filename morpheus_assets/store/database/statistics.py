"""The planner's statistics: about how many rows a table has, without reading it, and ANALYZE where they went stale."""

from typing import Any

import psycopg
from psycopg.sql import Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)

# Few enough to be counted by the way.
_COUNTED = 10_000


def estimated_rows(bind: Bind, table: str) -> int:
    """The rows of a table: counted up to 10,000, above as the planner takes it (its density times its present pages).

    A table that was never analyzed is counted whole; autovacuum analyzes a growing one within a minute or two.
    """
    with transaction(bind) as connection:
        return rows_of(connection, table)


def size_for_a_person(bind: Bind, table: str) -> int:
    """The rows of a table in one round trip: counted up to some 10,000, above as the planner last took it."""
    query = queries.size_for_a_person.format(table=Identifier(table))
    with reading(bind) as connection:
        found = connection.execute(query, {"table": table, "counted": _COUNTED}).fetchone()
    return int(found[0]) if found else 0


def rows_of(connection: psycopg.Connection[Any], table: str) -> int:
    """As `estimated_rows`, within a running transaction."""
    found = connection.execute(queries.size_of_table, {"table": table}).fetchone()
    tuples, pages, present = found or (-1.0, 0, 0)
    estimate = int(tuples / pages * present) if tuples >= 0 and pages else None
    if estimate is not None and estimate > 2 * _COUNTED:
        return estimate
    most = None if estimate is None else _COUNTED + 1
    counted = connection.execute(queries.count_rows.format(table=Identifier(table)), {"most": most}).fetchone()
    count = int(counted[0]) if counted else 0
    return count if estimate is None or count <= _COUNTED else max(estimate, count)


def analyze_everything(engine: Engine) -> None:
    """ANALYZE a database whose tables were all filled at once."""
    with transaction(engine) as connection:
        connection.execute(queries.analyze_everything)


# Autovacuum keeps up with what grows slowly; a table that was empty a moment ago is what plans go wrong for: parallel
# workers were started to find ten passages among 2,500, which took 11 ms in place of one.
_GROWTH = 1.5
_CONTENT = {"text": ("novels", "chapters", "chunks", "passages"), "image": ("novels", "panels")}


def refresh_statistics(engine: Engine, space: SpaceRow) -> list[str]:
    """ANALYZE those tables behind a space that were never analyzed or grew by half since; returns their names.

    A table that something else is analyzing or indexing is left out. Nothing waits for a lock.
    """
    with transaction(engine) as connection:
        tables = [*_CONTENT[space.purpose], space.table]
        rows = connection.execute(queries.stale_tables, {"tables": tables, "growth": _GROWTH}).fetchall()
        stale = [str(row[0]) for row in rows]
        for table in stale:
            connection.execute(queries.analyze.format(table=Identifier(table)))
    return stale
