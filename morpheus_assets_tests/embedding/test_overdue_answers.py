"""Answers that do not come within our deadline: perhaps paid for, so booked apart, and asked for smaller and fewer."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from morpheus_assets.embedding.errors import AnswerOverdue, ConfigurationError
from morpheus_assets.embedding.packs import EmbeddedBatch, RefusedInput, UnansweredRequest
from morpheus_assets.embedding.queries import embed_query
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    QUICK,
    as_inputs,
    both_vendors,
    digest,
    open_provider,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import STUCK


class Results:
    """What a stream gave until it ended."""

    def __init__(self, space: str, url: str, timeout: float, inputs: list, **options: object) -> None:
        self.vectors: set[bytes] = set()
        self.refused: list[RefusedInput] = []
        self.unanswered: list[UnansweredRequest] = []
        self.requests = self.tokens = 0
        self.error: Exception | None = None
        try:
            for each in embed_batches(open_provider(space, url, timeout), inputs, retry=QUICK, **options):
                self.requests += each.requests
                if isinstance(each, UnansweredRequest):
                    self.unanswered.append(each)
                    continue
                self.tokens += each.tokens
                if isinstance(each, EmbeddedBatch):
                    self.vectors.update(each.hashes)
                else:
                    self.refused.append(each)
        except Exception as error:
            self.error = error


@both_vendors
def test_the_next_try_is_half_as_large_and_twice_as_patient_and_every_request_is_booked(
    space: str, provider_server: ProviderServer
):
    url = provider_server.base_url(hangs_over=39, delay=3, journal=1)
    texts = sentences(40)

    got = Results(space, url, 1.5, as_inputs(texts), concurrency=1)

    assert got.error is None
    assert got.refused == []
    assert len(got.vectors) == 40
    assert [len(hashes) for hashes in provider_server.journal()] == [40, 1, 20, 20]
    [silence] = got.unanswered
    assert (silence.hashes, silence.inputs) == ([digest(text) for text in texts], 40)
    stats = provider_server.at_rest(url)
    assert got.requests == stats["requests"] == 4
    # What was charged for certain is exact; what is perhaps charged is estimated, and not under.
    uncertain = (stats["tokens"] - got.tokens) / silence.tokens
    assert 0.5 < uncertain <= 1


def test_an_input_without_an_answer_is_sent_three_times_and_then_waits_for_a_person(provider_server: ProviderServer):
    url = provider_server.base_url(delay=4, journal=1)
    texts = sentences(8)
    texts[2] += STUCK

    got = Results(OPENAI, url, 0.6, as_inputs(texts), concurrency=1)

    assert got.error is None
    waiting = {each.content_hash for each in got.refused}
    # With it, only what was beside it in the last of the three requests.
    assert waiting == {digest(texts[2]), digest(texts[3])}
    assert got.vectors == {digest(text) for text in texts} - waiting
    assert "Waits for a person: sent 3 times in a day" in got.refused[0].reason
    assert "`morpheus refused retry`" in got.refused[0].reason
    assert "within 2.4 s" in got.refused[0].reason
    sent = Counter(value for hashes in provider_server.journal() for value in hashes)
    assert max(sent.values()) == sent[digest(texts[2]).hex()] == 3
    assert [each.inputs for each in got.unanswered] == [8, 4, 2]
    assert got.requests == provider_server.at_rest(url, got.requests)["requests"]


@both_vendors
def test_a_provider_that_does_not_answer_at_all_is_not_sent_the_same_again(space: str, provider_server: ProviderServer):
    url = provider_server.base_url("slow", delay=1)

    got = Results(space, url, 0.3, as_inputs(sentences(30)), concurrency=2, max_inputs=10)

    assert type(got.error) is AnswerOverdue
    assert "perhaps charges for it all the same" in str(got.error)
    assert (got.vectors, got.refused) == (set(), [])
    assert sorted(each.inputs for each in got.unanswered) == [1, 10, 10]
    stats = provider_server.at_rest(url, got.requests)
    assert got.requests == stats["requests"] == 3
    assert sum(each.inputs for each in got.unanswered) == stats["inputs"]


def test_what_was_sent_in_vain_today_goes_last_and_in_smaller_requests(provider_server: ProviderServer):
    url = provider_server.base_url(journal=1)
    inputs = as_inputs(sentences(24))
    for number in range(0, 24, 2):
        inputs[number] = replace(inputs[number], tries=1, together=8)

    got = Results(OPENAI, url, 5.0, inputs, concurrency=1)

    assert len(got.vectors) == 24
    # The fresh ones, a harmless sentence, then at most half of eight.
    assert [len(hashes) for hashes in provider_server.journal()] == [12, 1, 4, 4, 4]


def test_what_is_perhaps_paid_for_is_not_sent_again_before_a_harmless_sentence_is_answered(
    provider_server: ProviderServer,
):
    url = provider_server.base_url("slow", delay=1, journal=1)
    inputs = [replace(each, tries=1, together=8) for each in as_inputs(sentences(4))]

    got = Results(OPENAI, url, 0.3, inputs)

    assert type(got.error) is AnswerOverdue
    assert [each.inputs for each in got.unanswered] == [1]
    assert provider_server.at_rest(url, got.requests)["inputs"] == 1


def test_a_fault_of_the_harmless_sentence_is_said_and_not_taken_for_silence(provider_server: ProviderServer):
    url = provider_server.base_url("401")
    inputs = [replace(each, tries=1, together=8) for each in as_inputs(sentences(4))]

    got = Results(OPENAI, url, 5.0, inputs)

    assert type(got.error) is ConfigurationError
    assert provider_server.stats(url)["requests"] == 1


def test_after_its_third_try_nothing_is_sent_even_if_nobody_listed_it(provider_server: ProviderServer):
    url = provider_server.base_url()
    inputs = [replace(each, tries=3, together=2) for each in as_inputs(sentences(2))]

    got = Results(OPENAI, url, 5.0, inputs)

    assert (got.error, got.vectors, len(got.refused)) == (None, set(), 2)
    assert provider_server.stats(url)["requests"] == 0


@pytest.mark.parametrize("times", [1, 2])
def test_a_question_is_still_asked_again_within_its_attempts(times: int, provider_server: ProviderServer):
    url = provider_server.base_url("slow", delay=2, times=times)
    vector = asyncio.run(embed_query(open_provider(OPENAI, url, 1.0), "a ship", retry=QUICK))
    assert vector.shape == (256,)
    assert provider_server.stats(url)["requests"] == times + 1
