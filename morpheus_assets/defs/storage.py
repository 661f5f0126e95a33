"""Dagster's storage in Postgres, with connections that are kept and planned events that are written together.

dagster-postgres opens a connection for every statement: some fifty for each novel of a run, most of what a novel cost.
Named in dagster.yaml; the tables and all queries are dagster-postgres' own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config
from sqlalchemy import Engine, text
from sqlalchemy.pool import NullPool

from morpheus_assets.services.connections import connection_slots
from morpheus_assets.settings import load_settings

# Kept open in each process, for its three storages together; more are opened while needed and closed again.
KEPT_CONNECTIONS = 1
RECYCLE_SECONDS = 600
# The daemon evaluates some ten sensors and schedules at a time, and each asks at the same moment.
MOST_CONNECTIONS = 3


class BatchingEventLogStorage(PostgresEventLogStorage):
    """Writes the events that plan a run's partitions in one statement, as materializations are."""

    _known_tables: frozenset[str] = frozenset()

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
            self._store_planned(planned)
        if others:
            super().store_event_batch(others)

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
        self._engine.dispose()


class PooledPostgresStorage(DagsterPostgresStorage):
    """dagster-postgres over a pool of connections; configured like it."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
    ) -> None:
        with _alone(postgres_url, token_provider):
            super().__init__(postgres_url, should_autocreate_tables, inst_data, token_provider)
        # The tables are there now.
        self._event_log_storage = BatchingEventLogStorage(postgres_url, False, token_provider=token_provider)
        pool = _pool(postgres_url, token_provider)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = pool
            # each would open a pool of its own there, and set a timeout for the session, which is not ours in a pooler
            storage.optimize_for_webserver = _keep_the_pool

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig
    ) -> "PooledPostgresStorage":
        """Made by Dagster from the configuration."""
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
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


def _pool(url: str, token_provider: Any) -> Engine:
    slots = connection_slots(load_settings(), in_process=MOST_CONNECTIONS)
    engine = create_pg_engine(
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
    slots.watch(engine)
    return engine
