"""What tokens cost in a space, by the vendors' published prices."""

from decimal import Decimal

from morpheus_assets.embedding.models import find_model
from morpheus_assets.embedding.spaces import Space

_MILLION = Decimal(1_000_000)


def price_of(space: Space, tokens: int) -> Decimal | None:
    """Dollars for `tokens` in `space`: 0 for a local model, None where no price is known."""
    model = find_model(space.provider, space.model)
    if model is None:
        return Decimal(0) if space.provider in ("sentence-transformers", "open_clip") else None
    return None if model.price is None else model.price * tokens / _MILLION
