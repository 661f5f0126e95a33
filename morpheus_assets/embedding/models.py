"""The text models that are known by name: dimensions, limits and prices, as their vendors publish them.

What tokens cost in a space, and how many a plan must reckon with. Identity is in spaces.py.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from morpheus_assets.domain.spaces import Space


@dataclass(frozen=True)
class TextModel:
    """One model: `dimensions` is its own default, `price` is dollars per million tokens (None: not known).

    `other_dimensions`: further sizes it can be asked for; `any_dimensions`: every size up to its default.
    `max_input_tokens` counts text tokens without the model's special ones; `max_inputs` and
    `max_request_tokens` bound one request.
    """

    provider: str
    name: str
    dimensions: int
    max_input_tokens: int | None
    max_inputs: int
    max_request_tokens: int | None
    price: Decimal | None
    other_dimensions: tuple[int, ...] = ()
    any_dimensions: bool = False
    revision: str = ""

    def allows(self, dimensions: int) -> bool:
        """Whether the model can be asked for vectors of this size."""
        if self.any_dimensions:
            return 1 <= dimensions <= self.dimensions
        return dimensions == self.dimensions or dimensions in self.other_dimensions

    @property
    def allowed_dimensions(self) -> str:
        """The sizes it can be asked for, in words."""
        if self.any_dimensions:
            return f"1 to {self.dimensions}"
        return ", ".join(str(size) for size in sorted({self.dimensions, *self.other_dimensions}))


_OPENAI_INPUTS, _OPENAI_TOKENS = 2048, 300_000
_VOYAGE_INPUTS = 1000
_VOYAGE_SIZES = (256, 512, 2048)
LOCAL_INPUTS = 256


def _openai(name: str, dimensions: int, price: str, any_dimensions: bool = True) -> TextModel:
    return TextModel(
        "openai",
        name,
        dimensions,
        8192,
        _OPENAI_INPUTS,
        _OPENAI_TOKENS,
        Decimal(price),
        any_dimensions=any_dimensions,
    )


def _voyage(
    name: str,
    request_tokens: int,
    price: str,
    input_tokens: int = 32_000,
    sizes: tuple[int, ...] = _VOYAGE_SIZES,
) -> TextModel:
    return TextModel(
        "voyage",
        name,
        1024,
        input_tokens,
        _VOYAGE_INPUTS,
        request_tokens,
        Decimal(price),
        other_dimensions=sizes,
    )


def _local(name: str, dimensions: int, max_input_tokens: int, revision: str = "") -> TextModel:
    return TextModel(
        "sentence-transformers",
        name,
        dimensions,
        max_input_tokens,
        LOCAL_INPUTS,
        None,
        Decimal(0),
        revision=revision,
    )


PACKAGED_MODEL = "all-MiniLM-L6-v2"
# The sha256 of model.safetensors, the same file on the hub and in the package that brings it along.
PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Prices: developers.openai.com/api/docs/pricing and docs.voyageai.com/docs/pricing, not the batch rate.
TEXT_MODELS: tuple[TextModel, ...] = (
    _openai("text-embedding-3-large", 3072, "0.13"),
    _openai("text-embedding-3-small", 1536, "0.02"),
    _openai("text-embedding-ada-002", 1536, "0.10", any_dimensions=False),
    _voyage("voyage-4-large", 120_000, "0.12"),
    _voyage("voyage-4", 320_000, "0.06"),
    _voyage("voyage-4-lite", 1_000_000, "0.02"),
    _voyage("voyage-3-large", 120_000, "0.18"),
    _voyage("voyage-3.5", 320_000, "0.06"),
    _voyage("voyage-3.5-lite", 1_000_000, "0.02"),
    _voyage("voyage-code-3", 120_000, "0.18"),
    _voyage("voyage-finance-2", 120_000, "0.12", sizes=()),
    _voyage("voyage-law-2", 120_000, "0.12", input_tokens=16_000, sizes=()),
    _local(PACKAGED_MODEL, 384, 254, PACKAGED_WEIGHTS_SHA256[:16]),
    _local("all-MiniLM-L12-v2", 384, 126),
    _local("all-mpnet-base-v2", 768, 382),
    _local("multi-qa-MiniLM-L6-cos-v1", 384, 510),
)


def find_model(provider: str, name: str) -> TextModel | None:
    """The known model of that name, or None."""
    return next((model for model in TEXT_MODELS if (model.provider, model.name) == (provider, name)), None)


def known_models(provider: str | None = None) -> str:
    """The known models in words, of one provider or of all, as a person would write them in a setting."""
    return ", ".join(f"{model.provider}/{model.name}" for model in TEXT_MODELS if provider in (None, model.provider))


_MILLION = Decimal(1_000_000)


def price_of(space: Space, tokens: int) -> Decimal | None:
    """Dollars for `tokens` in `space`: 0 for a local model, None where no price is known."""
    model = find_model(space.provider, space.model)
    if model is None:
        return Decimal(0) if space.provider in ("sentence-transformers", "open_clip") else None
    return None if model.price is None else model.price * tokens / _MILLION


# One token for 3.4 characters of ASCII; each byte that a character takes beyond its first stands for 0.7 more, so that
# a Chinese character (3 bytes) comes to 1.7 tokens, as it was measured for cl100k.
_CHARACTERS_PER_TOKEN = 3.4
_TOKENS_PER_FURTHER_BYTE = 0.7
_VOYAGE = 1.2


def estimate_tokens(space: Space, *, inputs: int, word_pieces: int, characters: int, octets: int) -> int:
    """Tokens that `inputs` texts will cost in `space`; `octets` is their length in UTF-8. 0 for images."""
    if space.purpose == "image":
        return 0
    if space.provider == "sentence-transformers":
        return word_pieces
    tokens = characters / _CHARACTERS_PER_TOKEN + (octets - characters) * _TOKENS_PER_FURTHER_BYTE
    return math.ceil(tokens * (_VOYAGE if space.provider == "voyage" else 1.0)) + inputs
