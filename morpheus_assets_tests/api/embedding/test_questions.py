import asyncio
from collections.abc import Callable

import numpy as np

from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.state import open_services
from morpheus_assets.domain.spaces import Space
from morpheus_assets.settings import Settings
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of


def questions(settings: Settings, space: Space, texts: list[str]) -> list[np.ndarray]:
    """What the API's process makes of some questions, one after the other."""

    async def ask() -> list[np.ndarray]:
        async with open_services(settings, Metrics()) as services:
            return [await services.vectors.question(space, text) for text in texts]

    return asyncio.run(ask())


def test_a_question_is_sent_once_and_then_known(
    make_settings: Callable[..., Settings], space: Space, provider_server: ProviderServer
):
    settings = make_settings()
    found = questions(settings, space, ["a ship", "a lamp", "a ship"])
    np.testing.assert_allclose(found, vectors_of(["a ship", "a lamp", "a ship"], 256), atol=1e-6)
    assert provider_server.stats(settings.openai_base_url)["requests"] == 2


def test_a_question_longer_than_the_model_takes_is_embedded_by_parts(
    make_settings: Callable[..., Settings], space: Space, provider_server: ProviderServer
):
    settings = make_settings()
    text = " ".join(f"In the year {number} the ship came home with her lamps lit." for number in range(2000))
    [found] = questions(settings, space, [text])
    assert abs(np.linalg.norm(found) - 1) < 1e-5
    assert provider_server.stats(settings.openai_base_url)["inputs"] > 2


def test_a_question_that_the_model_refuses_as_too_long_is_embedded_by_parts(
    make_settings: Callable[..., Settings], space: Space, provider_server: ProviderServer
):
    settings = make_settings()
    # Over the limit of 8,192 tokens, and not by so much that it is sure before it is sent.
    text = " ".join(f"In the year {number} the ship came home with her lamps lit." for number in range(2000))[:35_000]
    [found] = questions(settings, space, [text])
    assert abs(np.linalg.norm(found) - 1) < 1e-5
    assert set(provider_server.stats(settings.openai_base_url)["statuses"]) == {"200", "400"}
