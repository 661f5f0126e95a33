from collections.abc import Iterator

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.base import EmbeddingProvider, ProviderOptions
from morpheus_assets.embedding.providers.registry import PROVIDERS, open_provider
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets_tests.embedding.helpers import ask, digest, run, sentences
from morpheus_assets_tests.fixtures.native_servers import KEY, LONG, NativeServer, running_native
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

# The space, what marks a document and a question there, and the most inputs of a request.
VENDORS = {
    "cohere": ("cohere/embed-v4.0@256", "search_document ", "search_query ", 96),
    "gemini": ("gemini/gemini-embedding-001@256", "RETRIEVAL_DOCUMENT ", "RETRIEVAL_QUERY ", 100),
    "jina": ("jina/jina-embeddings-v5-text-small@256", "retrieval.passage ", "retrieval.query ", 512),
    "mistral": ("mistral/codestral-embed@256", " ", " ", 256),
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(vendor: str) -> Iterator[NativeServer]:
    with running_native(vendor) as started:
        yield started


def opened(vendor: str, url: str | None, key: str | None = KEY) -> EmbeddingProvider:
    return open_provider(
        resolve_text_space(VENDORS[vendor][0]), ProviderOptions(api_key=key, base_url=url, timeout_seconds=10)
    )


def test_three_hundred_texts_are_embedded_as_documents_but_for_the_one_that_is_too_long(
    vendor: str, server: NativeServer
):
    _, mark, _, most = VENDORS[vendor]
    texts = sentences(300)
    too_long = f"A text {LONG} that never ends."
    texts.insert(150, too_long)

    vectors, refused, error = run(opened(vendor, server.url), texts)

    assert error is None
    assert [each.content_hash for each in refused] == [digest(too_long)]
    kept = [text for text in texts if text != too_long]
    for text, expected in zip(kept, vectors_of([mark + text for text in kept], 256), strict=True):
        np.testing.assert_allclose(vectors[digest(text)], expected, rtol=1e-5, atol=1e-7)
    sizes = [len(body.get("texts") or body.get("input") or body["requests"]) for _, _, body in server.asked]
    assert max(sizes) <= most


def test_a_question_is_marked_as_one(vendor: str, server: NativeServer):
    _, _, mark, _ = VENDORS[vendor]
    vector = ask(opened(vendor, server.url), "Who came home?")
    np.testing.assert_allclose(vector, vectors_of([mark + "Who came home?"], 256)[0], rtol=1e-5, atol=1e-7)


def test_a_wrong_key_and_a_missing_one_are_named_by_their_setting(vendor: str, server: NativeServer):
    setting = f"{vendor.upper()}_API_KEY"
    with pytest.raises(ConfigurationError, match=f"refuses the key .* set {setting}") as wrong:
        ask(opened(vendor, server.url, key="another-key-altogether"), "A text.")
    assert "another-key" not in str(wrong.value)
    with pytest.raises(ConfigurationError, match=f"{setting} is not set"):
        opened(vendor, None, key=None)


def test_what_was_charged_is_told_or_estimated(vendor: str, server: NativeServer):
    import asyncio

    provider = opened(vendor, server.url)

    async def once():
        try:
            return await provider.embed(["The ship came home in the evening."], "document")
        finally:
            await provider.close()

    result = asyncio.run(once())
    assert result.counted == (vendor != "gemini")
    assert result.total_tokens > 0


def test_a_model_that_its_vendor_calls_old_says_what_takes_its_place():
    notes = {model.name: model.note for spec in PROVIDERS.values() for model in spec.models if model.note}
    for older, newer in {
        "text-embedding-ada-002": "text-embedding-3-small",
        "voyage-3.5": "voyage-4",
        "embed-english-v3.0": "embed-v4.0",
        "jina-embeddings-v3": "jina-embeddings-v5-text-small",
    }.items():
        assert newer in notes[older]


def test_the_second_gemini_model_is_told_the_task_in_words():
    with running_native("gemini") as server:
        space = resolve_text_space("gemini/gemini-embedding-2@256")
        provider = open_provider(space, ProviderOptions(api_key=KEY, base_url=server.url, timeout_seconds=10))
        run(provider, ["The ship came home."])
        ask(provider, "Who came home?")
    asked = [body["requests"][0] for _, _, body in server.asked]
    assert [each["content"]["parts"][0]["text"] for each in asked] == [
        "title: none | text: The ship came home.",
        "task: search result | query: Who came home?",
    ]
    assert all("taskType" not in each for each in asked)
