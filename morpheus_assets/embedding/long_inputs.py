"""Inputs longer than a model takes: cut into parts, and one vector joined from those of the parts.

For texts that a person sends as they are; stored passages are cut by the text room and always fit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from morpheus_assets.embedding.errors import InputRefused
from morpheus_assets.embedding.providers.base import EmbeddingProvider

JOINED_BY = "mean of the parts weighted by their tokens, at unit length"

# Prose estimated at this much over the limit may still fit: the estimate errs upwards by up to a third.
_DOUBT = 1.35
# Parts are filled to this share: a local model's estimate is a rough one, and its limit is hard.
_FILL = 0.85
# Each further try has smaller parts: some text has more tokens to a character than any estimate says.
_SHRINKS = (1.0, 0.7, 0.45)

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """A piece of an input: `text == input[char_start:char_end]`, `tokens` by the provider's estimate."""

    char_start: int
    char_end: int
    text: str
    tokens: int


def surely_too_long(provider: EmbeddingProvider, text: str) -> bool:
    """True when the model cannot take `text` even if the estimate errs upwards by as much as it may."""
    limit = provider.limits.max_input_tokens
    return limit is not None and provider.estimate_tokens(text) > limit * _DOUBT


def split(provider: EmbeddingProvider, text: str, *, shrink: float = 1.0) -> list[Part]:
    """Parts that the model takes, cut where paragraphs or sentences end; `shrink` < 1 makes them smaller.

    Nothing but white space is left out between them.
    """
    from semantic_text_splitter import TextSplitter

    limit = provider.limits.max_input_tokens or 8192
    capacity = max(8, int(limit * _FILL * shrink))
    splitter = TextSplitter.from_callback(provider.estimate_tokens, capacity, trim=True)
    return [
        Part(start, start + len(piece), piece, provider.estimate_tokens(piece))
        for start, piece in splitter.chunk_indices(text)
    ]


async def by_parts(
    provider: EmbeddingProvider,
    text: str,
    embed: Callable[[Sequence[Part]], Awaitable[T]],
    *,
    refused: Exception | None = None,
) -> T:
    """The outcome of `embed` for the parts of `text`, which are made smaller as long as the model refuses one.

    `refused` is the error by which the model refused the whole text, None when it was not asked. Raises InputRefused.
    """
    for shrink in _SHRINKS:
        parts = await asyncio.to_thread(split, provider, text, shrink=shrink)
        if refused is not None and len(parts) == 1:
            continue
        try:
            return await embed(parts)
        except InputRefused as error:
            refused = error
    raise InputRefused(str(refused))


def join(embeddings: np.ndarray, tokens: list[int]) -> np.ndarray:
    """One float32 [dimensions] vector of length 1 from those of the parts, float32 [n, dimensions]."""
    mean = np.average(embeddings.astype(np.float64), axis=0, weights=np.maximum(tokens, 1))
    length = np.linalg.norm(mean)
    if length < 1e-9:
        # opposite parts cancel out: the longest one speaks for the whole
        return embeddings[int(np.argmax(tokens))]
    return (mean / length).astype(np.float32)
