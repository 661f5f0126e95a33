import asyncio

import numpy as np
import pytest

from morpheus_assets.embedding.errors import BillingError, ConfigurationError, ProviderUnavailable
from morpheus_assets.embedding.queries import embed_query
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    RecordingBudget,
    ask,
    both_vendors,
    open_provider,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of


@both_vendors
def test_a_query_is_one_vector_by_the_same_rules(space: str, provider_server: ProviderServer):
    provider = open_provider(space, provider_server.base_url("500", times=1))
    np.testing.assert_array_equal(ask(provider, "a ship", retry=QUICK), vectors_of(["a ship"], 256)[0])
    with pytest.raises(ConfigurationError, match="HTTP 401"):
        ask(open_provider(space, provider_server.base_url("401")), "a ship", retry=QUICK)
    with pytest.raises(ProviderUnavailable, match="3 attempts"):
        ask(open_provider(space, provider_server.base_url("503")), "a ship", retry=QUICK)


@both_vendors
def test_a_query_answered_429_gives_its_booking_back_and_pauses_the_budget(space: str, provider_server: ProviderServer):
    url, budget = provider_server.base_url("429", times=1, retry_after="0.2"), RecordingBudget()

    ask(open_provider(space, url), "a ship", budget=budget, retry=QUICK)

    first, second = budget.taken
    assert first == second > 0
    assert budget.settled == [(first, 0), (second, provider_server.stats(url)["tokens"])]
    assert budget.pauses == [0.2]


def test_a_query_that_is_refused_for_good_gives_its_booking_back(provider_server: ProviderServer):
    for fault, error in (("401", ConfigurationError), ("429_quota", BillingError)):
        budget = RecordingBudget()
        with pytest.raises(error):
            ask(open_provider(OPENAI, provider_server.base_url(fault)), "a ship", budget=budget, retry=QUICK)
        assert budget.settled == [(budget.taken[0], 0)]
        assert budget.pauses == []


def test_a_query_tells_the_budget_what_the_provider_says_of_its_limits(provider_server: ProviderServer):
    budget = RecordingBudget()
    provider = open_provider(OPENAI, provider_server.base_url(rpm=100, tpm=100_000))
    ask(provider, "a ship", budget=budget)
    assert [limits.limit_requests for limits in budget.observed] == [100]


def test_a_vector_that_arrived_is_not_lost_with_its_bookkeeping(provider_server: ProviderServer):
    class Broken(RecordingBudget):
        async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
            raise RuntimeError("the database is gone")

    vector = ask(open_provider(OPENAI, provider_server.base_url()), "a ship", budget=Broken())
    np.testing.assert_array_equal(vector, vectors_of(["a ship"], 256)[0])


def test_the_provider_stays_open_for_the_next_query_of_the_same_loop(provider_server: ProviderServer):
    provider = open_provider(OPENAI, provider_server.base_url())

    async def two() -> list[np.ndarray]:
        try:
            return [await embed_query(provider, text) for text in ("a ship", "a lamp")]
        finally:
            await provider.close()

    np.testing.assert_array_equal(asyncio.run(two()), vectors_of(["a ship", "a lamp"], 256))
