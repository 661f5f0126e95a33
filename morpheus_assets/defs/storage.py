"""Dagster's storage in Postgres, with connections that are kept and planned events that are written together.

dagster-postgres opens a connection for every statement: some fifty for each novel of a run, most of what a novel cost.
Named in dagster.yaml; the tables and all queries are dagster-postgres' own.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from dagster import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from morpheus_assets.services.connections import connection_slots, dagster_address
from morpheus_assets.settings import load_settings

# Kept open in each process, for its three storages together; more are opened while needed and closed again.
KEPT_CONNECTIONS = 1
RECYCLE_SECONDS = 600
# The daemon evaluates some ten sensors and schedules at a time, and each asks at the same moment: for milliseconds.
MOST_CONNECTIONS = 2
# A server that is started again takes so long; a run whose event could not be written would be lost.
PATIENCE_SECONDS = 60.0
DAY_SECONDS = 86_400.0
SKIPPED_TICKS_KEPT_SECONDS = 3_600.0

_Result = TypeVar("_Result")


class SharedPool:
    """The pool of a process for one address, for all instances that it opens: a sensor's tick opens one each time."""

    _pools: dict[str, "SharedPool"] = {}  # noqa: RUF012
    _changes = threading.Lock()

    def __init__(self, url: str, token_provider: Any) -> None:
        slots = connection_slots(load_settings(), in_process=MOST_CONNECTIONS, patience_seconds=PATIENCE_SECONDS)
        self.engine: Engine = create_pg_engine(
            url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            poolclass=slots.pool,
            pool_size=KEPT_CONNECTIONS,
            max_overflow=-1,
            # a server that was restarted is noticed before the statement, not by it
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
        )
        slots.watch(self.engine)
        self.users = 0

    @classmethod
    def open_for(cls, user: object, url: str, token_provider: Any) -> tuple[Engine, Callable[[], Any]]:
        """The engine for an address, and what ends its use; the last one closes the connections."""
        with cls._changes:
            pool = cls._pools.get(url) or cls._pools.setdefault(url, cls(url, token_provider))
            pool.users += 1
        return pool.engine, weakref.finalize(user, cls._close, pool, url)

    @classmethod
    def _close(cls, pool: "SharedPool", url: str) -> None:
        with cls._changes:
            pool.users -= 1
            last = pool.users == 0
            if last:
                cls._pools.pop(url, None)
        if last:
            pool.engine.dispose()


def once_more(call: Callable[[], _Result]) -> _Result:
    """Call again when the connection broke within the call: the next one is waited for, and a row may come twice."""
    try:
        return call()
    except DBAPIError as fault:
        if not fault.connection_invalidated:
            raise
    return call()


class PatientRunStorage(PostgresRunStorage):
    """Writes what became of a run also when the server is restarted at that moment."""

    def handle_run_event(self, run_id: str, event: DagsterEvent, *args: Any, **options: Any) -> None:
        """As it is; it may be repeated."""
        once_more(lambda: super(PatientRunStorage, self).handle_run_event(run_id, event, *args, **options))


