"""Floods over masks with numpy alone: what is reached from seeds, and connected parts with their labels.

Both spread along whole runs of pixels, by rows and by columns in turn, until nothing changes: a handful of passes for
the gutters of a page, where a queue of pixels would take seconds.
"""

from typing import Any

import numpy as np

# Passes after which a maze of hatching is left as it is.
_MOST_PASSES = 80


def reached_from(mask: Any, seeds: Any) -> Any:
    """The pixels of `mask` (bool [h, w]) connected with `seeds` inside it, over sides and not over corners."""
    rows, columns = _Runs(mask), _Runs(mask.T)
    reached = mask & seeds
    count = int(reached.sum())
    for _ in range(_MOST_PASSES):
        reached = rows.touched(reached)
        reached = columns.touched(reached.T).T
        grown = int(reached.sum())
        if grown == count:
            break
        count = grown
    return reached


def connected_parts(mask: Any) -> Any:
    """Labels (int32 [h, w]) of the connected parts of `mask`: 0 outside, one positive number a part, with gaps."""
    labels = np.where(mask, np.arange(1, mask.size + 1, dtype=np.int32).reshape(mask.shape), 0)
    rows, columns = _Runs(mask), _Runs(mask.T)
    for _ in range(_MOST_PASSES):
        before = labels
        labels = columns.greatest(rows.greatest(labels).T).T
        if np.array_equal(before, labels):
            break
    return labels


class _Runs:
    """The runs of a mask along its rows, so that a value can be spread over each."""

    def __init__(self, mask: Any) -> None:
        self._shape = mask.shape
        # A column of nothing ends each row's last run.
        padded = np.zeros((mask.shape[0], mask.shape[1] + 1), dtype=bool)
        padded[:, :-1] = mask
        flat = padded.ravel()
        change = np.flatnonzero(np.diff(flat, prepend=False))
        self._starts, self._lengths = change[::2], change[1::2] - change[::2]
        self._flat = flat

    def touched(self, mask: Any) -> Any:
        """The runs that `mask` touches, whole."""
        return self._spread(mask, np.logical_or, False)

    def greatest(self, values: Any) -> Any:
        """The greatest value of each run on all of it."""
        return self._spread(values, np.maximum, 0)

    def _spread(self, values: Any, reduce: Any, nothing: Any) -> Any:
        padded = np.full((self._shape[0], self._shape[1] + 1), nothing, dtype=values.dtype)
        padded[:, :-1] = values
        if self._starts.size:
            flat = padded.ravel()
            flat[self._flat] = np.repeat(reduce.reduceat(flat[self._flat], self._offsets()), self._lengths)
        return padded[:, :-1]

    def _offsets(self) -> Any:
        return np.concatenate(([0], np.cumsum(self._lengths)[:-1]))
