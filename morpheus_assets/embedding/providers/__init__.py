"""What a provider is, and how one is opened for a space.

Each provider is a module of its own; it is imported, with its SDK, only when a space asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from morpheus_assets.embedding.rate_limits import ObservedLimits
from morpheus_assets.embedding.spaces import Space

InputType = Literal["document", "query"]


@dataclass(frozen=True)
class ProviderLimits:
    """What one request may hold: inputs, tokens in all, tokens of one input (None: no such limit)."""

    max_inputs: int
    max_request_tokens: int | None = None
    max_input_tokens: int | None = None


@dataclass(frozen=True)
class EmbeddingResult:
    """A checked answer: float32 [n, dimensions] in the order of the inputs, none zero, all finite."""

    embeddings: np.ndarray
    model: str
    total_tokens: int
    limits: ObservedLimits | None = None


class EmbeddingProvider(Protocol):
    """Turns inputs of one space into vectors: one call is one request, without retries."""

    space: Space
    limits: ProviderLimits

    def estimate_tokens(self, text: str) -> int:
        """Tokens the provider will count for `text`: exact where it can be known, else never under."""

    async def embed(self, inputs: Sequence[Any], input_type: InputType) -> EmbeddingResult:
        """Embed texts (or PIL images) in one request; raises embedding.errors only."""

    async def close(self) -> None:
        """Give back connections; a later `embed` opens them again."""