class BatchingEventLogStorage(PostgresEventLogStorage):
    """Writes the events that plan a run's partitions in one statement, as materializations are."""

    _known_tables: frozenset[str] = frozenset()
    close_pool: Callable[[], Any] | None = None

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, also when the server is restarted at that moment."""
        once_more(lambda: super(BatchingEventLogStorage, self).store_event(event))

    def has_table(self, table_name: str) -> bool:
        """Whether a table exists; one that was there is not asked for again with every event."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables |= {table_name}
        return table_name in self._known_tables

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run; those of one asset follow each other."""
        planned: list[EventLogEntry] = []
        others: list[EventLogEntry] = []
        for event in events:
            kind = event.get_dagster_event().event_type
            (planned if kind == DagsterEventType.ASSET_MATERIALIZATION_PLANNED else others).append(event)
        if planned:
            once_more(lambda: self._store_planned(planned))
        if others:
            once_more(lambda: super(BatchingEventLogStorage, self).store_event_batch(others))

    def _store_planned(self, events: Sequence[EventLogEntry]) -> None:
        statement: Any = self.prepare_insert_event_batch(events)
        with self.index_transaction() as connection:
            ids = [row[0] for row in connection.execute(statement.returning(statement.table.c.id))]
            # The row of an asset names its last event only.
            last = {
                event.get_dagster_event().asset_key: (event, number) for event, number in zip(events, ids, strict=True)
            }
            for event, number in last.values():
                self._store_asset_event(connection, event, number)

    def dispose(self) -> None:
        """Close what is kept."""
        super().dispose()
        if self.close_pool is not None:
            self.close_pool()


class BriefScheduleStorage(PostgresScheduleStorage):
    """Keeps an hour of the ticks that found nothing: a sensor makes 17,000 of them a day, and days are the least unit.

    Where dagster.yaml keeps them for more than a day, as those of schedules, that holds.
    """

    def purge_ticks(
        self, origin_id: str, selector_id: str, before: float, tick_statuses: Sequence[TickStatus] | None = None
    ) -> None:
        """Delete ticks of one sensor or schedule from before a time."""
        now = time.time()
        if tick_statuses == [TickStatus.SKIPPED] and now - before < 2 * DAY_SECONDS:
            before = now - SKIPPED_TICKS_KEPT_SECONDS
        super().purge_ticks(origin_id, selector_id, before, tick_statuses)


class PooledPostgresStorage(DagsterPostgresStorage):
    """dagster-postgres over a pool of connections; configured like it."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
    ) -> None:
        # the instance keeps the three storages and not this object
        events = BatchingEventLogStorage(postgres_url, False, token_provider=token_provider)
        engine, events.close_pool = SharedPool.open_for(events, postgres_url, token_provider)
        if should_autocreate_tables and not _has_tables(engine):
            with _alone(postgres_url, token_provider):
                super().__init__(postgres_url, True, inst_data, token_provider)
        else:
            super().__init__(postgres_url, False, inst_data, token_provider)
        # The tables are there now.
        self._run_storage = PatientRunStorage(postgres_url, False, token_provider=token_provider)
        self._event_log_storage = events
        self._schedule_storage = BriefScheduleStorage(postgres_url, False, token_provider=token_provider)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine
            # each would open a pool of its own there, and set a timeout for the session, which is not ours in a pooler
            storage.optimize_for_webserver = _keep_the_pool

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig
    ) -> "PooledPostgresStorage":
        """Made by Dagster from the configuration."""
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value) if _names_an_address(config_value) else _own_address(),
            should_autocreate_tables=bool(config_value.get("should_autocreate_tables", True)),
            token_provider=get_token_provider_from_config(config_value),
        )


def _keep_the_pool(statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
    """Takes the place of what Dagster's webserver asks its storages for."""


@contextmanager
def _alone(url: str, token_provider: Any) -> Iterator[None]:
    """One process at a time: of several that find no tables and make them, all but one end with an error."""
    engine = create_pg_engine(url, token_provider, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('dagster tables'))"))
        yield


def _names_an_address(config: PostgresStorageConfig) -> bool:
    return bool(config.get("postgres_url") or config.get("postgres_db"))


def _own_address() -> str:
    """DAGSTER_PG_URL, else the database of the settings: `dagster` and `dg` are called from a clean shell too."""
    return os.environ.get("DAGSTER_PG_URL") or dagster_address(load_settings())


def _has_tables(engine: Engine) -> bool:
    # one of each storage, and the last that was added
    names = ("runs", "event_logs", "job_ticks", "instance_info")
    there = " AND ".join(f"to_regclass('{name}') IS NOT NULL" for name in names)
    with engine.connect() as connection:
        return bool(connection.execute(text(f"SELECT {there}")).scalar())
