"""Floods over masks with numpy alone: what is reached from seeds, and connected parts with their labels.

Both work on whole runs of pixels, joined with those below them: a queue of pixels would take seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


def reached_from(mask: Any, seeds: Any) -> Any:
    """The pixels of `mask` (bool [h, w]) connected with `seeds` inside it, over sides and not over corners."""
    runs = _Runs(mask)
    if not runs.starts.size:
        return np.zeros_like(mask)
    root = runs.roots()
    begun = np.zeros(root.size, dtype=bool)
    begun[root[runs.touched(seeds)]] = True
    return runs.filled(begun[root])


@dataclass(frozen=True)
class Parts:
    """The connected parts of a mask: `labels` (int32 [h, w], 0 outside), and of each its number, pixels and box."""

    labels: Any
    numbers: Any
    pixels: Any
    boxes: Any

    def each(self) -> Iterator[tuple[int, int, tuple[int, int, int, int]]]:
        """(number, pixels, (left, top, right, bottom)) of one part after the other."""
        boxes = map(tuple, self.boxes.tolist())
        yield from zip(self.numbers.tolist(), self.pixels.tolist(), boxes, strict=True)


def connected_parts(mask: Any) -> Parts:
    """The parts of `mask` (bool [h, w]) that are connected over sides: runs of pixels joined with those below them."""
    height, width = mask.shape
    runs = _Runs(mask)
    root = runs.roots()
    numbers, place = np.unique(root, return_inverse=True)
    rows, columns = np.divmod(runs.starts, width + 1)
    boxes = np.empty((numbers.size, 4), dtype=np.int64)
    boxes[:, :2], boxes[:, 2:] = max(height, width), 0
    for side, values, pick in (
        (0, columns, np.minimum),
        (1, rows, np.minimum),
        (2, columns + runs.lengths, np.maximum),
        (3, rows + 1, np.maximum),
    ):
        pick.at(boxes[:, side], place, values)
    pixels = np.bincount(place, weights=runs.lengths, minlength=numbers.size).astype(np.int64)
    labels = runs.filled((root + 1).astype(np.int32))
    return Parts(labels, numbers + 1, pixels, boxes)


class _Runs:
    """The runs of a mask along its rows, so that a value can be spread over each; rows are padded by one column."""

    def __init__(self, mask: Any) -> None:
        self._shape = mask.shape
        # A column of nothing ends each row's last run.
        padded = np.zeros((mask.shape[0], mask.shape[1] + 1), dtype=bool)
        padded[:, :-1] = mask
        flat = padded.ravel()
        change = np.flatnonzero(np.diff(flat, prepend=False))
        self.starts, self.lengths = change[::2], change[1::2] - change[::2]
        self._flat = flat
        self._offsets = np.cumsum(self.lengths) - self.lengths

    def roots(self) -> Any:
        """Of each run the number of the first one that it is connected with, over sides."""
        starts, ends, row = self.starts, self.starts + self.lengths, self._shape[1] + 1
        # In the padded rows a run lies above another when it begins before the other ends, and ends after it begins.
        first = np.searchsorted(ends, starts + row, side="right")
        last = np.searchsorted(starts, ends + row, side="left")
        below = np.maximum(last - first, 0)
        upper = np.repeat(np.arange(starts.size), below)
        lower = np.arange(upper.size) - np.repeat(np.cumsum(below) - below, below) + np.repeat(first, below)
        root = np.arange(starts.size)
        while upper.size:
            one, other = root[upper], root[lower]
            apart = one != other
            upper, lower, one, other = upper[apart], lower[apart], one[apart], other[apart]
            np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
            while True:
                farther = root[root]
                if np.array_equal(farther, root):
                    break
                root = farther
        return root

    def touched(self, mask: Any) -> Any:
        """Which runs `mask` touches (bool [runs]); there is one at least."""
        padded = np.zeros((self._shape[0], self._shape[1] + 1), dtype=bool)
        padded[:, :-1] = mask
        return np.logical_or.reduceat(padded.ravel()[self._flat], self._offsets)

    def filled(self, values: Any) -> Any:
        """A picture in which each run has its value, and the rest is 0."""
        flat = np.zeros(self._flat.size, dtype=values.dtype)
        flat[self._flat] = np.repeat(values, self.lengths)
        return flat.reshape(self._shape[0], self._shape[1] + 1)[:, :-1]
