from decimal import Decimal

import pytest

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.models import estimate_tokens, known_models, price_of
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.registry import PROVIDERS, open_provider
from morpheus_assets.embedding.spaces import resolve_text_space


def test_every_known_model_is_a_space_of_its_own():
    spaces = [resolve_text_space(name.strip()) for name in known_models().split(",")]
    assert len(spaces) == sum(len(spec.models) for spec in PROVIDERS.values() if spec.purpose == "text")
    assert len({space.key for space in spaces}) == len({space.fingerprint for space in spaces}) == len(spaces)


def test_prices_are_by_the_million_and_nothing_is_made_up():
    assert price_of(resolve_text_space("openai/text-embedding-3-large"), 1_000_000) == Decimal("0.13")
    assert price_of(resolve_text_space("voyage/voyage-4-large"), 500_000) == Decimal("0.06")
    assert price_of(resolve_text_space("sentence-transformers/all-MiniLM-L6-v2"), 10**9) == 0
    assert price_of(resolve_text_space("sentence-transformers/own@768"), 10**9) == 0
    unknown = resolve_text_space("openai/own@768", own_endpoints=["openai"])
    assert price_of(unknown, 10) is None
    assert price_of(Space("x", "image", "remote_clip", "m", "", 512, "", None), 10) is None


@pytest.mark.parametrize("name", ["openai/text-embedding-3-large", "voyage/voyage-4"])
@pytest.mark.parametrize("text", ["A ship came home in the evening. " * 40, "夜は静か。" * 60], ids=["latin", "kana"])
def test_a_plan_reckons_with_about_as_many_tokens_as_are_booked_when_the_texts_are_sent(name: str, text: str):
    space = resolve_text_space(name)
    booked = open_provider(space, ProviderOptions(api_key="sk-none")).estimate_tokens(text)
    planned = estimate_tokens(space, inputs=1, word_pieces=7, characters=len(text), octets=len(text.encode()))
    assert planned == pytest.approx(booked, rel=0.01)


def test_a_local_model_counts_word_pieces_and_an_image_costs_no_tokens():
    local = resolve_text_space("sentence-transformers/all-MiniLM-L6-v2")
    image = Space("x", "image", "remote_clip", "m", "", 512, "", None)
    numbers = {"inputs": 3, "word_pieces": 500, "characters": 2000, "octets": 2000}
    assert estimate_tokens(local, **numbers) == 500
    assert estimate_tokens(image, **numbers) == 0


def test_panels_of_a_vendors_model_cost_tokens_in_a_plan():
    for provider, model, dollars in (
        ("voyage_multimodal", "voyage-multimodal-3.5", "0.6384"),
        ("cohere_multimodal", "embed-v4.0", "3.0268"),
        ("gemini_multimodal", "gemini-embedding-2", "0.1215"),
    ):
        space = Space("x", "image", provider, model, "", 512, "", None)
        tokens = estimate_tokens(space, inputs=1000, word_pieces=0, characters=0, octets=0)
        assert price_of(space, tokens) == Decimal(dollars)
