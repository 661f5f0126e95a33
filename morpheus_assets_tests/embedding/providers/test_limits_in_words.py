"""What vendors really say with 429: a limit that passes, or an account without credit, and for how long to wait."""

import pytest

from morpheus_assets.embedding.errors import BillingError, RateLimited
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    VOYAGE,
    RecordingBudget,
    both_vendors,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import noted_sleeps

ONCE = RetryPolicy(attempts=1)
# No wait is said: as long as for any limit of a minute.
UNSAID = ONCE.rate_limit_wait


@pytest.mark.parametrize(
    ("body", "space", "seconds"),
    [
        ("azure_calls", OPENAI, 26.0),
        ("azure_new", OPENAI, 1.0),
        ("gemini_sentence", OPENAI, 31.25),
        ("gemini_details", OPENAI, 31.0),
        ("gemini_behind_a_proxy", OPENAI, 31.0),
        ("openai_without_a_card", OPENAI, 20.0),
        ("openai_by_the_day", OPENAI, 60.0),
        ("dashscope", OPENAI, UNSAID),
        ("voyage_without_a_card", VOYAGE, UNSAID),
    ],
)
def test_a_limit_is_waited_for_as_long_as_it_says_whatever_its_sentence_names(
    body: str, space: str, seconds: float, provider_server: ProviderServer, fault_row: FaultRow
):
    budget = RecordingBudget()
    url = provider_server.base_url(body)
    _, _, error = run(open_provider(space, url), sentences(3), retry=ONCE, budget=budget)
    assert type(error) is RateLimited
    assert budget.pauses == [seconds]
    fault_row(f"a limit in the words of {body}, waited for {seconds:g} s", sentence=error)


@pytest.mark.parametrize("body", ["openai_no_credit", "openai_hard_limit"])
@both_vendors
def test_an_account_without_credit_is_known_by_its_code_and_ends_at_once(
    body: str, space: str, provider_server: ProviderServer, fault_row: FaultRow
):
    url = provider_server.base_url(body)
    _, _, error = run(open_provider(space, url), sentences(3))
    fault_row(f"no credit in the words of {body}", sentence=error)
    assert type(error) is BillingError
    assert provider_server.stats(url)["requests"] == 1


@both_vendors
def test_a_header_outranks_the_sentence(space: str, provider_server: ProviderServer):
    budget = RecordingBudget()
    url = provider_server.base_url("azure_calls", retry_after="7")
    run(open_provider(space, url), sentences(3), retry=ONCE, budget=budget)
    assert budget.pauses == [7.0]


@both_vendors
def test_the_next_attempt_comes_when_the_sentence_says(space: str, provider_server: ProviderServer):
    url = provider_server.base_url("soon", times=1)
    with noted_sleeps() as slept:
        vectors, _, error = run(open_provider(space, url), sentences(3), retry=RetryPolicy(first_wait=0.01))
    assert (error, len(vectors)) == (None, 3)
    assert slept == [0.4]
    assert provider_server.stats(url)["requests"] == 2


def test_an_advice_of_a_day_is_no_wait_of_a_day(provider_server: ProviderServer):
    budget = RecordingBudget()
    url = provider_server.base_url("azure_calls", retry_after="86400")
    run(open_provider(OPENAI, url), sentences(3), retry=QUICK, budget=budget)
    assert budget.pauses == [QUICK.longest_retry_after] * QUICK.attempts
