"""Voyage's multimodal embeddings: docs.voyageai.com/docs/multimodal-embeddings, POST /v1/multimodalembeddings."""

from decimal import Decimal
from typing import Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.multimodal import Content, MultimodalProvider, resolve_multimodal_space

# A request may have 1,000 inputs and 320,000 tokens, of which a panel takes up to 1,900 (560 pixels each); these many
# are about 8 MB of JPEG.
_INPUTS = 32
_NAME = "voyage_multimodal"
# A billion pixels cost $0.60, and 560 of them are counted as a token; a million tokens of text cost $0.12, which are
# few beside panels: docs.voyageai.com/docs/pricing, as usagepricing.com had it in November 2026.
_PRICE, _IMAGE_TOKENS = Decimal("0.336"), 1900
_MODELS = (
    EmbeddingModel(
        "voyage-multimodal-3.5",
        1024,
        32_000,
        _INPUTS,
        price=_PRICE,
        other_dimensions=(256, 512, 2048),
        image_tokens=_IMAGE_TOKENS,
    ),
    EmbeddingModel(
        "voyage-multimodal-3",
        1024,
        32_000,
        _INPUTS,
        price=_PRICE,
        note="older: voyage-multimodal-3.5 takes its place",
        image_tokens=_IMAGE_TOKENS,
    ),
)

PROVIDER = ProviderSpec(
    name=_NAME,
    purpose="image",
    kind="voyage",
    models=_MODELS,
    examples=("voyage_multimodal/voyage-multimodal-3.5",),
    resolve=lambda name, _: resolve_multimodal_space(_NAME, _MODELS, name),
    key_setting="voyage_api_key",
    base_url_setting="voyage_base_url",
    open=lambda space, options: VoyageMultimodalProvider(space, options),
)


class VoyageMultimodalProvider(MultimodalProvider):
    """Panels and descriptions in one space."""

    vendor = "Voyage"
    own_url = "https://api.voyageai.com/v1"
    key_setting = "VOYAGE_API_KEY"

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def path(self) -> str:
        """What follows the address."""
        return "/multimodalembeddings"

    def contents_payload(self, contents: list[Content], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        model = PROVIDER.model(self.space.model)
        size = {"output_dimension": self.space.dimensions} if model and model.other_dimensions else {}
        parts = [
            {"type": "image_base64", "image_base64": each.image} if each.image else {"type": "text", "text": each.text}
            for each in contents
        ]
        return {
            "model": self.served_as,
            "inputs": [{"content": [part]} for part in parts],
            "input_type": input_type,
            "truncation": False,
            "output_encoding": "base64",
            **size,
        }
