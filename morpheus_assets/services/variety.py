"""Variety among passages or panels like one: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from morpheus_assets.domain.unit_vectors import unit_rows
from morpheus_assets.store.search.hits import PanelHit, TextHit

Hit = TypeVar("Hit", TextHit, PanelHit)

# So many times what is shown is chosen from.
VARIETY_POOL = 4
# The part of likeness to what was asked for; the rest is unlikeness to what was chosen already.
_LIKENESS = 0.7


def most_varied(hits: Sequence[Hit], vectors: Mapping[bytes, np.ndarray], k: int) -> list[Hit]:
    """The k hits that are like the question and unlike each other, ranked anew; the first is the most like one.

    `hits` are in order of similarity; `vectors` float32 [dimensions] by content hash. One without a vector, or
    without a similarity, is left out.
    """
    known = [hit for hit in hits if hit.content_hash in vectors and hit.similarity is not None]
    if not known:
        return []
    every = unit_rows(np.stack([vectors[hit.content_hash] for hit in known]).astype(np.float32))
    likeness = np.array([hit.similarity for hit in known], dtype=np.float32)
    nearest_chosen = np.full(len(known), -1.0, dtype=np.float32)
    left = np.ones(len(known), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < k and left.any():
        worth = _LIKENESS * likeness - (1 - _LIKENESS) * (nearest_chosen if chosen else 0)
        best = int(np.argmax(np.where(left, worth, -np.inf)))
        chosen.append(best)
        left[best] = False
        nearest_chosen = np.maximum(nearest_chosen, every @ every[best])
    return [replace(known[index], rank=rank) for rank, index in enumerate(chosen, 1)]
