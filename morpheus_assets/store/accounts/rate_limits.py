"""The requests and tokens per minute of one provider, shared fairly by all processes through one row.

A sliding window: in no 60 seconds is more admitted than the limit, and after a pause the whole of it is there at once
(a bucket either refills during its first minute, twice the limit, or makes the first large request wait). Who must
wait books a place in the future, so nobody polls; only people overtake. Time is the server's. A server that crashes
may forget the bookings of its last moment.
"""

import asyncio
import json
import math
import time
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from morpheus_assets.embedding.errors import RateLimited
from morpheus_assets.store.database.outages import retry_while_down
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import autocommit, pipelined, transaction

if TYPE_CHECKING:
    from morpheus_assets.embedding.rate_limits import ObservedLimits

queries = load_queries(__file__)

WINDOW_SECONDS = 60.0
# Bookings are kept in slots of this length, so the row stays small whatever the number of requests.
_SLOT_SECONDS = 0.5
# A request arrives a moment after it was booked, and some take longer than others: a booking counts for a second more
# in a minute, or the slow ones of one minute would arrive with all of the next.
_UNDER_WAY = 1 / 60
# What a provider said about its limits counts for this long; after that the configured limits hold again.
_OBSERVED_SECONDS = 600.0
# What lies further ahead was written before the server's clock was set back.
_LONGEST_BOOKING = 3600.0
_LONGEST_PAUSE = 600.0
# What may be sent before it is booked, as a share of the limits, while half of them was free so long ago at most.
_UNBOOKED = 0.01
_ALLOWANCE_SECONDS = 5.0

# The share of the limits that batch work never books: a search or a request over HTTP finds room in it.
PEOPLES_SHARE = 0.1
# Seconds that somebody who asks a question waits for room.
LONGEST_WAIT_OF_A_QUESTION = 1.5

Slot = list[float]
"""[second since 1970, requests, tokens]"""


class BudgetExhausted(RateLimited):
    """No room soon enough for somebody who waits: nothing was booked or sent; `retry_after` says when there is room."""

    retryable = False


@dataclass
class _Account:
    now: float
    slots: list[Slot]
    requests: float
    tokens: float
    paused_until: float

    def used(self) -> tuple[float, float]:
        """Requests and tokens that count now."""
        return sum(slot[1] for slot in self.slots), sum(slot[2] for slot in self.slots)


@dataclass
class _Allowance:
    """Requests and tokens that may be sent unbooked since the last booking, which was `at` on this process's clock."""

    at: float
    requests: float
    tokens: float


