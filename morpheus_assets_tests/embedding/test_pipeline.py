import asyncio
import threading
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ConfigurationError, ProviderUnavailable
from morpheus_assets.embedding.pipeline import (
    EmbeddedBatch,
    EmbeddingInput,
    RetryPolicy,
    embed_batches,
    embed_stream,
)
from morpheus_assets.embedding.queries import query_vector
from morpheus_assets.embedding.rate_limits import NoBudget, ObservedLimits
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    VOYAGE,
    as_inputs,
    assert_right,
    digest,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import POISON, vectors_of

both_vendors = pytest.mark.parametrize("space", [OPENAI, VOYAGE], ids=["openai", "voyage"])


@both_vendors
@pytest.mark.parametrize(("how", "most_requests"), [("unnamed", 24), ("named", 8)])
def test_a_poisoned_input_is_refused_alone_and_its_siblings_are_embedded(
    space: str, how: str, most_requests: int, provider_server: ProviderServer
):
    url = provider_server.base_url(poison=how)
    texts = sentences(500)
    texts[321] += POISON

    vectors, refused, error = run(open_provider(space, url), texts)

    assert error is None
    assert [each.content_hash for each in refused] == [digest(texts[321])]
    assert "cannot be processed" in refused[0].reason
    assert set(vectors) == {digest(text) for text in texts} - {digest(texts[321])}
    assert_right(vectors, texts)
    stats = provider_server.stats(url)
    assert stats["requests"] <= most_requests
    assert stats["repeated_inputs"] == 0


def test_several_poisoned_inputs_in_one_request_are_all_found(provider_server: ProviderServer):
    texts = sentences(64)
    for index in (0, 1, 40, 63):
        texts[index] += POISON

    vectors, refused, error = run(open_provider(OPENAI, provider_server.base_url()), texts)

    assert error is None
    assert {each.content_hash for each in refused} == {digest(texts[index]) for index in (0, 1, 40, 63)}
    assert len(vectors) == 60


def test_nothing_but_poison_is_refused_one_by_one_and_is_no_failure(provider_server: ProviderServer):
    vectors, refused, error = run(
        open_provider(VOYAGE, provider_server.base_url()), [f"{POISON} {i}" for i in range(4)]
    )
    assert (error, vectors, len(refused)) == (None, {}, 4)


def test_an_empty_input_is_refused_without_a_request_for_it(provider_server: ProviderServer):
    url = provider_server.base_url()
    texts = [*sentences(3), " \n"]

    vectors, refused, error = run(open_provider(OPENAI, url), texts)

    assert error is None
    assert [each.content_hash for each in refused] == [digest(" \n")]
    assert len(vectors) == 3
    assert provider_server.stats(url)["statuses"] == {"200": provider_server.stats(url)["requests"]}


def test_a_request_too_large_is_split_and_later_ones_are_made_smaller(provider_server: ProviderServer):
    url = provider_server.base_url(max_inputs=32)
    texts = sentences(400)

    vectors, refused, error = run(open_provider(OPENAI, url), texts, max_inputs=128, concurrency=1)

    assert (error, refused, len(vectors)) == (None, [], 400)
    stats = provider_server.stats(url)
    assert stats["statuses"]["413"] <= 6
    assert stats["most_inputs"] == 32
    assert stats["requests"] <= 24


def test_the_same_passage_is_sent_once(provider_server: ProviderServer):
    url = provider_server.base_url()
    vectors, _, _ = run(open_provider(VOYAGE, url), sentences(20) * 3, max_inputs=7)
    assert len(vectors) == 20
    assert provider_server.stats(url)["inputs"] == 20


@both_vendors
@pytest.mark.parametrize("failure", ["401", "500", "429_quota"])
def test_what_was_on_its_way_is_delivered_before_the_stream_ends_with_an_error(
    space: str, failure: str, provider_server: ProviderServer
):
    script = f"ok+{failure}+ok" + f"+{failure}" * 9
    url = provider_server.base_url(script=script, latency_ms=300)
    texts = sentences(40)

    vectors, _, error = run(open_provider(space, url), texts, max_inputs=4, concurrency=3)

    assert error is not None
    assert len(vectors) == 8
    assert_right(vectors, texts)
    assert provider_server.stats(url)["requests"] == (5 if failure == "500" else 3)


