import asyncio
import threading
import tracemalloc
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from morpheus_assets.embedding.errors import AnswerOverdue
from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput
from morpheus_assets.embedding.rate_limits import NoBudget
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.embedding.stream import embed_batches, embed_stream
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    VOYAGE,
    as_inputs,
    assert_right,
    both_vendors,
    digest,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import eventually


class FailuresFirst(NoBudget):
    """Sends so many packs together, and holds back what succeeded until one of the others has ended."""

    def __init__(self, together: int) -> None:
        self.packs: set[asyncio.Task] = set()
        self.together = together
        self.begun = asyncio.Event()

    async def take(self, requests: int, tokens: int) -> None:
        self.packs.add(asyncio.current_task())
        if len(self.packs) == self.together:
            self.begun.set()
        await self.begun.wait()

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        if actual_tokens:
            await asyncio.wait(self.packs - {asyncio.current_task()}, return_when=asyncio.FIRST_COMPLETED)


class Counted:
    """Inputs, and how many of them were pulled."""

    def __init__(self, inputs: Iterable[EmbeddingInput]) -> None:
        self._inputs = inputs
        self.pulled = 0

    def __iter__(self) -> Iterator[EmbeddingInput]:
        for item in self._inputs:
            self.pulled += 1
            yield item


@both_vendors
@pytest.mark.parametrize("failure", ["401", "500", "429_quota"])
def test_what_was_on_its_way_is_delivered_before_the_stream_ends_with_an_error(
    space: str, failure: str, provider_server: ProviderServer
):
    script = f"ok+{failure}+ok" + f"+{failure}" * 9
    url = provider_server.base_url(script=script)
    texts = sentences(40)

    vectors, _, error = run(open_provider(space, url), texts, max_inputs=4, concurrency=3, budget=FailuresFirst(3))

    assert error is not None
    assert len(vectors) == 8
    assert_right(vectors, texts)
    assert provider_server.stats(url)["requests"] == (6 if failure == "500" else 3)


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
    # no answer comes before four are asked for
    url = provider_server.base_url(together=4)
    stored = 0
    for _ in embed_batches(open_provider(space, url), as_inputs(sentences(48)), max_inputs=4, concurrency=4):
        if not stored:
            assert eventually(lambda: provider_server.stats(url)["requests"] == 5), "while the first is stored"
        stored += 1
    assert stored == 12
    assert provider_server.stats(url)["max_in_flight"] == 4


def test_a_request_leaves_while_the_next_inputs_are_still_read(provider_server: ProviderServer):
    url = provider_server.base_url()
    sent = []

    def source() -> Iterator[EmbeddingInput]:
        yield from as_inputs(sentences(4))
        sent.append(eventually(lambda: provider_server.stats(url)["requests"] == 1, 10))
        yield from as_inputs(sentences(8)[4:])

    batches = list(embed_batches(open_provider(OPENAI, url), source(), max_inputs=4, concurrency=2))
    assert sent == [True]
    assert sum(len(batch.hashes) for batch in batches) == 8


def test_the_next_request_leaves_while_the_caller_stores_and_its_inputs_were_read_before(
    provider_server: ProviderServer,
):
    url = provider_server.base_url(latency_ms=50)
    source = Counted(as_inputs(sentences(40)))
    stream = embed_batches(open_provider(OPENAI, url), source, max_inputs=4, concurrency=1)
    for number in range(1, 9):
        next(stream)
        # The one that was given and the one on its way, and the inputs of two more.
        seen = number + 1, min(40, 4 * (number + 3))
        assert eventually(lambda seen=seen: (provider_server.stats(url)["requests"], source.pulled) == seen, 10)
    assert len(list(stream)) == 2
    assert provider_server.stats(url)["max_in_flight"] == 1


def test_what_says_that_the_inputs_are_not_the_callers_any_more_ends_the_stream_before_the_next_request(
    provider_server: ProviderServer,
):
    url = provider_server.base_url(latency_ms=50)
    asked = 0

    def ensure() -> None:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise RuntimeError("others took over")

    arrived = []
    with pytest.raises(RuntimeError, match="took over"):
        arrived.extend(
            embed_batches(
                open_provider(OPENAI, url), as_inputs(sentences(40)), max_inputs=4, concurrency=2, ensure=ensure
            )
        )
    assert len(arrived) == provider_server.stats(url)["requests"] == 3


def test_look_ahead_is_bounded_by_the_requests_in_flight(provider_server: ProviderServer):
    source = Counted(as_inputs(sentences(600)))
    delivered = 0
    most_ahead = 0
    provider = open_provider(OPENAI, provider_server.base_url())
    for batch in embed_batches(provider, source, max_inputs=10, concurrency=3):
        most_ahead = max(most_ahead, source.pulled - delivered)
        delivered += len(batch.hashes)
    assert delivered == 600
    # The one that is given, three on their way or arrived, two that are ready and one that is being read.
    assert most_ahead <= 7 * 10


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
    assert threading.active_count() == before
    # without its thread nothing more is sent
    assert provider_server.at_rest(url)["requests"] <= 7


def test_it_can_be_used_inside_a_running_loop_and_as_an_async_stream(provider_server: ProviderServer):
    provider = open_provider(OPENAI, provider_server.base_url())

    async def both_ways() -> tuple[int, int]:
        plain = sum(len(batch.hashes) for batch in embed_batches(provider, as_inputs(sentences(5))))
        streamed = 0
        async for batch in embed_stream(provider, as_inputs(sentences(5))):
            streamed += len(batch.hashes)
        return plain, streamed

    assert asyncio.run(both_ways()) == (5, 5)


def test_a_hostile_hour_ends_with_every_vector_right(provider_server: ProviderServer):
    url = provider_server.base_url(
        random="429:0.05+500:0.05+reset:0.05+slow:0.05+nan:0.05", seed=130, delay=7, retry_after="0.02"
    )
    texts = sentences(600)
    patient = RetryPolicy(attempts=8, invalid_answer_attempts=8, first_wait=0.01, longest_wait=0.05, jitter=0.01)
    vectors: dict[bytes, np.ndarray] = {}
    runs, error = 0, None

    # A run ends when the harmless sentence after an overdue answer meets a fault too: one in seven. The next goes on.
    while runs == 0 or (isinstance(error, AnswerOverdue) and runs < 8):
        left = [text for text in texts if digest(text) not in vectors]
        found, refused, error = run(open_provider(VOYAGE, url, 5.0), left, max_inputs=10, retry=patient)
        assert refused == []
        assert found or error is not None
        vectors |= found
        runs += 1

    assert (error, len(vectors)) == (None, 600)
    assert_right(vectors, texts)
