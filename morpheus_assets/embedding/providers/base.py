"""What a provider is, and how one is opened for a space.

Each provider is a module of its own; it is imported, with its SDK, only when a space asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.rate_limits import ObservedLimits

if TYPE_CHECKING:
    import numpy as np

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

    embeddings: "np.ndarray"
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


def open_text_provider(
    space: Space,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout_seconds: float = 60.0,
    torch_threads: int | None = None,
) -> EmbeddingProvider:
    """Open the provider of a text space; connects and loads nothing yet.

    `api_key` and `base_url` are those of the space's provider (local models need neither); `timeout_seconds`
    is the overall deadline of one request. Raises ConfigurationError when the key is missing.
    """
    if space.provider == "openai":
        from morpheus_assets.embedding.providers.openai import OpenAIProvider

        return OpenAIProvider(space, api_key, base_url, timeout_seconds)
    if space.provider == "voyage":
        from morpheus_assets.embedding.providers.voyage import VoyageProvider

        return VoyageProvider(space, api_key, base_url, timeout_seconds)
    if space.provider == "sentence-transformers":
        from morpheus_assets.embedding.providers.sentence_transformers import SentenceTransformersProvider

        return SentenceTransformersProvider(space, torch_threads)
    raise ConfigurationError(f"{space.key} is no text space: name one in MORPHEUS_TEXT_SPACES.")


def open_image_provider(space: Space, **options: Any) -> EmbeddingProvider:
    """Open the provider of an image space: it embeds images as documents and texts as queries.

    `options` are those of that provider's `open_provider`.
    """
    if space.provider == "open_clip":
        from morpheus_assets.embedding.providers import open_clip

        return open_clip.open_provider(space, **options)
    if space.provider == "remote_clip":
        from morpheus_assets.embedding.providers import remote_clip

        return remote_clip.open_provider(space, **options)
    raise ConfigurationError(f"{space.key} is no image space: name one in MORPHEUS_IMAGE_SPACES.")
