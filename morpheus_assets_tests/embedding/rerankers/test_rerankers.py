import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from morpheus_assets.embedding.errors import ConfigurationError, InvalidAnswer, ProviderUnavailable
from morpheus_assets.embedding.local_text.loading import packaged_weights
from morpheus_assets.embedding.rerankers.base import Reranked, RerankerOptions
from morpheus_assets.embedding.rerankers.registry import find_reranker
from morpheus_assets_tests.fixtures.native_servers import KEY, NativeServer, running_native

MODELS = {"voyage": "voyage/rerank-2.5-lite", "cohere": "cohere/rerank-v3.5"}
TEXTS = ["A cat sleeps.", "The ship came home.", "The ship came home late."]


@pytest.fixture(params=MODELS)
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(vendor: str) -> Iterator[NativeServer]:
    with running_native(f"{vendor}_rerank") as started:
        yield started


def scores(vendor: str, url: str, question: str, within: float = 60.0, key: str | None = KEY) -> Reranked:
    spec, model = find_reranker(MODELS[vendor])
    return asyncio.run(spec.open(model, RerankerOptions(key, url)).scores(question, TEXTS, within))


def test_each_text_has_its_own_score_whatever_order_the_answer_has(vendor: str, server: NativeServer):
    found = scores(vendor, server.url, "the ship came home late")
    assert found.scores == [0.0, 0.8, 1.0]
    assert (found.tokens, found.cost) == {"voyage": (1000, Decimal("0.00002")), "cohere": (0, Decimal("0.002"))}[vendor]
    [(path, _, body)] = server.asked
    assert (path, body["documents"]) == ("/rerank", TEXTS)


def test_a_late_a_broken_and_a_short_answer_and_a_wrong_key_are_told_apart(vendor: str, server: NativeServer):
    with pytest.raises(ProviderUnavailable, match=r"did not rerank within 0\.3 seconds"):
        scores(vendor, server.url, "[[slow]]", within=0.3)
    with pytest.raises(ProviderUnavailable, match="503"):
        scores(vendor, server.url, "[[broken]]")
    with pytest.raises(InvalidAnswer, match="scores 2 of 3 passages"):
        scores(vendor, server.url, "[[short]] ship")
    with pytest.raises(ConfigurationError, match=f"{vendor.upper()}_API_KEY"):
        scores(vendor, server.url, "ship", key="some-other-key")
    with pytest.raises(ConfigurationError, match=f"{vendor.upper()}_API_KEY is not set"):
        scores(vendor, server.url, "ship", key=None)


@pytest.mark.parametrize("written", ["rerank-2.5", "voyage/rerank-9", "nobody/model", "sentence-transformers/"])
def test_what_is_no_reranker_is_refused_with_what_would_be(written: str):
    with pytest.raises(ConfigurationError, match=r"MORPHEUS_RERANK is .*voyage/rerank-2\.5-lite.*local:FOLDER"):
        find_reranker(written)


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small cross-encoder with weights by chance."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("cross-encoder")
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64,
        initializer_range=0.3, num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(packaged_weights(), model_max_length=64).save_pretrained(folder)
    return folder


def test_a_cross_encoder_in_a_folder_scores_as_sentence_transformers_does(cross_encoder: Path):
    from sentence_transformers import CrossEncoder

    spec, model = find_reranker(f"sentence-transformers/local:{cross_encoder}")
    found = asyncio.run(spec.open(model, RerankerOptions()).scores("Who came home?", TEXTS, 60))

    expected = CrossEncoder(str(cross_encoder), device="cpu").predict([("Who came home?", text) for text in TEXTS])
    assert found.scores == pytest.approx(expected.tolist(), abs=1e-5)
    assert len(set(found.scores)) == 3
    assert (found.tokens, found.cost) == (0, 0)


def test_a_folder_without_a_cross_encoder_is_one_sentence(tmp_path: Path):
    spec, model = find_reranker(f"sentence-transformers/local:{tmp_path}")
    with pytest.raises(ConfigurationError, match="check MORPHEUS_RERANK"):
        asyncio.run(spec.open(model, RerankerOptions()).scores("Who?", TEXTS, 60))
