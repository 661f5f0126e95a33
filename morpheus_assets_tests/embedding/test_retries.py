"""How long and how often a request is tried again, by its error alone."""

import asyncio
from dataclasses import replace

import pytest

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    ConfigurationError,
    EmbeddingError,
    InvalidAnswer,
    ProviderUnavailable,
    RateLimited,
)
from morpheus_assets.embedding.retries import FOR_QUERIES, RetryPolicy, with_retries
from morpheus_assets_tests.fixtures.waiting import noted_sleeps

AT_ONCE = RetryPolicy(attempts=4, first_wait=0.0, longest_wait=0.0, jitter=0.0, rate_limit_wait=0.0)


def test_the_wait_is_what_is_asked_for_up_to_a_bound_and_a_minutes_limit_has_one_of_its_own():
    policy = RetryPolicy(longest_retry_after=60, rate_limit_wait=20)
    asked = [RateLimited("x", 5.0), RateLimited("x", 90.0), RateLimited("x"), ProviderUnavailable("x", 7.0)]
    assert [policy.retry_after(error) for error in asked] == [5.0, 60, 20, 7.0]
    assert [policy.retry_after(error) for error in (ProviderUnavailable("x"), InvalidAnswer("x"))] == [None, None]


def test_a_person_is_kept_waiting_for_seconds_only():
    assert FOR_QUERIES.retry_after(RateLimited("x", 60.0)) == 5.0
    assert FOR_QUERIES.retry_after(RateLimited("x")) == 1.0
    assert FOR_QUERIES.first_wait + FOR_QUERIES.jitter <= 0.5
    assert FOR_QUERIES.longest_wait + FOR_QUERIES.jitter <= 2.5
    assert not FOR_QUERIES.divides


@pytest.mark.parametrize(("error", "attempts"), [(ProviderUnavailable("x"), 4), (RateLimited("x"), 4),
                                                 (InvalidAnswer("x"), 2), (ConfigurationError("x"), 1)])  # fmt: skip
def test_each_error_is_tried_as_often_as_its_class_allows_and_says_so(error: EmbeddingError, attempts: int):
    made = 0

    async def attempt() -> None:
        nonlocal made
        made += 1
        raise error

    with pytest.raises(type(error)) as raised:
        asyncio.run(with_retries(attempt, AT_ONCE, lambda: True))
    assert made == raised.value.requests == attempts
    assert str(raised.value) == ("x" if attempts == 1 else f"x ({attempts} attempts)")


def test_what_succeeds_at_last_says_after_how_many_attempts():
    left = [RateLimited("x"), RateLimited("x")]

    async def attempt() -> str:
        if left:
            raise left.pop()
        return "the answer"

    assert asyncio.run(with_retries(attempt, AT_ONCE, lambda: True)) == ("the answer", 3)


def tried(error: Exception, policy: RetryPolicy, *, may_retry: bool = True) -> int:
    """How often something that always fails so is tried."""
    made = 0

    async def attempt() -> None:
        nonlocal made
        made += 1
        raise error

    with pytest.raises(type(error)):
        asyncio.run(with_retries(attempt, policy, lambda: may_retry))
    return made


def test_a_server_in_trouble_has_a_bound_of_its_own():
    policy = replace(AT_ONCE, unavailable_attempts=2)
    assert [tried(error, policy) for error in (ProviderUnavailable("x"), RateLimited("x"))] == [2, 4]


def test_what_was_not_answered_in_time_is_sent_again_only_where_that_is_wanted():
    never = replace(AT_ONCE, repeats_overdue=False)
    assert [tried(AnswerOverdue("x"), policy) for policy in (AT_ONCE, never)] == [4, 1]
    assert tried(ProviderUnavailable("x"), never) == 4


def test_nothing_is_tried_again_when_its_time_is_over_nor_what_is_no_error_of_a_provider():
    assert tried(RateLimited("x"), AT_ONCE, may_retry=False) == 1
    assert tried(ValueError("x"), AT_ONCE) == 1


def test_the_next_try_waits_as_long_as_the_provider_says_else_as_the_policy_does():
    def waits(error: Exception, **changes: float) -> list[float]:
        with noted_sleeps() as slept:
            assert tried(error, replace(AT_ONCE, attempts=2, **changes)) == 2
        return slept

    assert waits(RateLimited("x", 0.3)) == [0.3]
    assert waits(RateLimited("x"), rate_limit_wait=0.3) == [0.3]
    assert waits(InvalidAnswer("x"), first_wait=0.3, longest_wait=9.0) == [0.3]
    assert waits(InvalidAnswer("x"), first_wait=9.0, longest_wait=0.1) == [0.1]
