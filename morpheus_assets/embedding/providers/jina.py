"""Jina's embeddings, with its tasks for questions and passages: api.jina.ai/redoc, POST /v1/embeddings."""

from decimal import Decimal
from typing import Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.json_over_http import JsonProvider

_INPUTS = 512
_TASKS = {"document": "retrieval.passage", "query": "retrieval.query"}


def _model(name: str, dimensions: int, tokens: int, note: str = "") -> EmbeddingModel:
    return EmbeddingModel(name, dimensions, tokens, _INPUTS, price=Decimal("0.05"), any_dimensions=True, note=note)


PROVIDER = ProviderSpec(
    name="jina",
    purpose="text",
    kind="jina",
    # Price: for the smallest amount of tokens; jina.ai/embeddings named none where it was read in November 2026: to be
    # checked there.
    models=(
        _model("jina-embeddings-v5-text-small", 1024, 32_768),
        _model("jina-embeddings-v5-text-nano", 768, 32_768),
        _model("jina-embeddings-v4", 2048, 32_768, "older: jina-embeddings-v5-text-small takes its place for text"),
        _model("jina-embeddings-v3", 1024, 8192, "older: jina-embeddings-v5-text-small takes its place"),
    ),
    preparation="task",
    key_setting="jina_api_key",
    tokens_per_cl100k=1.2,
    open=lambda space, options: JinaProvider(space, options),
)


class JinaProvider(JsonProvider):
    """Up to 512 texts a request; a text that is too long is refused and never cut."""

    vendor = "Jina"
    own_url = "https://api.jina.ai/v1"
    key_setting = "JINA_API_KEY"
    tokens_per_cl100k = 1.2

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def payload(self, texts: list[str], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        return {
            "model": self.served_as,
            "input": texts,
            "task": _TASKS[input_type],
            "dimensions": self.space.dimensions,
            "embedding_type": "base64",
            "truncate": False,
        }
