"""The budget that all processes share, asked for many requests at once, and done without while Postgres is down.

One booking at a time is on its way; what comes meanwhile is booked together, so that load costs no more transactions.
While most of the budget is free, a person's question does not wait for its booking.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from morpheus_assets.embedding.rate_limits import ObservedLimits
from morpheus_assets.store.accounts.rate_limits import BudgetExhausted, PostgresBudget
from morpheus_assets.store.database.errors import StoreError

_BREATH_SECONDS = 5.0
_SETTLE_SECONDS = 1.0
# What nobody waits for is booked together with what comes within this time.
_LINGER_SECONDS = 0.4
_log = logging.getLogger("morpheus.api")

T = TypeVar("T")


@dataclass(eq=False)
class _Asked:
    """A booking that somebody asks for until a moment of this process's clock; `answer` is the seconds to wait."""

    requests: int
    tokens: int
    until: float
    answer: "asyncio.Future[float]"

    def refuse(self, error: BudgetExhausted) -> None:
        if not self.answer.done():
            self.answer.set_exception(BudgetExhausted(str(error), error.retry_after))


class SharedBudget:
    """A RequestBudget around the one in Postgres; the provider's own limits still hold while it cannot be asked."""

    def __init__(self, budget: PostgresBudget) -> None:
        self._budget = budget
        self._silent_until = 0.0
        self._waiting: list[_Asked] = []
        self._under_way: list[_Asked] = []
        self._booking: asyncio.Task[None] | None = None
        self._awaited = asyncio.Event()
        self._correction = 0
        self._settling: asyncio.Task[None] | None = None

    async def take(self, requests: int, tokens: int, within: float = math.inf) -> None:
        """Book, together with what others ask for meanwhile; wait until it fits, unless it surely does.

        Raises BudgetExhausted, as soon as that is known, when it does not fit `within` seconds.
        """
        fits = self.surely_fits(requests, tokens)
        # what is sent at once has to be booked whenever it fits
        until = math.inf if fits else time.monotonic() + within
        asked = _Asked(requests, tokens, until, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._booking is None or self._booking.done():
            self._booking = asyncio.create_task(self._book())
        if fits:
            return
        self._awaited.set()
        seconds = await asked.answer
        if seconds > 0:
            await self._try(lambda: self._budget.wait(seconds, until - time.monotonic()), None)

    def surely_fits(self, requests: int, tokens: int) -> bool:
        """As the budget itself, with what is not booked yet."""
        unbooked = [*self._under_way, *self._waiting]
        return self._budget.surely_fits(
            requests + sum(each.requests for each in unbooked), tokens + sum(each.tokens for each in unbooked)
        )

    async def _book(self) -> None:
        while self._waiting:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awaited.wait(), _LINGER_SECONDS)
            self._awaited.clear()
            self._under_way, self._waiting = self._waiting, []
            try:
                await self._book_together(self._under_way)
            except BudgetExhausted as error:
                await self._book_each(self._under_way, error)
            self._under_way = []

    async def _book_together(self, group: Sequence[_Asked]) -> None:
        requests, tokens = sum(each.requests for each in group), sum(each.tokens for each in group)
        within = max(0.0, min(each.until for each in group) - time.monotonic())
        seconds = await self._try(lambda: self._budget.book_soon(requests, tokens, within), 0.0)
        for each in group:
            if not each.answer.done():
                each.answer.set_result(seconds)

    async def _book_each(self, group: Sequence[_Asked], error: BudgetExhausted) -> None:
        """Each alone, the smallest first; where one found no room, none that wants as much and as soon is tried."""
        refused = list(group) if len(group) == 1 else []
        for each in sorted(group, key=lambda asked: (asked.tokens, -asked.until)):
            if any(each.requests >= other.requests and each.until <= other.until for other in refused):
                each.refuse(error)
                continue
            try:
                await self._book_together([each])
            except BudgetExhausted as fault:
                error = fault
                refused.append(each)
                each.refuse(error)

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Add to the next correction; one is written every second."""
        self._correction += actual_tokens - estimated_tokens
        if self._correction and (self._settling is None or self._settling.done()):
            self._settling = asyncio.create_task(self._correct())

    async def _correct(self) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        correction, self._correction = self._correction, 0
        await self._try(lambda: self._budget.settle(0, correction), None)

    async def observe(self, limits: ObservedLimits) -> None:
        """Lower the shared limits."""
        await self._try(lambda: self._budget.observe(limits), None)

    async def pause(self, seconds: float) -> None:
        """Let nobody take anything for a while."""
        await self._try(lambda: self._budget.pause(seconds), None)

    async def _try(self, call: Callable[[], Awaitable[T]], without: T) -> T:
        if time.monotonic() < self._silent_until:
            return without
        try:
            return await call()
        except (SQLAlchemyError, psycopg.Error, StoreError) as error:
            self._silent_until = time.monotonic() + _BREATH_SECONDS
            _log.warning("The shared budget cannot be asked (%s): going on without it.", type(error).__name__)
            return without


class PatientBudget:
    """A RequestBudget for one who waits until a moment of this process's clock, and would then rather be refused."""

    def __init__(self, shared: SharedBudget, until: float) -> None:
        self._shared = shared
        self._until = until

    async def take(self, requests: int, tokens: int) -> None:
        """As the shared one; raises BudgetExhausted when it does not fit in time."""
        await self._shared.take(requests, tokens, max(0.0, self._until - time.monotonic()))

    def surely_fits(self, requests: int, tokens: int) -> bool:
        """As the shared one."""
        return self._shared.surely_fits(requests, tokens)

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """As the shared one."""
        await self._shared.settle(estimated_tokens, actual_tokens)

    async def observe(self, limits: ObservedLimits) -> None:
        """As the shared one."""
        await self._shared.observe(limits)

    async def pause(self, seconds: float) -> None:
        """As the shared one."""
        await self._shared.pause(seconds)
