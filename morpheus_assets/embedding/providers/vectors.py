"""From a model's raw output to what the store takes: checked, float32, length 1."""

from typing import Any

import numpy as np

from morpheus_assets.embedding.errors import InvalidAnswer
from morpheus_assets.embedding.providers.answers import check_vectors
from morpheus_assets.embedding.spaces import Space


def unit_vectors(vectors: Any, count: int, space: Space) -> np.ndarray:
    """`vectors` as float32 [count, space.dimensions] of length 1; raises InvalidAnswer if unusable."""
    array = np.asarray(vectors, dtype=np.float64)
    expected = (count, space.dimensions)
    if array.shape != expected:
        raise InvalidAnswer(
            f"{space.key} was asked for {count} vectors of {space.dimensions} dimensions and gave an answer of shape"
            f" {array.shape}: check that the space names the model that is loaded."
        )
    check_vectors(array, space.key)
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)
