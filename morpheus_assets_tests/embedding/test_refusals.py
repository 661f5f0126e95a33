import pytest

from morpheus_assets_tests.embedding.helpers import (
    OPENAI,
    VOYAGE,
    assert_right,
    both_vendors,
    digest,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import POISON


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
