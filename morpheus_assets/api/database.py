"""Postgres for the API: an engine opened when first needed, calls in threads, and a short breath while it is down."""

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from morpheus_assets.services.connections import DatabaseNotRunning, content_engine
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.engine import explain
from morpheus_assets.store.database.errors import DatabaseDown
from morpheus_assets.store.database.outages import passes_by_itself

THREADS = 8
# Kept open while nobody asks.
KEPT_CONNECTIONS = 2
# While nothing answers, requests are refused for this long without asking again: connecting may take seconds.
_BREATH_SECONDS = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """The content database, seen from the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._down: tuple[float, Exception] | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    def engine(self) -> Engine:
        """The engine; call it in a thread. Raises DatabaseNotRunning."""
        if self._engine is None:
            self._engine = content_engine(self._settings, application_name="morpheus api", pool_size=KEPT_CONNECTIONS)
        return self._engine

    async def call(self, work: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(engine, …)` in a thread, and once more when its connection was ended; so it must bear that.

        Raises DatabaseDown, DatabaseNotRunning, and what `work` raises.
        """
        if self._down is not None and time.monotonic() < self._down[0]:
            raise self._down[1]
        return await self.call_now(work, *args, **kwargs)

    async def call_now(self, work: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `call`, and asked anew although nothing answered a moment ago."""
        # the trace that a request belongs to goes along into the thread
        call = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, self._call, work, args, kwargs)

    def _call(self, work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        try:
            result = self._answered(work, args, kwargs)
        except (DatabaseNotRunning, DatabaseDown) as error:
            self._rest(error)
            raise
        except (DBAPIError, psycopg.OperationalError, psycopg.InterfaceError, PoolExhausted) as fault:
            down = self._unavailable(fault)
            if down is None:
                raise
            self._rest(down)
            raise down from fault
        self._down = None
        return result

    def _answered(self, work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        try:
            return work(self.engine(), *args, **kwargs)
        except (DBAPIError, psycopg.Error) as fault:
            cut = fault.connection_invalidated if isinstance(fault, DBAPIError) else passes_by_itself(fault)
            if not cut:
                raise
        # a connection that was ended in the middle, as by a pooler or an administrator, says nothing of the next one
        return work(self.engine(), *args, **kwargs)

    def _unavailable(self, fault: Exception) -> Exception | None:
        if isinstance(fault, PoolExhausted):
            return DatabaseDown("The database is busy: every connection of the API is in use; try again.")
        url = self._engine.url if self._engine is not None else make_url("postgresql://")
        if isinstance(fault, DBAPIError):
            explained = explain(fault, url)
            return explained if fault.connection_invalidated or isinstance(explained, DatabaseDown) else None
        # A server that is stopped in the middle of a query speaks through psycopg itself.
        return DatabaseDown("Postgres broke off the connection; it is stopping or restarting.")

    def _rest(self, error: Exception) -> None:
        self._down = (time.monotonic() + _BREATH_SECONDS, error)

    def close(self) -> None:
        """Let running calls end and close the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._engine is not None:
            self._engine.dispose()
