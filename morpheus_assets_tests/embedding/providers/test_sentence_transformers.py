import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.base import EmbeddingProvider, ProviderOptions
from morpheus_assets.embedding.providers.registry import open_provider
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets_tests.embedding.helpers import ask, digest, run


@pytest.fixture(scope="module")
def minilm() -> EmbeddingProvider:
    space = resolve_text_space("sentence-transformers/all-MiniLM-L6-v2")
    return open_provider(space, ProviderOptions(torch_threads=1))


def test_texts_of_any_length_keep_their_own_vectors_and_near_meanings_are_near(minilm: EmbeddingProvider):
    texts = ["A cat sleeps on the warm roof.", "word " * 200, "The kitten naps above the house.", "Tax law."]

    vectors, refused, error = run(minilm, texts)

    assert (error, refused) == (None, [])
    cat, long, kitten, law = (vectors[digest(text)] for text in texts)
    assert cat.dtype == np.float32
    assert cat.shape == (384,)
    assert np.linalg.norm(long) == pytest.approx(1, abs=1e-5)
    assert cat @ kitten > 0.5 > cat @ law
    np.testing.assert_allclose(ask(minilm, texts[0]), cat, atol=1e-5)


def test_an_input_that_the_model_would_cut_is_refused_by_its_numbers_and_its_siblings_are_embedded(
    minilm: EmbeddingProvider,
):
    texts = ["A first sentence.", "word " * 254, "word " * 255, "A last sentence."]

    vectors, refused, error = run(minilm, texts)

    assert error is None
    assert [each.content_hash for each in refused] == [digest(texts[2])]
    assert "257 tokens" in refused[0].reason
    assert "takes 256" in refused[0].reason
    assert len(vectors) == 3


def test_the_event_loop_goes_on_while_the_model_works(minilm: EmbeddingProvider, monkeypatch: pytest.MonkeyPatch):
    works, loop_went_on = threading.Event(), threading.Event()
    encode = minilm._encode  # type: ignore[attr-defined]

    def encode_until_the_loop_went_on(*given: object) -> object:
        works.set()
        assert loop_went_on.wait(60)
        return encode(*given)

    monkeypatch.setattr(minilm, "_encode", encode_until_the_loop_went_on)

    async def beside_it() -> None:
        work = asyncio.ensure_future(minilm.embed(["word " * 200] * 4, "document"))
        while not works.is_set():
            await asyncio.sleep(0.005)
        loop_went_on.set()
        await work
        await minilm.close()

    asyncio.run(beside_it())


def test_wrong_dimensions_are_said_with_the_right_ones():
    from dataclasses import replace

    space = resolve_text_space("sentence-transformers/all-MiniLM-L6-v2")
    provider = open_provider(replace(space, dimensions=512), ProviderOptions())
    with pytest.raises(ConfigurationError, match="all-MiniLM-L6-v2@384"):
        ask(provider, "text")


def test_a_model_that_is_neither_here_nor_reachable_is_one_sentence_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # what HF_HOME and HF_ENDPOINT say to a process that begins
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    provider = open_provider(resolve_text_space("sentence-transformers/nobody/no-model@384"), ProviderOptions())
    started = time.monotonic()
    with pytest.raises(ConfigurationError, match="The model nobody/no-model is not in the hub's cache") as caught:
        ask(provider, "text")
    assert time.monotonic() - started < 60
    assert "all-MiniLM-L6-v2, which is packaged" in str(caught.value)
