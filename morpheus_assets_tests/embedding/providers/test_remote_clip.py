"""The remote CLIP provider against an endpoint that speaks RunPod's protocol, over real HTTP on loopback."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import (
    ConfigurationError,
    InputRefused,
    RequestTooLarge,
)
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.remote_clip import open_provider
from morpheus_assets_tests.embedding.providers.clip_endpoint import (
    DIMENSIONS,
    KEY,
    PANEL,
    Endpoint,
    embed,
    opened,
    worker,
)


def test_panels_are_sent_as_a_job_and_come_back_as_unit_vectors_in_order(space: Space, endpoint: Endpoint) -> None:
    endpoint.statuses = ["IN_QUEUE", "IN_PROGRESS"]
    blue = Image.new("RGB", (3000, 2000), "blue")
    vectors = embed(opened(space, endpoint), [PANEL, lambda: blue])
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0].argmax() == 0
    assert vectors[1].argmax() == 3, "a large panel is sent fitted into 1024 pixels"
    assert endpoint.requests == [
        ("POST", "/v2/abc/run"),
        ("GET", "/v2/abc/status/job-1"),
        ("GET", "/v2/abc/status/job-1"),
    ]
    assert endpoint.keys == {f"Bearer {KEY}"}
    assert endpoint.inputs[0]["modality"] == "image"


def test_a_query_is_answered_in_one_exchange(space: Space, endpoint: Endpoint) -> None:
    vectors = embed(opened(space, endpoint), ["a cat", "a sleeping cat"], "query")
    assert vectors.shape == (2, DIMENSIONS)
    assert endpoint.requests == [("POST", "/v2/abc/runsync")]
    assert endpoint.inputs[0] == {"model": "my-clip", "input": ["a cat", "a sleeping cat"], "modality": "text"}


def test_a_query_that_meets_a_cold_start_is_polled_for(space: Space, endpoint: Endpoint) -> None:
    endpoint.statuses = ["IN_QUEUE", "IN_QUEUE", "IN_PROGRESS"]
    assert embed(opened(space, endpoint), ["a cat"], "query").shape == (1, DIMENSIONS)
    assert endpoint.requests[0] == ("POST", "/v2/abc/runsync")
    assert len(endpoint.requests) == 4


def test_results_in_another_order_are_put_back_by_their_index(space: Space, endpoint: Endpoint) -> None:
    def reversed_worker(job_input: dict[str, Any]) -> dict[str, Any]:
        answer = worker(job_input)
        answer["data"].reverse()
        return answer

    texts = ["a", "bb" * 30]
    straight = embed(opened(space, endpoint), texts, "query")
    endpoint.work = reversed_worker
    assert np.allclose(embed(opened(space, endpoint), texts, "query"), straight)


def test_panels_that_exceed_the_request_limit_together_are_not_sent(space: Space, endpoint: Endpoint) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    with pytest.raises(RequestTooLarge, match="10,000,000"):
        embed(opened(space, endpoint), [Image.fromarray(noise)] * 12)
    assert endpoint.requests == []


def test_a_panel_that_cannot_be_opened_is_refused_by_its_position(space: Space, endpoint: Endpoint) -> None:
    def broken() -> Image.Image:
        raise OSError("gone")

    with pytest.raises(InputRefused) as refused:
        embed(opened(space, endpoint), [PANEL, broken])
    assert refused.value.index == 1


def test_a_missing_key_or_address_is_named(space: Space) -> None:
    with pytest.raises(ConfigurationError, match="MORPHEUS_REMOTE_CLIP_API_KEY"):
        open_provider(space, ProviderOptions(base_url="https://api.runpod.ai/v2/abc"))
    with pytest.raises(ConfigurationError, match="MORPHEUS_REMOTE_CLIP_URL"):
        open_provider(space, ProviderOptions(api_key=KEY))
