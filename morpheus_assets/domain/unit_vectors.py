"""Vectors scaled to length 1, and the cosine of two of any length."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def unit_rows(rows: "np.ndarray") -> "np.ndarray":
    """The rows [n, d] at length 1, as floats of the precision given; a row of zeros stays one."""
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)


def cosine(one: "np.ndarray", other: "np.ndarray") -> float:
    """The cosine of two vectors [d], neither of them of zeros."""
    import numpy as np

    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
