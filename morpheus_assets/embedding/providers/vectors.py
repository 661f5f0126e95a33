"""The last check before vectors leave an image provider: count, dimensions, finite, not zero, unit length."""

from typing import Any

import numpy as np

from morpheus_assets.embedding.errors import InvalidAnswer
from morpheus_assets.embedding.spaces import Space


def unit_vectors(vectors: Any, count: int, space: Space) -> np.ndarray:
    """`vectors` as float32 [count, space.dimensions] of length 1; raises InvalidAnswer if unusable."""
    try:
        array = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidAnswer(
            f"{space.key}: the answer holds no table of numbers; nothing was stored."
        ) from error
    expected = (count, space.dimensions)
    if array.shape != expected:
        raise InvalidAnswer(
            f"{space.key}: asked for {expected[0]} vectors of {expected[1]} dimensions and got an answer"
            f" of shape {array.shape}; nothing was stored."
        )
    if not np.isfinite(array).all():
        raise InvalidAnswer(f"{space.key}: the answer holds NaN or infinite numbers; nothing was stored.")
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    if count and not lengths.all():
        raise InvalidAnswer(f"{space.key}: the answer holds a zero vector; nothing was stored.")
    return (array / lengths).astype(np.float32)
