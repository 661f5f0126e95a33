"""The approximate index of a space: which kind, when it is built or rebuilt, and how often it is right.

How a search uses it is vector_search.py's business.
"""

import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.engine import raw
from morpheus_assets.store.database.statistics import rows_of
from morpheus_assets.store.database.transactions import Bind, transaction
from morpheus_assets.store.search.nearest import (
    CONNECTIONS,
    index_kind_of,
    lists_of,
    nearest_approximate,
    nearest_exact,
)
from morpheus_assets.store.spaces.spaces import get_space

# Below this an exact scan takes some milliseconds and is always right.
SMALLEST_INDEXED = 10_000
# Rows come into an index one by one as they are stored; past this growth lists are long and a graph is untidy.
REBUILD_GROWTH = 2.0
BUILDER_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class IndexReport:
    """What `ensure_index` did: `action` is "none needed", "kept", "built" or "rebuilt"; `kind` is None without one.

    `rows` is counted after a build, else an estimate.
    """

    action: str
    kind: str | None
    rows: int
    seconds: float


def ensure_index(
    engine: Engine,
    space: SpaceRow,
    *,
    smallest: int = SMALLEST_INDEXED,
    rebuild: bool = False,
    maintenance_memory: str = "512MB",
) -> IndexReport:
    """Give a space its approximate index once it has `smallest` rows; build it anew when it grew by far, or on demand.

    One builder at a time a space; others wait and then find it done. Writers wait during a first build; an active
    space's rebuild lets them go on, and searches use the old index until the new one is whole. `maintenance_memory` is
    the least that a build may use; a server whose own maintenance_work_mem is larger keeps that.
    """
    started = time.perf_counter()
    with engine.connect() as outer:
        # CREATE INDEX CONCURRENTLY runs in no transaction, so the lock belongs to the session.
        connection = outer.execution_options(isolation_level="AUTOCOMMIT")
        cursor = raw(connection)
        lock = ["morpheus index " + space.table]
        _become_the_builder(cursor, lock)
        try:
            space = get_space(connection, space.key)
            rows = rows_of(cursor, space.table)
            valid = _valid_index(cursor, space)
            grown = rows > REBUILD_GROWTH * (space.index_rows or 0)
            if valid and not rebuild and not grown:
                return IndexReport("kept", space.index_kind, rows, time.perf_counter() - started)
            if not valid and rows < smallest:
                return IndexReport("none needed", None, rows, time.perf_counter() - started)
            cursor.execute(
                "SELECT set_config('maintenance_work_mem', %(least)s, false)"
                " WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(%(least)s)",
                {"least": maintenance_memory},
            )
            kind = index_kind_of(space.dimensions, rows)
            _build(cursor, space, kind, rows, concurrently=space.state == "active")
            cursor.execute("RESET maintenance_work_mem")
            cursor.execute(SQL("ANALYZE {}").format(Identifier(space.table)))
            rows = int(_one(cursor, SQL("SELECT count(*) FROM {}").format(Identifier(space.table))))
            cursor.execute(
                "UPDATE embedding_spaces SET index_kind = %s, index_rows = %s, index_recall = NULL,"
                " index_built_at = now() WHERE id = %s",
                [kind, rows, space.id],
            )
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", lock)
    action = "rebuilt" if valid else "built"
    return IndexReport(action, kind, rows, time.perf_counter() - started)


def index_recall(bind: Bind, space: SpaceRow, *, sample: int = 50, k: int = 10, remember: bool = True) -> float | None:
    """The share of the true `k` nearest that the index finds, over `sample` stored vectors; None without an index.

    `remember` keeps it in the space's row (`index_recall`).
    """
    with transaction(bind) as connection:
        if not _valid_index(connection, space):
            return None
        query = SQL("SELECT embedding::text FROM {} ORDER BY md5(content_hash::text) LIMIT %s")
        vectors = [row[0] for row in connection.execute(query.format(Identifier(space.table)), [sample])]
        found = wanted = 0
        for vector in vectors:
            exact = {value for value, _ in nearest_exact(connection, space, vector, k)}
            found += len(exact & {value for value, _ in nearest_approximate(connection, space, vector, k)})
            wanted += len(exact)
        recall = found / wanted if wanted else None
        if remember:
            connection.execute("UPDATE embedding_spaces SET index_recall = %s WHERE id = %s", [recall, space.id])
    return recall


def _become_the_builder(cursor: psycopg.Connection[Any], lock: list[str]) -> None:
    # Asked for time and again: who waits within a statement holds a snapshot, and a build that lets writers go on waits
    # for all older snapshots. Four runs that ended together locked each other out, and three of them failed.
    while not (cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", lock).fetchone() or [False])[0]:
        time.sleep(BUILDER_POLL_SECONDS)


def _build(cursor: psycopg.Connection[Any], space: SpaceRow, kind: str, rows: int, *, concurrently: bool) -> None:
    name, fresh = f"{space.table}_nearest", f"{space.table}_nearest_new"
    cursor.execute(SQL("DROP INDEX IF EXISTS {}").format(Identifier(fresh)))
    cursor.execute(
        SQL("CREATE INDEX {} {} ON {} USING {}").format(
            SQL("CONCURRENTLY" if concurrently else ""),
            Identifier(fresh),
            Identifier(space.table),
            _method(space, kind, rows),
        )
    )
    with cursor.transaction():
        cursor.execute(SQL("DROP INDEX IF EXISTS {}").format(Identifier(name)))
        cursor.execute(SQL("ALTER INDEX {} RENAME TO {}").format(Identifier(fresh), Identifier(name)))


def _method(space: SpaceRow, kind: str, rows: int) -> Composed:
    if kind == "hnsw":
        return SQL("hnsw (embedding halfvec_cosine_ops) WITH (m = {})").format(CONNECTIONS[kind])
    signs = SQL("(binary_quantize(embedding)::bit({})) bit_hamming_ops").format(space.dimensions)
    if kind == "hnsw-binary":
        return SQL("hnsw ({}) WITH (m = {})").format(signs, CONNECTIONS[kind])
    return SQL("ivfflat ({}) WITH (lists = {})").format(signs, lists_of(rows))


def _valid_index(cursor: psycopg.Connection[Any], space: SpaceRow) -> bool:
    query = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)"
    row = cursor.execute(query, [f"{space.table}_nearest"]).fetchone()
    return bool(row and row[0])


def _one(cursor: psycopg.Connection[Any], query: Composed) -> Any:
    row = cursor.execute(query).fetchone()
    return row[0] if row else 0
