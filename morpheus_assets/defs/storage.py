"""Dagster's storage in Postgres, with connections that are kept and planned events that are written together.

dagster-postgres opens a connection for every statement: some fifty for each novel of a run, most of what a novel cost.
Named in dagster.yaml; the tables and all queries are dagster-postgres' own.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property
from typing import Any, TypeVar

from dagster import AssetKey, AssetRecordsFilter, DagsterEvent, DagsterEventType, EventRecordsResult
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, PIPELINE_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.config import PostgresStorageConfig
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData, serialize_value
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import (
    DagsterPostgresException,
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)
from sqlalchemy import Engine, column, func, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from morpheus_assets.services.connections import connection_slots, dagster_address
from morpheus_assets.settings import load_settings
from morpheus_assets.store.database.engine import notice_lost_connections

# Kept open in each process, for its three storages together; more are opened while needed and closed again.
KEPT_CONNECTIONS = 1
RECYCLE_SECONDS = 600
# The daemon evaluates some ten sensors and schedules at a time, and each asks at the same moment: for milliseconds.
MOST_CONNECTIONS = 2
# A server that is started again takes so long; a run whose event could not be written would be lost.
PATIENCE_SECONDS = 60.0
DAY_SECONDS = 86_400.0
SKIPPED_TICKS_KEPT_SECONDS = 3_600.0
# What a step tells waits so long for its batch: a person who watches the run sees it as soon.
WAITING_SECONDS = 0.25
MOST_WAITING = 200
# So long holds what was read of partitions: enough for the questions of one step.
KNOWN_SECONDS = 1.0
_ENDS = {
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.STEP_SKIPPED,
    DagsterEventType.STEP_UP_FOR_RETRY,
}
# One of each storage, and the last that was added.
_TABLES = frozenset({"runs", "event_logs", "job_ticks", "instance_info"})
# Whether these are there, or a column of theirs, Dagster looks up in each process.
_LOOKED_UP = (
    "asset_keys",
    "asset_event_tags",
    "asset_check_executions",
    "concurrency_limits",
    "concurrency_slots",
    "dynamic_partitions",
    "pending_steps",
)
_AWAY = (OperationalError, DagsterPostgresException)
_WITH_TAGS = {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_OBSERVATION}

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
            pool_recycle=RECYCLE_SECONDS,
        )
        # a server that was restarted is noticed before the statement, not by it
        notice_lost_connections(self.engine)
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

    known_columns: frozenset[tuple[str, str]] = frozenset()

    def has_run_stats_index_cols(self) -> bool:
        """Whether the columns exist: Dagster looks at the catalog each time."""
        known = self.known_columns.issuperset({("runs", "start_time"), ("runs", "end_time")})
        return known or super().has_run_stats_index_cols()

    def has_backfill_id_column(self) -> bool:
        """As above."""
        return ("runs", "backfill_id") in self.known_columns or super().has_backfill_id_column()

    def handle_run_event(self, run_id: str, event: DagsterEvent, *args: Any, **options: Any) -> None:
        """As it is; it may be repeated."""
        once_more(lambda: super(PatientRunStorage, self).handle_run_event(run_id, event, *args, **options))


class BatchingEventLogStorage(PostgresEventLogStorage):
    """Writes what the steps of a run tell in batches: at a step's end, before anything is read, and after a moment.

    Each event alone took up to five statements and three transactions, a third of what an edited novel cost. A process
    that is killed loses the last moment of them; what is stored, and what is paid for, the content database knows.
    """

    close_pool: Callable[[], Any] | None = None
    known_columns: frozenset[tuple[str, str]] = frozenset()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._waiting: list[EventLogEntry] = []
        self._changes = threading.Lock()
        # held while a batch is written, so that batches follow each other
        self._order = threading.RLock()
        self._alarm: threading.Timer | None = None
        self._in_batch = threading.local()
        self._running: set[str] = set()
        self._known_partitions: dict[tuple[str, str], float] = {}
        self._known_sets: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._latest_made: dict[tuple[AssetKey, str], tuple[float, EventRecordsResult]] = {}
        super().__init__(*arguments, **options)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, also when the server is restarted at that moment; what a step tells waits for its batch.

        So does what else is told of a run between its beginning and its end in this process.
        """
        kind = event.dagster_event_type
        if kind not in PIPELINE_EVENTS and (event.run_id in self._running or (event.run_id and _step_of(event))):
            self._add([event])
            return
        self.write_waiting()
        once_more(lambda: super(BatchingEventLogStorage, self).store_event(event))
        if kind == DagsterEventType.RUN_START:
            self._running.add(event.run_id)
        elif kind in PIPELINE_EVENTS:
            self._running.discard(event.run_id)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run."""
        self._add([event for event in events if not event.get_dagster_event().is_asset_failed_to_materialize])
        self.write_waiting()

    def write_waiting(self) -> None:
        """Write what waits; it is kept where the database is away for longer than it is waited for."""
        with self._order:
            with self._changes:
                events, self._waiting = self._waiting, []
            if not events:
                return
            try:
                once_more(lambda: self._write(events))
            except _AWAY:
                with self._changes:
                    self._waiting = events + self._waiting
                raise
            except Exception:
                self._write_each(events)

    def has_table(self, table_name: str) -> bool:
        """Whether a table exists; one that was there is not asked for again with every event."""
        return any(name == table_name for name, _ in self.known_columns) or super().has_table(table_name)

    def has_asset_key_col(self, column_name: str) -> bool:
        """As `has_table`, for a column of the assets."""
        return ("asset_keys", column_name) in self.known_columns or super().has_asset_key_col(column_name)

    @cached_property
    def has_default_pool_limit_col(self) -> bool:
        """As `has_table`, for a column of the pools."""
        known = ("concurrency_limits", "using_default_limit") in self.known_columns
        return known or bool(super().has_default_pool_limit_col)

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether a partition exists; a run asks some fifty times for its own."""
        place = (partitions_def_name, partition_key)
        now = time.monotonic()
        if now - self._known_partitions.get(place, -KNOWN_SECONDS) < KNOWN_SECONDS:
            return True
        found = super().has_dynamic_partition(partitions_def_name, partition_key)
        if found:
            kept = self._known_partitions if len(self._known_partitions) < MOST_WAITING else {}
            self._known_partitions = {**kept, place: now}
        return found

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """All partitions of a set; a run of several novels asks some forty times, and between two steps."""
        now = time.monotonic()
        known = self._known_sets.get(partitions_def_name) if self._running else None
        if known is not None and now - known[0] < KNOWN_SECONDS:
            return list(known[1])
        found = super().get_dynamic_partitions(partitions_def_name)
        self._known_sets = {**self._known_sets, partitions_def_name: (now, tuple(found))}
        return found

    def add_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> None:
        """Add them."""
        super().add_dynamic_partitions(partitions_def_name, partition_keys)
        self._known_sets = {}

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        """Delete it."""
        super().delete_dynamic_partition(partitions_def_name, partition_key)
        self._known_partitions, self._known_sets = {}, {}

    def fetch_materializations(
        self, records_filter: Any, limit: int, cursor: str | None = None, ascending: bool = False
    ) -> EventRecordsResult:
        """Materializations of an asset; each check of a step asks anew for the last one of its partition."""
        key = None
        if isinstance(records_filter, AssetRecordsFilter) and (limit, cursor, ascending) == (1, None, False):
            asset, partitions = records_filter.asset_key, records_filter.asset_partitions or []
            if len(partitions) == 1 and records_filter == AssetRecordsFilter(asset, partitions):
                key = (asset, partitions[0])
        known = self._latest_made.get(key) if key else None
        if known is not None and time.monotonic() - known[0] < KNOWN_SECONDS:
            return known[1]
        asked = time.monotonic()
        found = super().fetch_materializations(records_filter, limit, cursor, ascending)
        if key:
            self._latest_made = {key: (asked, found)}
        return found

    def initialize_concurrency_limit_to_default(self, concurrency_key: str) -> bool:
        """As Dagster's, which fails where another run makes the same pool at the same moment (1.13)."""
        try:
            return super().initialize_concurrency_limit_to_default(concurrency_key)
        except DBAPIError:
            # it goes on in the transaction that the other's row has ended; that row came with its slots
            if concurrency_key not in self.get_concurrency_keys():
                raise
            return True

    def dispose(self) -> None:
        """Write what waits, and close what is kept."""
        try:
            self.write_waiting()
        finally:
            super().dispose()
            if self.close_pool is not None:
                self.close_pool()

    def _connect(self) -> AbstractContextManager[Any]:
        joined = getattr(self._in_batch, "connection", None)
        if joined is not None:
            return nullcontext(joined)
        if not getattr(self._in_batch, "writing", False):
            # what is read knows of all that was told before
            self.write_waiting()
        return super()._connect()

    def _add(self, events: Sequence[EventLogEntry]) -> None:
        if any(event.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION for event in events):
            self._latest_made = {}
        with self._changes:
            self._waiting += events
            full = len(self._waiting) >= MOST_WAITING
            if self._alarm is None:
                self._alarm = threading.Timer(WAITING_SECONDS, self._write_late)
                self._alarm.daemon = True
                self._alarm.start()
        # the end of a step: another process may go on with the next one
        if full or any(event.dagster_event_type in _ENDS for event in events):
            self.write_waiting()

    def _write_late(self) -> None:
        with self._changes:
            self._alarm = None
        # it is kept, and who writes next is told
        with suppress(*_AWAY):
            self.write_waiting()

    def _write_each(self, events: Sequence[EventLogEntry]) -> None:
        """One of them cannot be stored; the others can, and who told it hears of it."""
        faults: list[Exception] = []
        for event in events:
            try:
                super().store_event(event)
            except Exception as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    def _write(self, events: Sequence[EventLogEntry]) -> None:
        self._in_batch.writing = True
        try:
            # compiled once for any number of rows, as dagster's own statement for a batch is not
            statement = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            with self._connect() as connection:
                # by itself, as dagster-postgres does: who reads on from an id never sees a lower one that comes later
                rows = [self._event_to_row(event) for event in events]
                ids = [int(row[0]) for row in connection.execute(statement, rows)]
            numbered = list(zip(events, ids, strict=True))
            assets = [(event, number) for event, number in numbered if _asset_of(event) is not None]
            checks = [(event, number) for event, number in numbered if event.dagster_event_type in ASSET_CHECK_EVENTS]
            if assets or checks:
                with self._connect() as connection, _transaction(connection):
                    self._in_batch.connection = connection
                    self._note_assets(connection, assets)
                    self._plan_checks(connection, checks)
                    for event, number in checks:
                        if event.dagster_event_type != DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                            self.store_asset_check_event(event, number)
        finally:
            self._in_batch.writing, self._in_batch.connection = False, None

    def _plan_checks(self, connection: Any, events: Sequence[tuple[EventLogEntry, int]]) -> None:
        """The checks of a run, which are all told at its beginning: as `store_asset_check_event`, in one statement."""
        rows = []
        for event, number in events:
            planned = event.get_dagster_event().event_specific_data
            if isinstance(planned, AssetCheckEvaluationPlanned):
                subset = planned.partitions_subset
                rows += [
                    {
                        "asset_key": planned.asset_key.to_string(),
                        "check_name": planned.check_name,
                        "partition": partition,
                        "run_id": event.run_id,
                        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                        "evaluation_event": serialize_value(event),
                        "evaluation_event_timestamp": self._event_insert_timestamp(event),
                        "evaluation_event_storage_id": number,
                    }
                    for partition in (subset.get_partition_keys() if subset else [None])
                ]
        if rows:
            connection.execute(AssetCheckExecutionsTable.insert(), rows)

    def _note_assets(self, connection: Any, events: Sequence[tuple[EventLogEntry, int]]) -> None:
        if not events:
            return
        made = [(event, number) for event, number in events if event.dagster_event_type in _WITH_TAGS]
        self._store_asset_event_tags(connection, [event for event, _ in made], [number for _, number in made])
        # An asset's row names its last event of each kind only; in the order of the keys, so that no two batches wait
        # for each other.
        last = {(str(_asset_of(event)), str(event.dagster_event_type)): (event, number) for event, number in events}
        for _, (event, number) in sorted(last.items(), key=lambda item: item[0][0]):
            self._store_asset_event(connection, event, number)


