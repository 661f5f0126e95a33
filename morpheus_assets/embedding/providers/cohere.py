"""Cohere's embeddings through its own face, which tells a question from a document: docs.cohere.com/reference/embed."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.json_over_http import JsonProvider, read_json

if TYPE_CHECKING:
    from morpheus_assets.embedding.providers.responses import Answer

_INPUTS = 96
_INPUT_TYPES = {"document": "search_document", "query": "search_query"}
_OLDER = "older: embed-v4.0 takes its place"


def _model(name: str, dimensions: int, tokens: int, price: str, **further: Any) -> EmbeddingModel:
    return EmbeddingModel(name, dimensions, tokens, _INPUTS, price=Decimal(price), **further)


PROVIDER = ProviderSpec(
    name="cohere",
    purpose="text",
    kind="cohere",
    # Prices: embed-v4 as on cohere.com/pricing in November 2026; those of v3 are to be checked there.
    models=(
        _model("embed-v4.0", 1536, 128_000, "0.12", other_dimensions=(256, 512, 1024)),
        _model("embed-multilingual-v3.0", 1024, 512, "0.10", note=_OLDER),
        _model("embed-english-v3.0", 1024, 512, "0.10", note=_OLDER),
        _model("embed-multilingual-light-v3.0", 384, 512, "0.10", note=_OLDER),
        _model("embed-english-light-v3.0", 384, 512, "0.10", note=_OLDER),
    ),
    preparation="input_type",
    key_setting="cohere_api_key",
    tokens_per_cl100k=1.2,
    open=lambda space, options: CohereProvider(space, options),
)


class CohereProvider(JsonProvider):
    """Up to 96 texts a request; a text that is too long is refused and never cut."""

    vendor = "Cohere"
    own_url = "https://api.cohere.com/v2"
    key_setting = "COHERE_API_KEY"
    tokens_per_cl100k = 1.2

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def path(self) -> str:
        """What follows the address."""
        return "/embed"

    def payload(self, texts: list[str], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        model = PROVIDER.model(self.space.model)
        size = {"output_dimension": self.space.dimensions} if model and model.other_dimensions else {}
        return {
            "model": self.served_as,
            "texts": texts,
            "input_type": _INPUT_TYPES[input_type],
            "embedding_types": ["float"],
            "truncate": "NONE",
            **size,
        }

    def read(self, body: bytes, count: int) -> "Answer":
        """The vectors stand in `embeddings.float`, the charged tokens in `meta.billed_units`."""
        return read_cohere(self, body, count)


def read_cohere(provider: JsonProvider, body: bytes, count: int) -> "Answer":
    """The checked vectors of an answer of /v2/embed, with the tokens of texts and pictures that are billed."""
    answer = read_json(body, provider.vendor)
    embeddings = answer.get("embeddings")
    rows = embeddings.get("float") if isinstance(embeddings, dict) else None
    meta = answer.get("meta")
    billed = meta.get("billed_units") if isinstance(meta, dict) else None
    counts = [billed.get(name) for name in ("input_tokens", "image_tokens")] if isinstance(billed, dict) else []
    known = [each for each in counts if type(each) is int]
    return provider.read_rows(rows, count, sum(known) if known else None)
