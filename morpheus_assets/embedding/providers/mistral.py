"""Mistral's embeddings: docs.mistral.ai/api/endpoint/embeddings."""

from decimal import Decimal
from typing import Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.json_over_http import JsonProvider

_INPUTS, _REQUEST_TOKENS, _FILL = 256, 16_384, 0.8

PROVIDER = ProviderSpec(
    name="mistral",
    purpose="text",
    kind="mistral",
    # Prices: not the batch rate; mistral-embed as in November 2026. codestral-embed's is that of
    # vercel.com/ai-gateway/models/codestral-embed (read in November 2026), and to be checked at mistral.ai/pricing.
    models=(
        EmbeddingModel("mistral-embed", 1024, 8192, _INPUTS, int(_REQUEST_TOKENS * _FILL), Decimal("0.10")),
        EmbeddingModel(
            "codestral-embed",
            1536,
            8192,
            _INPUTS,
            int(_REQUEST_TOKENS * _FILL),
            Decimal("0.15"),
            other_dimensions=(256, 512, 1024, 3072),
            note="made for code",
        ),
    ),
    key_setting="mistral_api_key",
    tokens_per_cl100k=1.2,
    open=lambda space, options: MistralProvider(space, options),
)


class MistralProvider(JsonProvider):
    """Up to 256 texts and 16,384 tokens a request; documents and queries are treated alike by these models."""

    vendor = "Mistral"
    own_url = "https://api.mistral.ai/v1"
    key_setting = "MISTRAL_API_KEY"
    tokens_per_cl100k = 1.2

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def payload(self, texts: list[str], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        model = PROVIDER.model(self.space.model)
        size = {"output_dimension": self.space.dimensions} if model and model.other_dimensions else {}
        return {"model": self.served_as, "input": texts, "encoding_format": "base64", **size}
