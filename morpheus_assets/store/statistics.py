"""Keeps the planner informed of what a run stored, before autovacuum looks by, which it does once a minute at most."""

from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.transactions import transaction

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