def test_a_broken_source_loses_nothing_that_was_on_its_way(provider_server: ProviderServer):
    texts = sentences(8)

    def source() -> Iterator[EmbeddingInput]:
        yield from as_inputs(texts)
        raise RuntimeError("the database went away")

    provider = open_provider(OPENAI, provider_server.base_url(latency_ms=100))
    collected: list[EmbeddedBatch] = []
    with pytest.raises(RuntimeError, match="went away"):
        collected.extend(embed_batches(provider, source(), max_inputs=4, retry=QUICK))
    assert sum(len(batch.hashes) for batch in collected) == 8


@both_vendors
def test_requests_run_side_by_side_up_to_the_setting_and_while_the_caller_stores(
    space: str, provider_server: ProviderServer
):
    url = provider_server.base_url(latency_ms=150)
    texts = sentences(40)
    started = time.monotonic()
    for _ in embed_batches(open_provider(space, url), as_inputs(texts), max_inputs=4, concurrency=4):
        time.sleep(0.1)
    # Ten requests of 150 ms and ten writes of 100 ms, one after the other, would take 2.5 s.
    assert time.monotonic() - started < 2.0
    assert provider_server.stats(url)["max_in_flight"] == 4


def test_look_ahead_is_bounded_by_the_requests_in_flight(provider_server: ProviderServer):
    pulled = 0

    def source() -> Iterator[EmbeddingInput]:
        nonlocal pulled
        for item in as_inputs(sentences(600)):
            pulled += 1
            yield item

    delivered = 0
    most_ahead = 0
    provider = open_provider(OPENAI, provider_server.base_url())
    for batch in embed_batches(provider, source(), max_inputs=10, concurrency=3):
        most_ahead = max(most_ahead, pulled - delivered)
        delivered += len(batch.hashes)
    assert delivered == 600
    # Three on their way, up to three that arrived together, and one input held back by the packer.
    assert most_ahead <= 6 * 10 + 1


def test_memory_does_not_grow_with_the_novel(provider_server: ProviderServer):
    provider = open_provider("openai/text-embedding-3-large", provider_server.base_url())

    def peak(count: int) -> int:
        source = (EmbeddingInput(digest(str(n)), f"Sentence {n} of a long novel.") for n in range(count))
        tracemalloc.start()
        try:
            for batch in embed_batches(provider, source, max_inputs=50, concurrency=3):
                assert batch.embeddings.dtype == np.float32
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(200)
    # 4000 vectors are 49 MB; three packs in flight are 3 x 50 vectors, as JSON, as text and as numbers.
    assert peak(4000) < 16 * (50 * 3072 * 4)


def test_closing_the_stream_early_ends_its_requests_and_its_thread(provider_server: ProviderServer):
    url = provider_server.base_url(latency_ms=200)
    before = threading.active_count()
    stream = embed_batches(open_provider(VOYAGE, url), as_inputs(sentences(100)), max_inputs=2, concurrency=3)
    next(stream)
    stream.close()
    asked = provider_server.stats(url)["requests"]
    assert threading.active_count() == before
    time.sleep(0.4)
    assert provider_server.stats(url)["requests"] == asked <= 7


def test_it_can_be_used_inside_a_running_loop_and_as_an_async_stream(provider_server: ProviderServer):
    provider = open_provider(OPENAI, provider_server.base_url())

    async def both_ways() -> tuple[int, int]:
        plain = sum(len(batch.hashes) for batch in embed_batches(provider, as_inputs(sentences(5))))
        streamed = 0
        async for batch in embed_stream(provider, as_inputs(sentences(5))):
            streamed += len(batch.hashes)
        return plain, streamed

    assert asyncio.run(both_ways()) == (5, 5)


