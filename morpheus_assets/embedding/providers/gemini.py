"""Gemini's embeddings through its own face, which knows task types: ai.google.dev/gemini-api/docs/embeddings."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import EmbeddingModel, InputType, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.json_over_http import JsonProvider, read_json

if TYPE_CHECKING:
    from morpheus_assets.embedding.providers.responses import Answer

_INPUTS = 100
# What stands before a question to gemini-embedding-2, which knows no task types.
QUERY_TASK = "task: search result | query: "
_TASKS = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}

PROVIDER = ProviderSpec(
    name="gemini",
    purpose="text",
    kind="gemini",
    # Prices, not the batch rate: of 001 as developers.googleblog.com had it in July 2025, of 2 as openrouter.ai had it
    # in November 2026; Google's page of today, ai.google.dev/gemini-api/docs/pricing, is to be checked.
    models=(
        EmbeddingModel("gemini-embedding-001", 3072, 2048, _INPUTS, price=Decimal("0.15"), any_dimensions=True),
        # It knows no task types: the task stands before the text.
        EmbeddingModel(
            "gemini-embedding-2",
            3072,
            8192,
            _INPUTS,
            price=Decimal("0.20"),
            any_dimensions=True,
            document_prefix="title: none | text: ",
            query_prefix=QUERY_TASK,
        ),
    ),
    preparation="task type, unit norm",
    key_setting="gemini_api_key",
    tokens_per_cl100k=1.2,
    open=lambda space, options: GeminiProvider(space, options),
)


class GeminiProvider(JsonProvider):
    """Up to 100 texts a request; the tokens are not told, so they are estimated."""

    vendor = "Gemini"
    own_url = "https://generativelanguage.googleapis.com/v1beta"
    key_setting = "GEMINI_API_KEY"
    tokens_per_cl100k = 1.2

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        super().__init__(space, options, PROVIDER.model(space.model))

    def authorization(self, key: str, header: str | None) -> dict[str, str]:
        """The header that carries the key."""
        return {header or "x-goog-api-key": key}

    def path(self) -> str:
        """What follows the address."""
        return f"/models/{self.served_as}:batchEmbedContents"

    def payload(self, texts: list[str], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        task = {} if self.space.model == "gemini-embedding-2" else {"taskType": _TASKS[input_type]}
        return {
            "requests": [
                {
                    "model": f"models/{self.served_as}",
                    "content": {"parts": [{"text": text}]},
                    "outputDimensionality": self.space.dimensions,
                    **task,
                }
                for text in texts
            ]
        }

    def read(self, body: bytes, count: int) -> "Answer":
        """The vectors stand in `embeddings[].values`; only whole ones come with length 1."""
        return read_gemini(self, body, count)


def read_gemini(provider: JsonProvider, body: bytes, count: int) -> "Answer":
    """The checked vectors of an answer of batchEmbedContents, which does not tell the tokens."""
    entries = read_json(body, provider.vendor).get("embeddings")
    rows = [each.get("values") for each in entries] if isinstance(entries, list) else None
    return provider.read_rows(rows, count, None, unit_norm=True)
