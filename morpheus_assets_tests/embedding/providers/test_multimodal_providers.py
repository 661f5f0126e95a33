import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.providers.base import EmbeddingResult, ProviderOptions
from morpheus_assets.embedding.providers.registry import open_provider
from morpheus_assets.embedding.spaces import parse_space_names, resolve_image_space
from morpheus_assets_tests.fixtures.native_servers import KEY, NativeServer, running_native

VENDORS = {
    "voyage_multimodal": "voyage/voyage-multimodal-3.5@256",
    "cohere_multimodal": "cohere/embed-v4.0@256",
    "gemini_multimodal": "gemini/gemini-embedding-2@256",
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(vendor: str) -> Iterator[NativeServer]:
    with running_native(vendor) as started:
        yield started


def space_of(written: str) -> Space:
    (name,) = parse_space_names(written, variable="MORPHEUS_IMAGE_SPACES")
    return resolve_image_space(name, ProviderOptions())


def embed(vendor: str, url: str, inputs: list[Any], input_type: Any = "document", key: str = KEY) -> EmbeddingResult:
    provider = open_provider(space_of(VENDORS[vendor]), ProviderOptions(api_key=key, base_url=url, timeout_seconds=10))

    async def once() -> EmbeddingResult:
        try:
            return await provider.embed(inputs, input_type)
        finally:
            await provider.close()

    return asyncio.run(once())


def test_panels_and_descriptions_meet_in_one_space(vendor: str, server: NativeServer):
    red, blue = Image.new("RGB", (640, 480), "red"), Image.new("RGB", (3000, 2000), "blue")

    panels = embed(vendor, server.url, [red, lambda: blue])
    question = embed(vendor, server.url, ["blue"], "query")

    assert panels.embeddings.shape == (2, 256)
    np.testing.assert_allclose(np.linalg.norm(panels.embeddings, axis=1), 1, atol=1e-5)
    cosines = panels.embeddings @ question.embeddings[0]
    assert cosines[1] == pytest.approx(1, abs=1e-4)
    assert cosines[0] < 0.9
    assert panels.counted == (vendor != "gemini_multimodal")
    assert panels.total_tokens > 0


def test_a_picture_that_cannot_be_opened_is_refused_by_its_place(vendor: str, server: NativeServer):
    def broken() -> Image.Image:
        raise OSError("cut off")

    with pytest.raises(InputRefused, match="cut off") as refused:
        embed(vendor, server.url, [Image.new("RGB", (8, 8), "red"), broken])
    assert refused.value.index == 1
    assert server.asked == []


def test_a_wrong_key_is_told_with_its_setting(vendor: str, server: NativeServer):
    setting = f"{vendor.removesuffix('_multimodal').upper()}_API_KEY"
    with pytest.raises(ConfigurationError, match=f"set {setting}"):
        embed(vendor, server.url, ["red"], "query", key="some-other-key")


def test_a_vendors_name_among_image_spaces_means_its_multimodal_models():
    space = space_of("voyage/voyage-multimodal-3.5@512")
    assert (space.purpose, space.provider, space.dimensions) == ("image", "voyage_multimodal", 512)
    assert space.key == "voyage-multimodal-voyage-multimodal-3-5-512"
    assert space == space_of("voyage_multimodal/voyage-multimodal-3.5@512")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("voyage/voyage-4", "unknown model voyage_multimodal/voyage-4: known are voyage_multimodal/voyage-multimodal"),
        ("cohere/embed-v4.0@300", "gives vectors of 256, 512, 1024, 1536 dimensions"),
        ("jina/jina-embeddings-v4", "no image space"),
    ],
)
def test_another_model_or_size_is_refused_with_what_there_is(written: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        space_of(written)
