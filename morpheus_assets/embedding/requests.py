"""One request to a provider, sent under the shared budget with retries.

The one place where a provider is asked: for the packs of a stream, for queries and for the HTTP API alike.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from morpheus_assets.embedding.errors import EmbeddingError, RateLimited
from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType
from morpheus_assets.embedding.rate_limits import RequestBudget
from morpheus_assets.embedding.retries import RetryPolicy, with_retries
from morpheus_assets.tracing.spans import span


@dataclass(frozen=True)
class SentRequest:
    """The result of a request, the number of attempts, and the seconds that the provider took for the last one."""

    result: EmbeddingResult
    attempts: int
    seconds: float


async def send_request(
    provider: EmbeddingProvider,
    contents: Sequence[Any],
    input_type: InputType,
    *,
    budget: RequestBudget,
    policy: RetryPolicy,
    tokens: int | None = None,
    patience: float = 1.0,
    may_retry: Callable[[], bool] = lambda: True,
    on_error: Callable[[EmbeddingError], None] = lambda error: None,
) -> SentRequest:
    """Send one request's worth of contents: book it, send it, settle the booking, and try again as `policy` says.

    `tokens` is what it is expected to cost (None: the provider's estimate of the texts), `patience` how many times the
    ordinary deadline it may take. `may_retry` is asked before each further attempt, `on_error` told of every attempt
    that failed. What a failed attempt certainly did not cost is given back to the budget, and a 429 pauses the budget
    for every process. Raises embedding.errors.
    """
    texts = [each for each in contents if isinstance(each, str)]
    booked = sum(map(provider.estimate_tokens, texts)) if tokens is None else tokens

    async def attempt() -> tuple[EmbeddingResult, float]:
        await budget.take(1, booked)
        started = time.monotonic()
        try:
            space = provider.space
            with span("provider request", provider=space.provider, model=space.model, inputs=len(contents)):
                result = await provider.embed(contents, input_type, patience=patience)
        except EmbeddingError as error:
            on_error(error)
            await _give_back(budget, booked, error, policy)
            raise
        seconds = time.monotonic() - started
        # What arrived is paid for: bookkeeping that fails now must not cost it.
        with contextlib.suppress(Exception):
            await budget.settle(booked, result.total_tokens)
            if result.limits is not None:
                await budget.observe(result.limits)
        return result, seconds

    (result, seconds), attempts = await with_retries(attempt, policy, may_retry)
    return SentRequest(result, attempts, seconds)


async def _give_back(budget: RequestBudget, booked: int, error: EmbeddingError, policy: RetryPolicy) -> None:
    if isinstance(error, RateLimited):
        await budget.settle(booked, 0)
        if error.limits is not None:
            await budget.observe(error.limits)
        wait = policy.retry_after(error)
        if wait:
            await budget.pause(wait)
    # A broken or untrusted answer may have been charged for, so its tokens stay booked.
    elif not error.retryable:
        await budget.settle(booked, 0)
