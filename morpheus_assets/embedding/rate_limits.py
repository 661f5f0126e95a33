"""The shared budget of requests and tokens per minute, as the pipeline sees it, and the headers that lower it.

The budget that all processes share lives in the store; here are its protocol and the one without limits.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ObservedLimits:
    """What a provider's `x-ratelimit-*` headers said; None where it said nothing.

    Limits and remainders are requests or tokens (of a minute); resets are seconds until the window is full.
    """

    limit_requests: int | None = None
    limit_tokens: int | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests_seconds: float | None = None
    reset_tokens_seconds: float | None = None


class RequestBudget(Protocol):
    """Requests and tokens per minute of one provider, shared by every process that uses it."""

    async def take(self, requests: int, tokens: int) -> None:
        """Wait until `requests` and (estimated) `tokens` fit into the budget, then book them."""

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Correct a booking: `estimated_tokens` were taken, the provider charged `actual_tokens` (0: none)."""

    async def observe(self, limits: ObservedLimits) -> None:
        """Lower the budget to what the provider says it allows."""

    async def pause(self, seconds: float) -> None:
        """Let nobody take anything for `seconds`: the provider answered 429 with Retry-After."""


class NoBudget:
    """A budget without limits: for local models and for endpoints of one's own."""

    async def take(self, requests: int, tokens: int) -> None:
        """Return at once."""

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        """Do nothing."""

    async def observe(self, limits: ObservedLimits) -> None:
        """Do nothing."""

    async def pause(self, seconds: float) -> None:
        """Do nothing."""
