"""Rate limits: the protocol of the shared budget of requests and tokens per minute, and the headers that lower it.

The budget itself is in the store; a budget without limits, for local models, is here.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol


@dataclass(frozen=True)
class ObservedLimits:
    """Values of a provider's `x-ratelimit-*` headers; None where one is absent.

    Limits and remainders are requests or tokens (of a minute); resets are seconds until the window is full.
    """

    limit_requests: int | None = None
    limit_tokens: int | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests_seconds: float | None = None
    reset_tokens_seconds: float | None = None

    def seconds_until_free(self) -> float | None:
        """Seconds until what is used up is free again; None when nothing is used up, or no header says."""
        waits = [
            reset
            for remaining, reset in (
                (self.remaining_requests, self.reset_requests_seconds),
                (self.remaining_tokens, self.reset_tokens_seconds),
            )
            if remaining == 0 and reset is not None
        ]
        return max(waits, default=None)


_LIMIT_HEADERS = {
    field.name: "x-ratelimit-{}-{}".format(*field.name.split("_")[:2]) for field in fields(ObservedLimits)
}


class RequestBudget(Protocol):
    """Requests and tokens per minute of one provider, shared by every process that uses it."""

    async def take(self, requests: int, tokens: int) -> None:
        """Wait until `requests` and (estimated) `tokens` fit into the budget, then book them."""

    def surely_fits(self, requests: int, tokens: int) -> bool:
        """True when so much is known to be free that it may be sent at once, and booked while it is in flight."""

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Correct a booking: `estimated_tokens` were taken, `actual_tokens` were charged (0: none)."""

    async def observe(self, limits: ObservedLimits) -> None:
        """Lower the budget to what the provider says it allows."""

    async def pause(self, seconds: float) -> None:
        """Let nobody take anything for `seconds`: the provider answered 429 with Retry-After."""


class NoBudget:
    """A budget without limits: for local models and for endpoints of one's own."""

    async def take(self, requests: int, tokens: int) -> None:
        """Return at once."""

    def surely_fits(self, requests: int, tokens: int) -> bool:
        """Everything does."""
        return True

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Do nothing."""

    async def observe(self, limits: ObservedLimits) -> None:
        """Do nothing."""

    async def pause(self, seconds: float) -> None:
        """Do nothing."""


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(text: str) -> float | None:
    """Read `6m0s`, `20ms`, `1.5s` or plain seconds; None for anything else."""
    parts = _DURATION.findall(text.strip())
    if parts and _DURATION.sub("", text.strip()) == "":
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return _number(text)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


# "Please retry in 31.5s", "try again in 6m0s", "retry after 26 seconds", and Google's RetryInfo, `"retryDelay": "31s"`,
# which a proxy may repeat as a string within a string.
_ADVICE = re.compile(
    r"""(?:\b(?:retry|try\s+again)\s+(?:in|after)\s+|"retryDelay\\*"\s*:\s*\\*")"""
    r"""((?:\d+(?:\.\d+)?(?:ms|s|m|h)(?![a-z]))+|\d+(?:\.\d+)?\s*(?:milliseconds?|seconds?|minutes?|hours?)\b)""",
    re.IGNORECASE,
)
_UNITS = (("millisecond", "ms"), ("second", "s"), ("minute", "m"), ("hour", "h"))


def read_retry_advice(body: bytes) -> float | None:
    """Seconds to wait by what the body of an answer says, in its details or in a sentence; None: it says nothing."""
    found = _ADVICE.search(body[:20_000].decode("utf-8", "replace"))
    if found is None:
        return None
    text = found[1].lower()
    for word, unit in _UNITS:
        text = re.sub(rf"\s*{word}s?$", unit, text)
    return _duration(text)


def read_limits(headers: Mapping[str, str]) -> ObservedLimits | None:
    """Read `x-ratelimit-*` headers (any case); None when there are none that make sense."""
    lower = {name.lower(): value for name, value in headers.items()}
    found: dict[str, int | float] = {}
    for name, header in _LIMIT_HEADERS.items():
        text = lower.get(header)
        is_reset = name.startswith("reset")
        value = None if text is None else _duration(text) if is_reset else _number(text)
        if value is not None:
            found[name] = value if is_reset else int(value)
    return ObservedLimits(**found) if found else None  # type: ignore[arg-type]


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait by `retry-after-ms` or `Retry-After` (seconds or HTTP date); None: absent or odd."""
    lower = {name.lower(): value for name, value in headers.items()}
    milliseconds = _number(lower.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = lower.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
