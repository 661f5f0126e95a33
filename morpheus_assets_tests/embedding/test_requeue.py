import asyncio
from collections.abc import Sequence

from morpheus_assets.embedding.errors import ProviderUnavailable
from morpheus_assets.embedding.packs import EmbeddedBatch, StreamResult
from morpheus_assets.embedding.rate_limits import NoBudget
from morpheus_assets.embedding.stream import embed_stream
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    as_inputs,
    assert_right,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import SHAKY


class OthersFirst(NoBudget):
    """Lets a pack be tried again only when others have been answered since it was first sent.

    Else it would depend on the machine whether others get through while one fails. `answers` is how many there must be
    in all, None for one more than at the first try.
    """

    def __init__(self, answers: int | None = None) -> None:
        self.answers = answers
        self.came = 0
        self.more = asyncio.Condition()
        self.before: dict[object, int] = {}

    async def take(self, requests: int, tokens: int) -> None:
        pack = asyncio.current_task()
        if pack not in self.before:
            self.before[pack] = self.came
            return
        async with self.more:
            least = self.before[pack] + 1 if self.answers is None else self.answers
            await self.more.wait_for(lambda: self.came >= least)
        # what was answered is also counted by the stream by then
        for _ in range(50):
            await asyncio.sleep(0)

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        async with self.more:
            self.came += 1
            self.more.notify_all()


def streamed(url: str, texts: Sequence[str], max_inputs: int) -> list[StreamResult]:
    """Everything that the stream gives to a reader who takes it at once."""

    async def read() -> list[StreamResult]:
        provider = open_provider(OPENAI, url)
        stream = embed_stream(provider, as_inputs(texts), max_inputs=max_inputs, retry=QUICK, budget=OthersFirst())
        return [result async for result in stream]

    return asyncio.run(read())


def shaky(texts: list[str], *places: int) -> list[str]:
    return [f"{text} {SHAKY}" if place in places else text for place, text in enumerate(texts)]


def test_a_request_that_failed_three_times_is_sent_again_while_others_get_through(provider_server: ProviderServer):
    # five tries: three, and two of the pack that is sent again
    url = provider_server.base_url(shaky=4)
    texts = shaky(sentences(300), *range(2, 250, 31))

    results = streamed(url, texts, max_inputs=6)

    assert all(isinstance(result, EmbeddedBatch) for result in results)
    vectors = {key: row for each in results for key, row in zip(each.hashes, each.embeddings, strict=True)}
    assert len(vectors) == 300
    assert_right(vectors, texts)
    assert provider_server.stats(url)["statuses"]["500"] == 4 * 8


def test_requests_in_vain_are_counted_with_the_batch_that_arrives_at_last(provider_server: ProviderServer):
    url = provider_server.base_url(shaky=4)
    results = streamed(url, shaky(sentences(120), 4, 50, 90), max_inputs=3)
    counted = {each.requests for each in results if isinstance(each, EmbeddedBatch)}
    assert max(counted) > QUICK.attempts, "of a pack that was sent again"
    assert sum(each.requests for each in results) == provider_server.stats(url)["requests"]


def test_a_provider_that_goes_down_for_good_ends_the_stream_after_the_attempts_of_what_is_on_its_way(
    provider_server: ProviderServer,
):
    url = provider_server.base_url(script="+".join(["ok"] * 10 + ["503"] * 400))

    vectors, _, error = run(open_provider(OPENAI, url), sentences(600), max_inputs=6, budget=OthersFirst(answers=10))

    assert type(error) is ProviderUnavailable
    assert len(vectors) == 60
    assert provider_server.stats(url)["requests"] <= 10 + 2 * 3 * 5


def test_what_a_divided_request_had_already_brought_is_not_sent_again(provider_server: ProviderServer):
    # Ten fit, twenty do not: halves are sent, and some of them fail while their siblings are through.
    url = provider_server.base_url(max_inputs=10, shaky=4)
    texts = shaky(sentences(400), 15, 23, 57, 190, 301)

    results = streamed(url, texts, max_inputs=20)

    assert sum(len(each.hashes) for each in results if isinstance(each, EmbeddedBatch)) == 400
    assert provider_server.stats(url)["statuses"]["500"] == 4 * 5
    assert provider_server.stats(url)["repeated_inputs"] == 0
