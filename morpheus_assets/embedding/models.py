"""The models that the providers' tables list: found by name, what tokens cost, and how many a plan must reckon with.

Prices and limits stand in each provider's own file; identity is in spaces.py.
"""

import math
from decimal import Decimal

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.preparation import read_preparation
from morpheus_assets.embedding.providers.base import EmbeddingModel
from morpheus_assets.embedding.providers.registry import PROVIDERS, is_local

_MILLION = Decimal(1_000_000)
# One token for 3.4 characters of ASCII; each byte that a character takes beyond its first stands for 0.7 more, so that
# a Chinese character (3 bytes) comes to 1.7 tokens, as it was measured for cl100k.
_CHARACTERS_PER_TOKEN = 3.4
_TOKENS_PER_FURTHER_BYTE = 0.7


def find_model(provider: str, name: str) -> EmbeddingModel | None:
    """The known model of that name, or None."""
    spec = PROVIDERS.get(provider)
    return spec.model(name) if spec is not None else None


def model_note(space: Space) -> str:
    """What the vendor of a space's model says of it now, such as that another one takes its place; else empty."""
    model = find_model(space.provider, space.model)
    return f"{space.model} is {model.note}." if model is not None and model.note else ""


def known_models(provider: str | None = None) -> str:
    """The known models in words, of one provider or of all, as a person would write them in a setting."""
    return ", ".join(
        f"{spec.name}/{model.name}"
        for spec in PROVIDERS.values()
        if provider == spec.name or (provider is None and spec.purpose == "text")
        for model in spec.models
    )


def providers_of(model: str) -> list[str]:
    """The providers whose tables list a model of that name."""
    return [spec.name for spec in PROVIDERS.values() if spec.purpose == "text" and spec.model(model) is not None]


def price_of(space: Space, tokens: int) -> Decimal | None:
    """Dollars for `tokens` in `space`: 0 for a local model, None where no price is known."""
    model = find_model(space.provider, space.model)
    if model is None:
        return Decimal(0) if is_local(space) else None
    return None if model.price is None else model.price * tokens / _MILLION


def estimate_tokens(space: Space, *, inputs: int, word_pieces: int, characters: int, octets: int) -> int:
    """Tokens that `inputs` will cost in `space`, for plans, which must not read every text or picture.

    0 for pictures where nothing is known of the model. Of texts:
    `octets` is their length in UTF-8. Over and not under for prose, as packing estimates each text by itself.
    """
    if space.purpose == "image":
        model = find_model(space.provider, space.model)
        return inputs * model.image_tokens if model is not None else 0
    spec = PROVIDERS.get(space.provider)
    if spec is not None and spec.counts_word_pieces:
        return word_pieces
    # What stands before each text is paid for with it.
    prefix = read_preparation(space.preparation).document_prefix
    characters, octets = characters + inputs * len(prefix), octets + inputs * len(prefix.encode())
    tokens = characters / _CHARACTERS_PER_TOKEN + (octets - characters) * _TOKENS_PER_FURTHER_BYTE
    return math.ceil(tokens * (spec.tokens_per_cl100k if spec is not None else 1.0)) + inputs
