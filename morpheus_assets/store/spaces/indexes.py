"""The approximate index of a space: when it is built or rebuilt, and how often it is right."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import Composable, Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.engine import raw, session_engine, through_pooler
from morpheus_assets.store.database.leases import open_lease
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.statistics import analyze_tables, count_rows, rows_of, stale_tables
from morpheus_assets.store.database.transactions import Bind, reading, transaction
from morpheus_assets.store.search.nearest import nearest_approximate, nearest_exact
from morpheus_assets.store.spaces.index_types import IndexType, index_type_of
from morpheus_assets.store.spaces.spaces import get_space

queries = load_queries(__file__)

# Below this an exact scan takes some milliseconds and is always right.
SMALLEST_INDEXED = 10_000
# Rows come into an index one by one as they are stored; past this growth lists are long and a graph is untidy.
REBUILD_GROWTH = 2.0
BUILDER_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class IndexReport:
    """The outcome of `ensure_index`: `action` is "none needed", "kept", "built" or "rebuilt"; no index has `kind` None.

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
    index_type: IndexType | None = None,
) -> IndexReport:
    """Give a space its approximate index once it has `smallest` rows; build it anew when it grew by far, or on demand.

    One builder at a time a space; others wait and then find it done. Writers wait during a first build; an active
    space's rebuild lets them go on, and searches use the old index until the new one is whole. `maintenance_memory` is
    the least that a build may use; a server whose own maintenance_work_mem is larger keeps that. An engine's
    `direct_url` is taken; through a pooler, the rebuild of an active space has the memory that the server gives.
    `index_type` is built in place of the one for the space's size, for measuring it.
    """
    started = time.perf_counter()
    if not rebuild:
        with reading(engine) as looker:
            with looker.pipeline():
                looking = _look(looker, space)
            report = _not_due(*looking(), smallest)
        if report is not None:
            return report
    # CREATE INDEX CONCURRENTLY runs in no transaction, and who waits for the lease holds no snapshot: a build that lets
    # writers go on waits for all older ones. Four runs that ended together locked each other out, and three failed.
    with (
        open_lease(engine, "index of " + space.table, poll_seconds=BUILDER_POLL_SECONDS) as lease,
        session_engine(engine) as direct,
        direct.connect() as outer,
    ):
        connection = outer.execution_options(isolation_level="AUTOCOMMIT")
        cursor = raw(connection)
        space = get_space(connection, space.key)
        rows = rows_of(cursor, space.table)
        valid = _valid_index(cursor, space)
        grown = rows > REBUILD_GROWTH * (space.index_rows or 0)
        if valid and not rebuild and not grown:
            return IndexReport("kept", space.index_kind, rows, time.perf_counter() - started)
        if not valid and rows < smallest:
            return IndexReport("none needed", None, rows, time.perf_counter() - started)
        index_type = index_type or index_type_of(space.dimensions, rows)
        _build(cursor, space, index_type.method(space.dimensions, rows), maintenance_memory)
        lease.ensure()
        _replace(cursor, space)
        table = Identifier(space.table)
        cursor.execute(queries.analyze_vectors.format(table=table))
        rows = int((cursor.execute(queries.count_vectors.format(table=table)).fetchone() or [0])[0])
        cursor.execute(queries.record_index, {"kind": index_type.kind, "rows": rows, "space": space.id})
    action = "rebuilt" if valid else "built"
    return IndexReport(action, index_type.kind, rows, time.perf_counter() - started)


def refresh_space(engine: Engine, space: SpaceRow) -> None:
    """After rows came: ANALYZE the tables behind a space that grew by half, and see to its index, where it is due.

    A space that is being filled gets its index once, when it is whole: rows go in faster without one.
    """
    with reading(engine) as connection:
        with connection.pipeline():
            state = connection.execute(queries.state_of_space, {"space": space.id})
            query, wanted = stale_tables(space)
            stale = connection.execute(query, wanted)
            looking = _look(connection, space)
        analyze_tables(connection, [str(name) for (name,) in stale])
        [building] = state.fetchone() or [True]
        if building or _not_due(*looking(), SMALLEST_INDEXED) is not None:
            return
    ensure_index(engine, space)


