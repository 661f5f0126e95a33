"""Tokens of many texts at once, from their summed sizes: for plans, which must not read every text.

Packing counts each text by itself (providers/texts.py); this is the same estimate, over and not under for prose.
"""

import math

from morpheus_assets.embedding.spaces import Space

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
