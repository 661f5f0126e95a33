"""Inputs and short waits for the embedding tests; no fixtures, no assertions about behaviour."""

import asyncio
import hashlib
from collections.abc import Iterable

import numpy as np
import pytest

from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
from morpheus_assets.embedding.providers import registry
from morpheus_assets.embedding.providers.base import EmbeddingProvider, ProviderOptions
from morpheus_assets.embedding.queries import embed_query
from morpheus_assets.embedding.rate_limits import NoBudget, ObservedLimits
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

OPENAI, VOYAGE = "openai/text-embedding-3-small@256", "voyage/voyage-3.5@256"
both_vendors = pytest.mark.parametrize("space", [OPENAI, VOYAGE], ids=["openai", "voyage"])
KEY = "sk-secret-0123456789"
QUICK = RetryPolicy(first_wait=0.01, longest_wait=0.02, jitter=0.0, longest_retry_after=0.25, rate_limit_wait=0.01)


class RecordingBudget(NoBudget):
    """A budget without limits that keeps what it was told."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.settled: list[tuple[int, int]] = []
        self.observed: list[ObservedLimits] = []
        self.pauses: list[float] = []

    async def take(self, requests: int, tokens: int) -> None:
        self.taken.append(tokens)

    async def settle(self, estimated_tokens: int, actual_tokens: int) -> None:
        self.settled.append((estimated_tokens, actual_tokens))

    async def observe(self, limits: ObservedLimits) -> None:
        self.observed.append(limits)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def as_inputs(texts: Iterable[str]) -> list[EmbeddingInput]:
    return [EmbeddingInput(digest(text), text, 10) for text in texts]


def sentences(count: int, start: int = 0) -> list[str]:
    return [f"Sentence number {number} tells of ship {number * 7}." for number in range(start, start + count)]


def open_provider(name: str, base_url: str | None, timeout_seconds: float = 10.0) -> EmbeddingProvider:
    space = resolve_text_space(name, own_endpoints=["openai"])
    options = ProviderOptions(api_key=KEY, base_url=base_url, timeout_seconds=timeout_seconds)
    return registry.open_provider(space, options)


def run(
    provider: EmbeddingProvider, texts: Iterable[str], **options: object
) -> tuple[dict[bytes, np.ndarray], list[RefusedInput], Exception | None]:
    """Vectors by hash, refusals, and the error that ended the stream."""
    vectors: dict[bytes, np.ndarray] = {}
    refused: list[RefusedInput] = []
    options.setdefault("retry", QUICK)
    try:
        for result in embed_batches(provider, as_inputs(texts), **options):  # type: ignore[arg-type]
            if isinstance(result, EmbeddedBatch):
                assert not vectors.keys() & set(result.hashes)
                vectors.update(zip(result.hashes, result.embeddings, strict=True))
            elif isinstance(result, RefusedInput):
                refused.append(result)
    except Exception as error:
        return vectors, refused, error
    return vectors, refused, None


def ask(provider: EmbeddingProvider, text: str, **options: object) -> np.ndarray:
    """The vector of one query; the provider's connections are closed afterwards."""

    async def once() -> np.ndarray:
        try:
            return await embed_query(provider, text, **options)  # type: ignore[arg-type]
        finally:
            await provider.close()

    return asyncio.run(once())


def assert_right(vectors: dict[bytes, np.ndarray], texts: list[str], dimensions: int = 256) -> None:
    """Every vector is the one that belongs to its hash."""
    expected = dict(zip(map(digest, texts), vectors_of(texts, dimensions), strict=True))
    for content_hash, vector in vectors.items():
        np.testing.assert_array_equal(vector, expected[content_hash])
