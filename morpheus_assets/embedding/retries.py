"""Retries: how often a request is tried by class of error, and the waits between attempts.

requests.py sends the request and decides what follows when no attempt is left.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    EmbeddingError,
    InvalidAnswer,
    ProviderUnavailable,
    RateLimited,
)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class RetryPolicy:
    """Attempts and waits (seconds): exponential from the first to the longest, with jitter on top.

    `longest_retry_after` caps what a provider may ask us to wait. `rate_limit_wait` is for a 429 that does not
    say how long: limits are by the minute, so a second or two would only spend the attempts. An answer that
    cannot be trusted gets `invalid_answer_attempts` only, because a third one is not more trustworthy.
    `unavailable_attempts` bounds those at a server in trouble (None: `attempts`). `divides`: a pack that fails for good
    is sent in parts where that may help. `repeats_overdue`: what was not answered within our deadline, and is perhaps
    paid for, is sent again as it is.
    """

    attempts: int = 3
    unavailable_attempts: int | None = None
    invalid_answer_attempts: int = 2
    first_wait: float = 1.0
    longest_wait: float = 20.0
    jitter: float = 1.0
    longest_retry_after: float = 60.0
    rate_limit_wait: float = 20.0
    divides: bool = True
    repeats_overdue: bool = True

    def retry_after(self, error: Exception) -> float | None:
        """Seconds to wait before the next attempt, capped; None: as long as for any other error."""
        asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
        if asked is None and isinstance(error, RateLimited):
            asked = self.rate_limit_wait
        return None if asked is None else min(asked, self.longest_retry_after)


# A person waits for a search: it gives up within seconds rather than outlast a minute's limit.
FOR_QUERIES = RetryPolicy(
    first_wait=0.3, longest_wait=2.0, jitter=0.2, longest_retry_after=5.0, rate_limit_wait=1.0, divides=False
)


async def with_retries(
    attempt: Callable[[], Awaitable[_Answer]], policy: RetryPolicy, may_retry: Callable[[], bool]
) -> tuple[_Answer, int]:
    """Run `attempt` until it succeeds, its error is final, or attempts are spent; also how many were made.

    `may_retry` is asked before each wait. The error raised says after how many attempts, when there were several.
    """
    first: EmbeddingError | None
    try:
        return await attempt(), 1
    except EmbeddingError as failed:
        first = failed
    import stamina

    made = 1
    invalid = unavailable = 0

    def decide(error: Exception) -> bool | float:
        nonlocal invalid, unavailable
        invalid += isinstance(error, InvalidAnswer)
        unavailable += isinstance(error, ProviderUnavailable)
        if not (isinstance(error, EmbeddingError) and error.retryable and may_retry()):
            return False
        if isinstance(error, AnswerOverdue) and not policy.repeats_overdue:
            return False
        if invalid >= policy.invalid_answer_attempts:
            return False
        if policy.unavailable_attempts is not None and unavailable >= policy.unavailable_attempts:
            return False
        asked = policy.retry_after(error)
        return True if asked is None else asked

    try:
        async for trial in stamina.retry_context(
            on=decide,
            attempts=policy.attempts,
            timeout=None,
            wait_initial=policy.first_wait,
            wait_max=policy.longest_wait,
            wait_jitter=policy.jitter,
        ):
            with trial:
                if first is not None:
                    known, first = first, None
                    raise known
                made += 1
                return await attempt(), made
    except EmbeddingError as error:
        error.requests = made
        if made > 1:
            error.args = (f"{error} ({made} attempts)", *error.args[1:])
        raise
    raise AssertionError("a retry context ends by returning or raising")