class RecordingBudget(NoBudget):
    def __init__(self) -> None:
        self.taken: list[int] = []
        self.settled: list[tuple[int, int]] = []
        self.observed: list[ObservedLimits] = []
        self.pauses: list[float] = []

    async def take(self, requests: int, tokens: int) -> None:
        self.taken.append(tokens)

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        self.settled.append((estimated_tokens, actual_tokens))

    async def observe(self, limits: ObservedLimits) -> None:
        self.observed.append(limits)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


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

    class Gate(NoBudget):
        async def take(self, requests: int, tokens: int) -> None:
            await gate.wait()

    async def work() -> tuple[int, int]:
        stream = embed_stream(open_provider(OPENAI, url), as_inputs(sentences(4)), budget=Gate())
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.2)
        before = provider_server.stats(url)["requests"]
        gate.set()
        await waiting
        await stream.aclose()
        return before, provider_server.stats(url)["requests"]

    assert asyncio.run(work()) == (0, 1)


def test_retry_after_is_waited_for_and_an_absurd_one_is_capped(provider_server: ProviderServer):
    for asked, least, most in (("0.4", 0.4, 2.0), ("86400", 0.5, 2.5)):
        url = provider_server.base_url("429", times=1, retry_after=asked)
        started = time.monotonic()
        _, _, error = run(
            open_provider(OPENAI, url),
            sentences(1),
            retry=RetryPolicy(first_wait=0.0, jitter=0.0, longest_retry_after=0.5),
        )
        assert error is None
        assert least <= time.monotonic() - started < most


def test_a_429_that_does_not_say_how_long_gets_its_own_wait(provider_server: ProviderServer):
    started = time.monotonic()
    _, _, error = run(
        open_provider(VOYAGE, provider_server.base_url("429", times=1)),
        sentences(1),
        retry=RetryPolicy(first_wait=0.0, jitter=0.0, rate_limit_wait=0.4),
    )
    assert error is None
    assert time.monotonic() - started >= 0.4


def test_a_hostile_hour_ends_with_every_vector_right(provider_server: ProviderServer):
    url = provider_server.base_url(
        random="429:0.05+500:0.05+reset:0.05+slow:0.05+nan:0.05", seed=11, delay=1, retry_after="0.02"
    )
    texts = sentences(600)
    patient = RetryPolicy(attempts=8, invalid_answer_attempts=8, first_wait=0.01, longest_wait=0.05, jitter=0.01)

    vectors, refused, error = run(open_provider(VOYAGE, url, 0.6), texts, max_inputs=10, retry=patient)

    assert (error, refused, len(vectors)) == (None, [], 600)
    assert_right(vectors, texts)


def test_an_endpoint_of_ones_own_needs_no_key_and_may_have_any_model(provider_server: ProviderServer):
    url = provider_server.base_url(any_model=384)
    provider = open_provider("openai/BAAI/bge-small-en-v1.5@384", url)
    provider_without_key = type(provider)(provider.space, None, url, 5.0)

    vectors, _, error = run(provider_without_key, sentences(3))

    assert error is None
    assert_right(vectors, sentences(3), 384)


@both_vendors
def test_a_query_is_one_vector_by_the_same_rules(space: str, provider_server: ProviderServer):
    provider = open_provider(space, provider_server.base_url("500", times=1))
    np.testing.assert_array_equal(query_vector(provider, "a ship", retry=QUICK), vectors_of(["a ship"], 256)[0])
    with pytest.raises(ConfigurationError, match="HTTP 401"):
        query_vector(open_provider(space, provider_server.base_url("401")), "a ship", retry=QUICK)
    with pytest.raises(ProviderUnavailable, match="3 attempts"):
        query_vector(open_provider(space, provider_server.base_url("503")), "a ship", retry=QUICK)


@both_vendors
def test_a_provider_never_shows_its_key(space: str, provider_server: ProviderServer):
    provider = open_provider(space, provider_server.base_url())
    assert "secret" not in repr(provider) + repr(vars(provider)["_endpoint"]) + str(provider)


@both_vendors
def test_a_netrc_for_every_host_does_not_take_the_place_of_the_key(
    space: str, provider_server: ProviderServer, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("default login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    vectors, _, error = run(open_provider(space, provider_server.base_url()), sentences(2))
    assert (error, len(vectors)) == (None, 2)


@both_vendors
def test_the_systems_proxy_is_used_unless_the_host_is_excepted(
    space: str, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert isinstance(run(open_provider(space, provider_server.base_url()), sentences(1))[2], ProviderUnavailable)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert run(open_provider(space, provider_server.base_url()), sentences(1))[2] is None
