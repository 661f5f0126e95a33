"""One input that a server fails at, with 500 or a dropped connection, in place of refusing it."""

import math

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ProviderUnavailable
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    as_inputs,
    assert_right,
    both_vendors,
    digest,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import BROKEN

PACK = 256
# Three attempts at the pack and a harmless sentence; two requests for each halving; three more for the one that is
# left, each after a harmless sentence, of which the first was sent already.
MOST_FOR_ONE = 3 + 1 + 2 * int(math.log2(PACK)) + 3 * 2


@both_vendors
@pytest.mark.parametrize("fault", ["500_nan", "500_too_long", "503", "reset"])
def test_an_input_that_breaks_the_server_is_refused_alone_and_its_siblings_are_embedded(
    space: str, fault: str, provider_server: ProviderServer
):
    url = provider_server.base_url(broken=fault)
    texts = sentences(300)
    texts[123] += BROKEN

    vectors, refused, error = run(open_provider(space, url), texts, max_inputs=PACK)

    assert error is None
    assert [each.content_hash for each in refused] == [digest(texts[123])]
    said = {
        "500_nan": "HTTP 500: ",
        "500_too_long": "HTTP 500: ",
        "503": "HTTP 503: Over",
        "reset": "cannot be reached",
    }
    assert said[fault] in refused[0].reason
    assert "harmless sentence" in refused[0].reason
    assert set(vectors) == {digest(text) for text in texts} - {digest(texts[123])}
    assert_right(vectors, texts)
    stats = provider_server.stats(url)
    assert stats["requests"] <= 1 + MOST_FOR_ONE
    assert stats["repeated_inputs"] == 0


def test_several_broken_inputs_in_one_request_are_all_found(provider_server: ProviderServer, fault_row: FaultRow):
    url = provider_server.base_url(broken="500")
    texts = sentences(64)
    for index in (0, 1, 40, 63):
        texts[index] += BROKEN

    vectors, refused, error = run(open_provider(OPENAI, url), texts)

    assert error is None
    assert {each.content_hash for each in refused} == {digest(texts[index]) for index in (0, 1, 40, 63)}
    assert len(vectors) == 60
    fault_row("four texts of 64 break the server", sentence=refused[0].reason, lost=60 - len(vectors), wrong=0)
    assert provider_server.stats(url)["requests"] <= 4 * MOST_FOR_ONE


def test_every_request_of_the_search_is_counted_with_a_result(provider_server: ProviderServer):
    url = provider_server.base_url(broken="500")
    texts = sentences(40)
    texts[39] += BROKEN
    results = list(embed_batches(open_provider(OPENAI, url), as_inputs(texts), retry=QUICK))
    stats = provider_server.stats(url)
    assert sum(each.requests for each in results) == stats["requests"]
    assert sum(each.tokens for each in results) == stats["tokens"]


def test_of_a_provider_that_fails_at_random_no_input_is_refused(provider_server: ProviderServer, fault_row: FaultRow):
    url = provider_server.base_url(random="500:0.35+reset:0.1", seed=7)
    texts = sentences(400)

    vectors: dict[bytes, np.ndarray] = {}
    for _ in range(8):
        # which requests fail depends on their order: a run in which three in a row do ends, and the next goes on
        rest = [text for text in texts if digest(text) not in vectors]
        found, refused, error = run(open_provider(OPENAI, url), rest, max_inputs=5)
        vectors |= found
        assert refused == []
        if error is None:
            break
        assert type(error) is ProviderUnavailable

    assert (error, len(vectors)) == (None, 400)
    assert_right(vectors, texts)
    twice = provider_server.stats(url)["repeated_inputs"]
    assert twice == 0
    fault_row("a provider that fails 45 times in a hundred", lost=400 - len(vectors), paid_twice=twice, wrong=0)


@both_vendors
def test_a_provider_that_is_down_is_asked_one_harmless_sentence_more(space: str, provider_server: ProviderServer):
    url = provider_server.base_url("500")

    vectors, refused, error = run(open_provider(space, url), sentences(600), max_inputs=200, concurrency=3)

    assert type(error) is ProviderUnavailable
    assert (vectors, refused) == ({}, [])
    # Three packs of three attempts; those that fail later than the first are judged by a sentence of their own at most.
    assert provider_server.stats(url)["requests"] <= 3 * 3 + 3


def test_a_provider_that_goes_down_during_the_search_ends_it(provider_server: ProviderServer):
    # Three attempts, a harmless sentence, and one half; from then on nothing passes.
    url = provider_server.base_url(script="500+500+500+ok+ok" + "+500" * 50)

    vectors, refused, error = run(open_provider(OPENAI, url), sentences(64), concurrency=1)

    assert type(error) is ProviderUnavailable
    assert refused == []
    assert len(vectors) == 32
    # Then two quarters and a harmless sentence; the rest once more, as others had got through, and a harmless sentence.
    assert provider_server.stats(url)["requests"] == (3 + 1 + 2) + (2 + 1) + (3 + 1)


def test_a_server_that_takes_nothing_but_harmless_sentences_is_given_up(provider_server: ProviderServer):
    url = provider_server.base_url(broken="500")
    texts = [f"{each} {BROKEN}" for each in sentences(256)]

    vectors, refused, error = run(open_provider(OPENAI, url), texts)

    assert type(error) is ProviderUnavailable
    assert (vectors, len(refused)) == ({}, 8)
    assert provider_server.stats(url)["requests"] <= 110
