"""Cohere's embed-v4.0 for panels: docs.cohere.com/docs/multimodal-embeddings, POST /v2/embed with `inputs`."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.cohere import read_cohere
from morpheus_assets.embedding.providers.multimodal import Content, MultimodalProvider, resolve_multimodal_space

if TYPE_CHECKING:
    from morpheus_assets.embedding.providers.responses import Answer

# Up to 96 a request and 5 MB a panel; these many are about 8 MB of JPEG.
_INPUTS = 32
_NAME = "cohere_multimodal"
# Tokens of text cost $0.12 a million, as vercel.com had it in November 2026; those of pictures $0.47, to be checked at
# cohere.com/pricing. 512 pixels square are some 1,610 tokens (docs.oracle.com, cohere-embed-4), a panel's 1,024 up to
# four times as many.
_MODELS = (
    EmbeddingModel(
        "embed-v4.0",
        1536,
        128_000,
        _INPUTS,
        price=Decimal("0.47"),
        other_dimensions=(256, 512, 1024),
        image_tokens=6440,
    ),
)

PROVIDER = ProviderSpec(
    name=_NAME,
    purpose="image",
    kind="cohere",
    models=_MODELS,
    examples=("cohere_multimodal/embed-v4.0@1024",),
    resolve=lambda name, _: resolve_multimodal_space(_NAME, _MODELS, name),
    key_setting="cohere_api_key",
    open=lambda space, options: CohereMultimodalProvider(space, options),
)


class CohereMultimodalProvider(MultimodalProvider):
    """Panels and descriptions in one space."""

    vendor = "Cohere"
    own_url = "https://api.cohere.com/v2"
    key_setting = "COHERE_API_KEY"

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def path(self) -> str:
        """What follows the address."""
        return "/embed"

    def contents_payload(self, contents: list[Content], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        parts = [
            {"type": "image_url", "image_url": {"url": each.image}}
            if each.image
            else {"type": "text", "text": each.text}
            for each in contents
        ]
        return {
            "model": self.served_as,
            "inputs": [{"content": [part]} for part in parts],
            "input_type": "search_query" if input_type == "query" else "search_document",
            "embedding_types": ["float"],
            "output_dimension": self.space.dimensions,
            "truncate": "NONE",
        }

    def read(self, body: bytes, count: int) -> "Answer":
        """As for texts; what pictures cost is billed apart."""
        return read_cohere(self, body, count)
