"""Novels like a novel: cosines of their centred mean vectors, the passages that are most alike, and some variety.

Raw means are all alike (.84 to .89 over eighteen novels): what every novel has is taken away first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.unit_vectors import unit_rows

FEWEST_TO_CENTRE = 3
VARIETY = 0.3
"""Weight of unlikeness to what is listed already (maximal marginal relevance, Carbonell and Goldstein 1998)."""


@dataclass(frozen=True)
class Likeness:
    """Another novel and how like it is: -1 to 1 over centred means; of two novels alone, the plain cosine."""

    novel: str
    similarity: float


@dataclass(frozen=True)
class PassagePair:
    """The rows of two matrices that are most alike, and their cosine."""

    mine: int
    other: int
    similarity: float


def most_like(novel: str, means: Mapping[str, Any], k: int, least: float = -1.0) -> list[Likeness]:
    """Up to `k` of the others above `least`, each chosen for its likeness less its likeness to those before it.

    `means` are one vector [dimensions] a novel, of any length but zero; [] when `novel` has none.
    """
    import numpy as np

    names = [name for name in sorted(means) if np.any(means[name])]
    if novel not in names or len(names) < 2:
        return []
    vectors = unit_rows(np.asarray([means[name] for name in names], dtype=np.float64))
    if len(names) > FEWEST_TO_CENTRE:
        vectors = unit_rows(vectors - vectors.mean(axis=0))
    similar = vectors @ vectors.T
    place = names.index(novel)
    left = [index for index in range(len(names)) if index != place and similar[place, index] > least]
    chosen: list[int] = []
    while left and len(chosen) < k:
        worth = {
            index: (1 - VARIETY) * similar[place, index]
            - VARIETY * max((similar[index, other] for other in chosen), default=0.0)
            for index in left
        }
        best = max(left, key=lambda index: (worth[index], names[index]))
        chosen.append(best)
        left.remove(best)
    return [Likeness(names[index], round(float(similar[place, index]), 4)) for index in chosen]


def closest_passages(mine: Any, other: Any, k: int) -> list[PassagePair]:
    """The `k` pairs of rows that are most alike, no row twice; `mine` [n, d] and `other` [m, d] of any length."""
    import numpy as np

    if not len(mine) or not len(other):
        return []
    similar = unit_rows(np.asarray(mine, dtype=np.float32)) @ unit_rows(np.asarray(other, dtype=np.float32)).T
    pairs: list[PassagePair] = []
    for _ in range(min(k, *similar.shape)):
        row, column = np.unravel_index(int(similar.argmax()), similar.shape)
        pairs.append(PassagePair(int(row), int(column), round(float(similar[row, column]), 4)))
        similar[row, :] = -2
        similar[:, column] = -2
    return pairs
