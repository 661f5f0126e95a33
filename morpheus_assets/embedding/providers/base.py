"""The contract of a provider: its spec, the options that it is given, and the client that it opens for a space.

Nothing here knows a provider by name; the list of them is registry.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from morpheus_assets.domain.spaces import Precision, Purpose, Space, SpaceName
from morpheus_assets.embedding.rate_limits import ObservedLimits

if TYPE_CHECKING:
    import numpy as np

InputType = Literal["document", "query"]


@dataclass(frozen=True)
class ProviderLimits:
    """Limits of one request: inputs, tokens in all, tokens of one input (None: no such limit)."""

    max_inputs: int
    max_request_tokens: int | None = None
    max_input_tokens: int | None = None


@dataclass(frozen=True)
class EmbeddingResult:
    """A validated response: float32 [n, dimensions] in the order of the inputs, none zero, all finite.

    `counted` is False where the provider did not say what it charged, and `total_tokens` is estimated; `encoding` is
    how the vectors came, "base64" or "float" (empty: they did not come over HTTP).
    """

    embeddings: "np.ndarray"
    model: str
    total_tokens: int
    limits: ObservedLimits | None = None
    counted: bool = True
    encoding: str = ""


class EmbeddingProvider(Protocol):
    """Turns inputs of one space into vectors: one call is one request, without retries."""

    space: Space

    @property
    def limits(self) -> ProviderLimits:
        """Limits of a request; they may become smaller when the provider's answers show it."""

    def estimate_tokens(self, text: str) -> int:
        """Tokens the provider will count for `text`: exact where it can be known, else never under."""

    async def embed(self, inputs: Sequence[Any], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed texts (or PIL images) in one request; raises embedding.errors only.

        A tuple of texts is a document in passages, for models that take them together: a row for each passage.

        `patience` is how many times the ordinary deadline it may take.
        """

    async def close(self) -> None:
        """Give back connections; a later `embed` opens them again."""


@dataclass(frozen=True)
class EmbeddingModel:
    """A text model as its vendor publishes it: `dimensions` is its own default size of a vector.

    `max_input_tokens` is its context, counted without the model's special tokens; `max_inputs` and
    `max_request_tokens` bound one request; `price` is dollars per million tokens (None: not known).
    `other_dimensions`: further sizes it can be asked for; `any_dimensions`: every size up to its default.
    `revision` identifies weights of this machine; empty for a model that is served. The prefixes are those that it was
    trained with. `context_tokens`: it embeds the passages of a document together, so many tokens of them (None: each by
    itself). Models of one `family` give vectors that may be compared with each other. `note` is what its vendor
    says of it now, such as that another one takes its place. `image_tokens` are those of a panel, about and not under.
    """

    name: str
    dimensions: int
    max_input_tokens: int | None
    max_inputs: int
    max_request_tokens: int | None = None
    price: Decimal | None = None
    other_dimensions: tuple[int, ...] = ()
    any_dimensions: bool = False
    revision: str = ""
    document_prefix: str = ""
    query_prefix: str = ""
    context_tokens: int | None = None
    family: str = ""
    note: str = ""
    image_tokens: int = 0

    def allows(self, dimensions: int) -> bool:
        """True when the model can be asked for vectors of this size."""
        if self.any_dimensions:
            return 1 <= dimensions <= self.dimensions
        return dimensions == self.dimensions or dimensions in self.other_dimensions

    @property
    def allowed_dimensions(self) -> str:
        """The sizes it can be asked for, in words."""
        if self.any_dimensions:
            return f"1 to {self.dimensions}"
        return ", ".join(str(size) for size in sorted({self.dimensions, *self.other_dimensions}))


@dataclass(frozen=True)
class ProviderOptions:
    """Values of the settings that a provider may use; key and address are those that its spec or the space names.

    `key_name` and `address_name` are where a person finds these two (None: in the settings that the spec names).
    `served_as` is the model's name at the endpoint, `answers_as` are further names that its answers may give,
    `key_header` is the header that carries the key instead of a bearer token. `max_inputs` and `max_request_tokens`
    bound one request. `timeout_seconds` is the overall deadline of one request. `cache_folder` remembers the hashes of
    local weights (None: hash them each time); `configured` are the names of the settings' spaces of the provider's
    purpose.
    """

    api_key: str | None = None
    base_url: str | None = None
    key_name: str | None = None
    address_name: str | None = None
    served_as: str | None = None
    answers_as: tuple[str, ...] = ()
    key_header: str | None = None
    max_inputs: int | None = None
    max_request_tokens: int | None = None
    timeout_seconds: float = 60.0
    torch_threads: int | None = None
    cache_folder: Path | None = None
    precision: Precision = "fp32"
    configured: tuple[SpaceName, ...] = ()


@dataclass(frozen=True)
class BatchTerms:
    """What a provider's batch API asks for and takes: `share` of the ordinary price, an answer within `hours`.

    `max_inputs` and `max_file_bytes` bound one job.
    """

    share: Decimal
    hours: int
    max_inputs: int
    max_file_bytes: int = 200_000_000


@dataclass(frozen=True)
class ProviderSpec:
    """All that the rest of the project knows of a provider; importing it imports no SDK and no model library.

    `open` makes its client for a space; it connects and loads nothing yet, and raises ConfigurationError where a key
    or an address is missing. A text space is identified by the table of `models` (`other_models` says when a model
    outside it may be named, with its dimensions) and by `preparation`: what is done to an input, and how a query
    differs from a document; another one makes stored vectors stale. An image space is identified by `resolve`, with
    weights and preprocessing; `examples` are names of such spaces for error messages.

    `key_setting` and `base_url_setting` are fields of Settings. `is_local`: computes on this machine, without price and
    limits. `counts_word_pieces`: its tokens are the chunker's; else it counts `tokens_per_cl100k` times cl100k's.
    `kind` labels its assets in Dagster. `sdk` is the module whose import is most of what a first request waits for.
    `batch`: its client also has `batches()`, the jobs of its batch API.
    """

    name: str
    purpose: Purpose
    kind: str
    open: Callable[[Space, ProviderOptions], EmbeddingProvider]
    models: tuple[EmbeddingModel, ...] = ()
    other_models: Literal["never", "at an endpoint of one's own", "always"] = "never"
    preparation: str = "as is"
    resolve: Callable[[SpaceName, ProviderOptions], Space] | None = None
    aliases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    key_setting: str | None = None
    base_url_setting: str | None = None
    is_local: bool = False
    counts_word_pieces: bool = False
    tokens_per_cl100k: float = 1.0
    sdk: str = ""
    batch: BatchTerms | None = None

    def model(self, name: str) -> EmbeddingModel | None:
        """The model of that name from the table, or None."""
        return next((model for model in self.models if model.name == name), None)


def request_limits(
    options: ProviderOptions, max_inputs: int, max_request_tokens: int | None, max_input_tokens: int | None
) -> ProviderLimits:
    """The limits of a request: those that the space's options state, else the provider's own."""
    return ProviderLimits(
        options.max_inputs or max_inputs, options.max_request_tokens or max_request_tokens, max_input_tokens
    )