@contextmanager
def _transaction(connection: Any) -> Iterator[None]:
    """A transaction on a connection that commits each statement; to set its isolation anew would be a trip more."""
    connection.exec_driver_sql("BEGIN")
    try:
        yield
    except BaseException:
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _step_of(event: EventLogEntry) -> str | None:
    return event.dagster_event.step_key if event.dagster_event is not None else event.step_key


def _asset_of(event: EventLogEntry) -> AssetKey | None:
    if event.dagster_event is None or event.dagster_event_type not in ASSET_EVENTS:
        return None
    return event.dagster_event.asset_key


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
        columns = _columns(engine)
        if should_autocreate_tables and not _TABLES.issubset(table for table, _ in columns):
            with _alone(postgres_url, token_provider):
                super().__init__(postgres_url, True, inst_data, token_provider)
            columns = _columns(engine)
        else:
            super().__init__(postgres_url, False, inst_data, token_provider)
        # The tables are there now.
        runs = PatientRunStorage(postgres_url, False, token_provider=token_provider)
        runs.known_columns = events.known_columns = columns
        self._run_storage = runs
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


def _columns(engine: Engine) -> frozenset[tuple[str, str]]:
    """Those of _TABLES and _LOOKED_UP that are there, with their columns."""
    tables = table("pg_class", column("oid"), column("relname"))
    columns = table("pg_attribute", column("attrelid"), column("attname"), column("attnum"), column("attisdropped"))
    statement = (
        select(tables.c.relname, columns.c.attname)
        .join_from(tables, columns, columns.c.attrelid == tables.c.oid)
        .where(tables.c.relname.in_([*_TABLES, *_LOOKED_UP]), func.pg_table_is_visible(tables.c.oid))
        .where(columns.c.attnum > 0, columns.c.attisdropped.is_(False))
    )
    with engine.connect() as connection:
        return frozenset((name, attribute) for name, attribute in connection.execute(statement))
