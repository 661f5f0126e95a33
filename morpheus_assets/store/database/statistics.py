"""The planner's statistics: about how many rows a table has, without reading it, and ANALYZE where they went stale."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, reading

queries = load_queries(__file__)

# Few enough to be counted by the way.
_COUNTED = 10_000


class TableSize:
    """The rows of a table for a person: counted up to some 10,000, above as the planner last took it.

    Asked in the pipeline of another call, so that it costs no round trip, and known when that has ended.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._cursor: psycopg.Cursor[Any] | None = None
        self._rows = 0

    def ask(self, connection: psycopg.Connection[Any]) -> None:
        """Ask anew, with a connection in pipeline mode."""
        query = queries.size_for_a_person.format(table=Identifier(self._table))
        self._cursor = connection.execute(query, {"table": self._table, "counted": _COUNTED})

    @property
    def rows(self) -> int:
        """As it was asked last."""
        if self._cursor is not None:
            self._rows = int((self._cursor.fetchone() or [0])[0])
            self._cursor = None
        return self._rows

    def looked_up(self, bind: Bind) -> int:
        """The rows; asked now, in a round trip, where no answer waits."""
        if self._cursor is None:
            with reading(bind) as connection:
                self.ask(connection)
        return self.rows


def rows_of(connection: psycopg.Connection[Any], table: str) -> int:
    """The rows of a table: counted up to 10,000, above as the planner takes it (its density times its present pages).

    A table that was never analyzed is counted whole; autovacuum analyzes a growing one within a minute or two.
    """
    return count_rows(connection, table)()


def count_rows(connection: psycopg.Connection[Any], table: str) -> Callable[[], int]:
    """As `rows_of`, asked now and known later: for a pipeline, after whose end the answer may be called for."""
    query = queries.rows_of_table.format(table=Identifier(table), table_name=table)
    cursor = connection.execute(query, {"most": _COUNTED})

    def rows() -> int:
        estimate, counted = cursor.fetchone() or (None, 0)
        if estimate is None or (counted is not None and counted <= _COUNTED):
            return int(counted)
        return int(estimate) if counted is None else max(int(estimate), int(counted))

    return rows


def analyze_everything(engine: Engine) -> None:
    """ANALYZE a database whose tables were all filled at once."""
    with autocommit(engine) as connection:
        connection.execute(queries.analyze_everything)


# Autovacuum keeps up with what grows slowly; a table that was empty a moment ago is what plans go wrong for: parallel
# workers were started to find ten passages among 2,500, which took 11 ms in place of one.
_GROWTH = 1.5
_CONTENT = {"text": ("novels", "chapters", "chunks", "passages"), "image": ("novels", "panels")}


def stale_tables(space: SpaceRow) -> tuple[SQL, dict[str, Any]]:
    """The query, and its parameters, for the names of those tables behind a space that are to be analyzed.

    They were never analyzed, or grew by half since.
    """
    tables = [*_CONTENT[space.purpose], *(["chunks_in_context"] if space.context else []), space.table]
    return queries.stale_tables, {"tables": tables, "growth": _GROWTH}


def analyze_tables(connection: psycopg.Connection[Any], tables: Sequence[str]) -> None:
    """ANALYZE some tables, each by itself; one that something else is analyzing or indexing is not waited for."""
    if tables:
        with connection.pipeline():
            for table in tables:
                connection.execute(queries.analyze.format(table=Identifier(table)))
