import asyncio

from morpheus_assets.embedding.rate_limits import NoBudget
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.embedding.stream import embed_stream
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    VOYAGE,
    RecordingBudget,
    as_inputs,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import noted_sleeps


def test_every_attempt_is_booked_and_settled_with_what_was_charged(provider_server: ProviderServer):
    url = provider_server.base_url(script="429+500", rpm=100, tpm=100_000, retry_after="0.05")
    budget = RecordingBudget()

    vectors, _, error = run(open_provider(OPENAI, url), sentences(10), budget=budget)

    assert error is None
    assert len(vectors) == 10
    assert len(budget.taken) == provider_server.stats(url)["requests"] == 3
    booked = budget.taken[0]
    # The 500 stays booked: whether it was charged is not known.
    assert budget.settled == [(booked, 0), (booked, provider_server.stats(url)["tokens"])]
    assert booked >= provider_server.stats(url)["tokens"]
    assert budget.pauses == [0.05]
    assert budget.observed[-1].limit_requests == 100
    assert budget.observed[-1].limit_tokens == 100_000


def test_nothing_is_sent_before_the_budget_allows_it(provider_server: ProviderServer):
    url = provider_server.base_url()
    gate = asyncio.Event()

    asked = asyncio.Event()

    class Gate(NoBudget):
        async def take(self, requests: int, tokens: int) -> None:
            asked.set()
            await gate.wait()

    async def work() -> tuple[int, int]:
        stream = embed_stream(open_provider(OPENAI, url), as_inputs(sentences(4)), budget=Gate())
        waiting = asyncio.ensure_future(anext(stream))
        await asked.wait()
        await asyncio.sleep(0.2)
        before = provider_server.stats(url)["requests"]
        gate.set()
        await waiting
        await stream.aclose()
        return before, provider_server.stats(url)["requests"]

    assert asyncio.run(work()) == (0, 1)


def test_retry_after_is_waited_for_and_an_absurd_one_is_capped(provider_server: ProviderServer):
    for asked, waited in (("0.4", 0.4), ("86400", 0.5)):
        url = provider_server.base_url("429", times=1, retry_after=asked)
        with noted_sleeps() as slept:
            _, _, error = run(
                open_provider(OPENAI, url),
                sentences(1),
                retry=RetryPolicy(first_wait=0.0, jitter=0.0, longest_retry_after=0.5),
            )
        assert error is None
        assert slept == [waited]


def test_a_429_that_does_not_say_how_long_gets_its_own_wait(provider_server: ProviderServer):
    with noted_sleeps() as slept:
        _, _, error = run(
            open_provider(VOYAGE, provider_server.base_url("429", times=1)),
            sentences(1),
            retry=RetryPolicy(first_wait=0.0, jitter=0.0, rate_limit_wait=0.4),
        )
    assert error is None
    assert slept == [0.4]
