"""A floor of similarity that a person can name: more alike than so many of the stored passages or pictures, in percent.

Cosines mean nothing by themselves: of one model strangers have .1, of another .75.
"""

from statistics import NormalDist

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.domain.unit_vectors import unit_rows
from morpheus_assets.store.spaces.vectors import iter_vectors

# Vectors lie by their hash, so the first ones are drawn at random.
SAMPLE = 256
# Fewer say nothing about the rest.
_FEWEST = 20


def sample_of(engine: Engine, space: SpaceRow) -> np.ndarray:
    """Stored vectors of a space that stand for all: float32 [up to 256, dimensions], of length 1."""
    vectors = next(iter_vectors(engine, space, rows_at_once=SAMPLE), ([], np.empty((0, space.dimensions))))[1]
    return unit_rows(vectors.astype(np.float32))


def least_cosine(vector: np.ndarray, sample: np.ndarray, percent: float) -> float:
    """The cosine to `vector` [dimensions] that `percent` of all stored vectors do not reach; -1 where few are stored.

    Cosines to one vector are about normally distributed, so that 99.99 can be told from 256 of them.
    """
    if len(sample) < _FEWEST:
        return -1.0
    cosines = sample @ (vector / np.linalg.norm(vector))
    return float(cosines.mean() + cosines.std() * NormalDist().inv_cdf(percent / 100))
