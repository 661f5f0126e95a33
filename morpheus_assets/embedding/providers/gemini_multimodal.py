"""Gemini's gemini-embedding-2 for panels: ai.google.dev/gemini-api/docs/embeddings, `batchEmbedContents`."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.gemini import QUERY_TASK, read_gemini
from morpheus_assets.embedding.providers.multimodal import Content, MultimodalProvider, resolve_multimodal_space
from morpheus_assets.embedding.providers.panel_jpegs import PREFIX

if TYPE_CHECKING:
    from morpheus_assets.embedding.providers.responses import Answer

# A request may have 20 MB; these many panels are about 8 MB of JPEG.
_INPUTS = 32
_NAME = "gemini_multimodal"
# A million tokens of pictures cost $0.45, and a picture $0.00012, as tokencost.app had Google's page in 2026; to be
# checked at ai.google.dev/gemini-api/docs/pricing.
_MODELS = (
    EmbeddingModel(
        "gemini-embedding-2", 3072, 8192, _INPUTS, price=Decimal("0.45"), any_dimensions=True, image_tokens=270
    ),
)

PROVIDER = ProviderSpec(
    name=_NAME,
    purpose="image",
    kind="gemini",
    models=_MODELS,
    examples=("gemini_multimodal/gemini-embedding-2@1536",),
    resolve=lambda name, _: resolve_multimodal_space(_NAME, _MODELS, name),
    key_setting="gemini_api_key",
    open=lambda space, options: GeminiMultimodalProvider(space, options),
)


class GeminiMultimodalProvider(MultimodalProvider):
    """Panels and descriptions in one space."""

    vendor = "Gemini"
    own_url = "https://generativelanguage.googleapis.com/v1beta"
    key_setting = "GEMINI_API_KEY"

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def authorization(self, key: str, header: str | None) -> dict[str, str]:
        """The header that carries the key."""
        return {header or "x-goog-api-key": key}

    def path(self) -> str:
        """What follows the address."""
        return f"/models/{self.served_as}:batchEmbedContents"

    def contents_payload(self, contents: list[Content], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        task = QUERY_TASK if input_type == "query" else ""
        parts = [
            {"inlineData": {"mimeType": "image/jpeg", "data": each.image.removeprefix(PREFIX)}}
            if each.image
            else {"text": task + each.text}
            for each in contents
        ]
        return {
            "requests": [
                {
                    "model": f"models/{self.served_as}",
                    "content": {"parts": [part]},
                    "outputDimensionality": self.space.dimensions,
                }
                for part in parts
            ]
        }

    def read(self, body: bytes, count: int) -> "Answer":
        """As for texts."""
        return read_gemini(self, body, count)