class PostgresBudget:
    """One provider's shared budget; implements the embedding floor's RequestBudget. Use from one event loop at a time.

    `requests_per_minute` and `tokens_per_minute`: None or 0 for no limit. `provider` names the account, such as
    "openai". A request larger than the whole limit is admitted alone, into an empty window. `kept_for_others` is the
    share of the limits that this caller never books; `longest_wait` (seconds) makes it one that would rather be refused
    than wait longer, and that overtakes those who have booked a later place.
    """

    def __init__(
        self,
        engine: Engine,
        provider: str,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        *,
        kept_for_others: float = 0.0,
        longest_wait: float | None = None,
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._requests = float(requests_per_minute or 0) or float("inf")
        self._tokens = float(tokens_per_minute or 0) or float("inf")
        self._kept = kept_for_others
        self._longest_wait = longest_wait
        # One thread: the calls of a process queue here instead of at the row, and take one connection.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="budget")
        self._allowance: _Allowance | None = None

    async def take(self, requests: int, tokens: int) -> None:
        """Book `requests` and estimated `tokens` at the first moment they fit, and sleep until then.

        Raises BudgetExhausted when that is later than the longest wait.
        """
        if self._longest_wait is not None:
            await self.wait(await self.book_soon(requests, tokens, self._longest_wait), self._longest_wait)
        else:
            await self.wait(await self._call(self._book, requests, tokens))

    async def book_soon(self, requests: int, tokens: int, within: float) -> float:
        """Book ahead of later bookings, if there is room `within` seconds; the seconds until then.

        Raises BudgetExhausted, with nothing booked, when there is none.
        """
        return float(await self._call(self._book_soon, requests, tokens, within))

    async def wait(self, seconds: float, within: float = math.inf) -> None:
        """Sleep until what was booked may be sent; raises BudgetExhausted when a pause outlasts `within` seconds."""
        until = time.monotonic() + within
        while seconds > 0:
            if time.monotonic() + seconds > until + _SLOT_SECONDS:
                raise self._exhausted(seconds)
            await asyncio.sleep(seconds)
            # Another process may have been told to pause meanwhile: a booking does not outrank that.
            seconds = await self._call(self._paused_seconds)

    def surely_fits(self, requests: int, tokens: int) -> bool:
        """True when so much may be sent now and booked while it is on its way: a request, or a hundredth of a minute.

        Only while half of the limits was free after this process's last booking, seconds ago, which waited for nothing.
        """
        allowance = self._allowance
        if allowance is None or time.monotonic() - allowance.at > _ALLOWANCE_SECONDS:
            return False
        return requests <= allowance.requests and tokens <= allowance.tokens

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Correct the last bookings by what was really charged."""
        if estimated_tokens != actual_tokens:
            await self._call(self._correct, actual_tokens - estimated_tokens)

    async def observe(self, limits: "ObservedLimits") -> None:
        """Lower the limits to the provider's own, and count what others spend on the same account."""
        lower_requests = _lower(limits.limit_requests, self._requests)
        lower_tokens = _lower(limits.limit_tokens, self._tokens)
        # Most answers say nothing new: those cost no thread and no trip.
        if lower_requests or lower_tokens or 0 in (limits.remaining_requests, limits.remaining_tokens):
            await self._call(self._observe, limits, lower_requests, lower_tokens)

    async def pause(self, seconds: float) -> None:
        """Admit nobody for `seconds`; a longer pause that is already running stays."""
        await self._call(self._pause, seconds)

    async def _call(self, function: Any, *arguments: Any) -> Any:
        # A server that restarts in the middle must not end a stream of paid requests; a booking made twice only waits.
        # Who would rather be refused than wait does not wait for the server either.
        work = partial(retry_while_down, partial(function, *arguments), seconds=self._longest_wait)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _book(self, requests: int, tokens: int) -> float:
        with pipelined(self._engine, durable=False) as connection:
            account = self._open(connection)
            at = _first_fit(account, requests, tokens, self._kept)
            _add(account.slots, at, requests, tokens)
            self._save(connection, account)
        self._allowance = _allowance_of(account) if at <= account.now else None
        return at - account.now

    def _book_soon(self, requests: int, tokens: int, within: float) -> float:
        with pipelined(self._engine, durable=False) as connection:
            account = self._open(connection)
            at = _first_fit_between(account, requests, tokens)
            if at - account.now > within:
                self._allowance = None
                raise self._exhausted(at - account.now)
            _add(account.slots, at, requests, tokens)
            self._save(connection, account)
        self._allowance = _allowance_of(account) if at <= account.now else None
        return at - account.now

    def _exhausted(self, seconds: float) -> BudgetExhausted:
        return BudgetExhausted(
            f"The minute's budget for {self._provider} is used up for {max(1, math.ceil(seconds))} seconds"
            " (MORPHEUS_TOKENS_PER_MINUTE, MORPHEUS_REQUESTS_PER_MINUTE).",
            seconds,
        )

    def _correct(self, tokens: int) -> None:
        with pipelined(self._engine, durable=False) as connection:
            account = self._open(connection)
            past = [slot for slot in account.slots if slot[0] <= account.now] or account.slots[:1]
            for slot in reversed(past):
                # Given back where it was booked last; more than was asked for is booked at once, as a debt.
                change = max(float(tokens), -slot[2])
                slot[2] += change
                tokens -= int(change)
                if tokens >= 0:
                    break
            if not past and tokens > 0:
                _add(account.slots, account.now, 0, tokens)
            self._save(connection, account)

    def _observe(self, limits: "ObservedLimits", lower_requests: int | None, lower_tokens: int | None) -> None:
        with transaction(self._engine) as connection:
            self._ensure_row(connection)
            connection.execute(
                queries.observe_limits,
                {"requests": lower_requests, "tokens": lower_tokens, "provider": self._provider},
            )
        waits = [
            (seconds or 1.0)
            for left, seconds in (
                (limits.remaining_requests, limits.reset_requests_seconds),
                (limits.remaining_tokens, limits.reset_tokens_seconds),
            )
            if left == 0
        ]
        if waits:
            self._pause(min(max(waits), WINDOW_SECONDS))

    def _pause(self, seconds: float) -> None:
        self._allowance = None
        with transaction(self._engine) as connection:
            self._ensure_row(connection)
            connection.execute(
                queries.pause_account,
                {
                    "longest": _LONGEST_PAUSE,
                    "seconds": min(max(0.0, seconds), _LONGEST_PAUSE),
                    "provider": self._provider,
                },
            )

    def _paused_seconds(self) -> float:
        with autocommit(self._engine) as connection:
            row = connection.execute(queries.paused_seconds, {"provider": self._provider}).fetchone()
        seconds = row[0] or 0.0 if row else 0.0
        return seconds if 0.0 < seconds < _LONGEST_PAUSE else 0.0

    def _ensure_row(self, connection: Any) -> None:
        connection.execute(queries.add_account, {"provider": self._provider})

    def _open(self, connection: Any) -> _Account:
        row = connection.execute(queries.open_account, {"provider": self._provider}).fetchone()
        if row is None:
            self._ensure_row(connection)
            row = connection.execute(queries.open_account, {"provider": self._provider}).fetchone()
        now, recent, requests, tokens, observed_at, paused_until = row
        fresh = observed_at is not None and 0 <= now - observed_at < _OBSERVED_SECONDS
        slots = [slot for slot in recent if now < _leaves(slot[0]) and slot[0] < now + _LONGEST_BOOKING]
        return _Account(
            now=now,
            slots=slots,
            requests=min(self._requests, requests) if fresh and requests else self._requests,
            tokens=min(self._tokens, tokens) if fresh and tokens else self._tokens,
            paused_until=paused_until if paused_until and paused_until < now + _LONGEST_PAUSE else 0.0,
        )

    def _save(self, connection: Any, account: _Account) -> None:
        connection.execute(queries.save_account, {"recent": json.dumps(account.slots), "provider": self._provider})


def _lower(observed: int | None, configured: float) -> int | None:
    """What a provider says it allows, where that is less than what is configured."""
    return observed if observed is not None and 0 < observed < configured else None


def _allowance_of(account: _Account) -> _Allowance | None:
    requests, tokens = account.used()
    if requests > account.requests / 2 or tokens > account.tokens / 2:
        return None
    return _Allowance(time.monotonic(), max(1.0, account.requests * _UNBOOKED), account.tokens * _UNBOOKED)


def _first_fit(account: _Account, requests: int, tokens: int, kept: float) -> float:
    """The first moment, not before any booking that is already made, at which the window has room."""
    at = max(account.now, account.paused_until, account.slots[-1][0] if account.slots else 0.0)
    requests_room = _room(account.requests, requests, kept)
    tokens_room = _room(account.tokens, tokens, kept)
    used_requests, used_tokens = account.used()
    for slot in account.slots:
        leaves = _leaves(slot[0])
        if leaves > at:
            if used_requests + requests <= requests_room and used_tokens + tokens <= tokens_room:
                return at
            at = leaves
        used_requests -= slot[1]
        used_tokens -= slot[2]
    return at


def _room(limit: float, wanted: int, kept: float) -> float:
    """How full the window may be with `wanted` in it."""
    if wanted <= limit * (1 - kept):
        return limit * (1 - kept)
    # beside what is larger others may use what is kept for them, or they would keep it out for ever
    return limit if wanted <= limit else wanted + limit * kept


def _first_fit_between(account: _Account, requests: int, tokens: int) -> float:
    """The first moment at which the window has room, and keeps it for all that is booked for later."""
    begun = [slot[0] for slot in account.slots]
    requests_before = [0.0, *accumulate(slot[1] for slot in account.slots)]
    tokens_before = [0.0, *accumulate(slot[2] for slot in account.slots)]
    requests_room, tokens_room = _room(account.requests, requests, 0.0), _room(account.tokens, tokens, 0.0)
    length = _leaves(0.0)

    def has_room(at: float) -> bool:
        first, end = bisect_right(begun, at - length), bisect_right(begun, at)
        return (
            requests_before[end] - requests_before[first] + requests <= requests_room
            and tokens_before[end] - tokens_before[first] + tokens <= tokens_room
        )

    earliest = max(account.now, account.paused_until)
    # a hair later than it leaves: sums of such numbers are rounded
    at = earliest
    for at in (earliest, *(left for slot in account.slots if (left := _leaves(slot[0]) + 1e-5) > earliest)):
        later = begun[bisect_right(begun, at) : bisect_right(begun, at + length)]
        if has_room(at) and all(map(has_room, later)):
            break
    return at


def _leaves(at: float) -> float:
    """When a slot that began at `at` counts no more."""
    return at + _SLOT_SECONDS + WINDOW_SECONDS * (1 + _UNDER_WAY)


def _add(slots: list[Slot], at: float, requests: int, tokens: int) -> None:
    after = bisect_right(slots, at, key=lambda slot: slot[0])
    if after and at - slots[after - 1][0] < _SLOT_SECONDS:
        slots[after - 1][1] += requests
        slots[after - 1][2] += tokens
    else:
        slots.insert(after, [at, requests, tokens])