def _look(connection: psycopg.Connection[Any], space: SpaceRow) -> Callable[[], tuple[str | None, int, bool, int]]:
    """The kind of a space's index, the rows it was built over, whether it is there and whole; and the rows now."""
    state = connection.execute(queries.state_of_index, {"index": f"{space.table}_nearest", "space": space.id})
    rows = count_rows(connection, space.table)

    def seen() -> tuple[str | None, int, bool, int]:
        kind, indexed, valid = state.fetchone() or (None, None, False)
        return kind, indexed or 0, valid, rows()

    return seen


def _not_due(kind: str | None, indexed: int, valid: bool, rows: int, smallest: int) -> IndexReport | None:
    if valid and rows <= REBUILD_GROWTH * indexed:
        return IndexReport("kept", kind, rows, 0.0)
    return IndexReport("none needed", None, rows, 0.0) if not valid and rows < smallest else None


def index_recall(bind: Bind, space: SpaceRow, *, sample: int = 50, k: int = 10, remember: bool = True) -> float | None:
    """The share of the true `k` nearest that the index finds, over `sample` stored vectors; None without an index.

    `remember` keeps it in the space's row (`index_recall`).
    """
    with transaction(bind) as connection:
        if not _valid_index(connection, space):
            return None
        query = queries.sample_vectors.format(table=Identifier(space.table))
        vectors = [row[0] for row in connection.execute(query, {"sample": sample})]
        found = wanted = 0
        for vector in vectors:
            exact = {value for value, _ in nearest_exact(connection, space, vector, k)}
            found += len(exact & {value for value, _ in nearest_approximate(connection, space, vector, k)})
            wanted += len(exact)
        recall = found / wanted if wanted else None
        if remember:
            connection.execute(queries.record_recall, {"recall": recall, "space": space.id})
    return recall


def _build(cursor: psycopg.Connection[Any], space: SpaceRow, method: Composable, least_memory: str) -> None:
    fresh, table = Identifier(f"{space.table}_nearest_new"), Identifier(space.table)
    cursor.execute(queries.drop_index.format(index=fresh))
    if space.state != "active":
        with cursor.transaction():
            _set_for_build(cursor, least_memory, local=True)
            cursor.execute(queries.build_index.format(index=fresh, table=table, method=method))
        return
    query = queries.build_index_beside_writers.format(index=fresh, table=table, method=method)
    if through_pooler(cursor):
        # A setting would stay behind on a session that is somebody else's next.
        cursor.execute(query)
        return
    _set_for_build(cursor, least_memory, local=False)
    try:
        cursor.execute(query)
    finally:
        cursor.execute(queries.reset_build_settings)


def _set_for_build(cursor: psycopg.Connection[Any], least_memory: str, *, local: bool) -> None:
    cursor.execute(queries.no_time_limit, {"local": local})
    cursor.execute(queries.raise_build_memory, {"least": least_memory, "local": local})
    cursor.execute(queries.build_alone_before_0_8_2, {"local": local})


def _replace(cursor: psycopg.Connection[Any], space: SpaceRow) -> None:
    index, fresh = Identifier(f"{space.table}_nearest"), Identifier(f"{space.table}_nearest_new")
    with cursor.transaction():
        cursor.execute(queries.drop_index.format(index=index))
        cursor.execute(queries.rename_index.format(index=fresh, name=index))


def _valid_index(cursor: psycopg.Connection[Any], space: SpaceRow) -> bool:
    row = cursor.execute(queries.valid_index, {"index": f"{space.table}_nearest"}).fetchone()
    return bool(row and row[0])
