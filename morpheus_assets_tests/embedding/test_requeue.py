from morpheus_assets.embedding.errors import ProviderUnavailable
from morpheus_assets.embedding.packs import EmbeddedBatch
from morpheus_assets.embedding.stream import embed_batches
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


def test_a_request_that_failed_three_times_is_sent_again_while_others_get_through(provider_server: ProviderServer):
    url = provider_server.base_url(random="500:0.25+reset:0.15", seed=4)
    texts = sentences(600)

    vectors, refused, error = run(open_provider(OPENAI, url), texts, max_inputs=6)

    assert error is None
    assert not refused
    assert len(vectors) == 600
    assert_right(vectors, texts)


def test_requests_in_vain_are_counted_with_the_batch_that_arrives_at_last(provider_server: ProviderServer):
    url = provider_server.base_url(random="500:0.4", seed=1)
    batches = embed_batches(open_provider(OPENAI, url), as_inputs(sentences(300)), retry=QUICK, max_inputs=3)
    counted = sum(batch.requests for batch in batches if isinstance(batch, EmbeddedBatch))
    assert counted == provider_server.stats(url)["requests"]


def test_a_provider_that_goes_down_for_good_ends_the_stream_after_the_attempts_of_what_is_on_its_way(
    provider_server: ProviderServer,
):
    url = provider_server.base_url(script="+".join(["ok"] * 10 + ["503"] * 400))

    vectors, _, error = run(open_provider(OPENAI, url), sentences(600), max_inputs=6)

    assert type(error) is ProviderUnavailable
    assert len(vectors) == 60
    assert provider_server.stats(url)["requests"] <= 10 + 2 * 3 * 5


def test_what_a_divided_request_had_already_brought_is_not_sent_again(provider_server: ProviderServer):
    # Ten fit, twenty do not: halves are sent, and some of them fail while their siblings are through.
    url = provider_server.base_url(max_inputs=10, random="500:0.3", seed=3)

    vectors, _, error = run(open_provider(OPENAI, url), sentences(400), max_inputs=20)

    assert error is None
    assert len(vectors) == 400
    assert provider_server.stats(url)["repeated_inputs"] == 0
