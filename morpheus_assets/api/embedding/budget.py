"""The budget that all processes share, asked for many requests at once, and done without while Postgres is down.

One booking at a time is on its way; what comes meanwhile is booked together, so that load costs no more transactions.
While most of the budget is free, a person's question does not wait for its booking.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from morpheus_assets.embedding.rate_limits import ObservedLimits, RequestBudget
from morpheus_assets.store.database.errors import StoreError

_BREATH_SECONDS = 5.0
_SETTLE_SECONDS = 1.0
# What nobody waits for is booked together with what comes within this time.
_LINGER_SECONDS = 0.1
_log = logging.getLogger("morpheus.api")


class SharedBudget:
    """A RequestBudget around the one in Postgres; the provider's own limits still hold while it cannot be asked."""

    def __init__(self, budget: RequestBudget) -> None:
        self._budget = budget
        self._silent_until = 0.0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._under_way: list[tuple[int, int, asyncio.Future[None]]] = []
        self._booking: asyncio.Task[None] | None = None
        self._awaited = asyncio.Event()
        self._correction = 0
        self._settling: asyncio.Task[None] | None = None

    async def take(self, requests: int, tokens: int) -> None:
        """Book, together with what others ask for meanwhile; wait until it fits, unless it surely does."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        fits = self.surely_fits(requests, tokens)
        self._waiting.append((requests, tokens, answer))
        if self._booking is None or self._booking.done():
            self._booking = asyncio.create_task(self._book())
        if not fits:
            self._awaited.set()
            await answer

    def surely_fits(self, requests: int, tokens: int) -> bool:
        """As the budget itself, with what is not booked yet."""
        unbooked = [*self._under_way, *self._waiting]
        return self._budget.surely_fits(
            requests + sum(row[0] for row in unbooked), tokens + sum(row[1] for row in unbooked)
        )

    async def _book(self) -> None:
        while self._waiting:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awaited.wait(), _LINGER_SECONDS)
            self._awaited.clear()
            batch = self._under_way = self._waiting
            self._waiting = []
            requests, tokens = sum(row[0] for row in batch), sum(row[1] for row in batch)
            await self._try(lambda requests=requests, tokens=tokens: self._budget.take(requests, tokens))  # type: ignore[misc]
            for _, _, answer in batch:
                if not answer.done():
                    answer.set_result(None)
            self._under_way = []

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Add to the next correction; one is written every second."""
        self._correction += actual_tokens - estimated_tokens
        if self._correction and (self._settling is None or self._settling.done()):
            self._settling = asyncio.create_task(self._correct())

    async def _correct(self) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        correction, self._correction = self._correction, 0
        await self._try(lambda: self._budget.settle(0, correction))

    async def observe(self, limits: ObservedLimits) -> None:
        """Lower the shared limits."""
        await self._try(lambda: self._budget.observe(limits))

    async def pause(self, seconds: float) -> None:
        """Let nobody take anything for a while."""
        await self._try(lambda: self._budget.pause(seconds))

    async def _try(self, call: Callable[[], Awaitable[Any]]) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            await call()
        except (SQLAlchemyError, psycopg.Error, StoreError) as error:
            self._silent_until = time.monotonic() + _BREATH_SECONDS
            _log.warning("The shared budget cannot be asked (%s): going on without it.", type(error).__name__)
