"""Texts before they are sent: estimates of their tokens, and a refusal of those that no provider can embed.

Estimates serve packing and budgets; the tokens charged are those of the response.
"""

import math
from collections.abc import Sequence

from morpheus_assets.embedding.errors import InputRefused

# cl100k on novels in English, French and Chinese: at least 3.5, 3.2 and 0.64 characters a token. Where a text
# is denser (nothing but punctuation or emoji) the provider says "too large" and the request is split.
_ASCII_PER_TOKEN = 3.4
_TOKENS_PER_OTHER = 1.7


def estimate_cl100k(text: str) -> int:
    """OpenAI's token count of `text`, estimated: over, not under, for prose in any script."""
    plain = len(text.encode("ascii", "ignore"))
    return math.ceil(plain / _ASCII_PER_TOKEN + (len(text) - plain) * _TOKENS_PER_OTHER) or 1


def refuse_unusable(texts: Sequence[str]) -> None:
    """Raise InputRefused for the first text that no provider can take: empty, or not encodable."""
    for index, text in enumerate(texts):
        if not text or text.isspace():
            raise InputRefused("The input is empty, so there is nothing to embed.", index)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputRefused("The input holds lone surrogates, which are no Unicode text.", index) from None
