"""In which order the boxes of a page are read, from left to right or from right to left; boxes in, indices out.

Rows first, then columns within a row, as deep as it goes (recursive X-Y cut over boxes, after Nagy and Seth, 1984).
Boxes of slanted or overlapping panels share a strip: a cut may run through up to a third of the smaller of two.
"""

import itertools
from collections.abc import Sequence
from typing import Literal

from morpheus_assets.images.boxes import Box, area, shared_area

Direction = Literal["ltr", "rtl"]

_SHARED = 0.34
# Columns are read before rows where they stand this many times farther apart, as in strips of four panels.
_COLUMNS_FIRST = 2.0
_LEAST_ROWS = 3


def reading_order(boxes: Sequence[Box], direction: Direction = "ltr") -> list[int]:
    """Indices of `boxes` (left, top, right, bottom) as they are read. A box that lies in another follows it."""
    outer = [i for i in range(len(boxes)) if not any(_lies_in(boxes[i], boxes[j], i, j) for j in range(len(boxes)))]
    order = _ordered(boxes, outer, direction)
    inner = [i for i in range(len(boxes)) if i not in set(outer)]
    for i in _ordered(boxes, inner, direction):
        holder = max((j for j in outer if _lies_in(boxes[i], boxes[j], i, j)), key=order.index, default=order[-1])
        at = order.index(holder) + 1
        while at < len(order) and order[at] not in outer:
            at += 1
        order.insert(at, i)
    return order


def _lies_in(box: Box, other: Box, i: int, j: int) -> bool:
    if i == j or area(box) >= area(other) or (box == other and i < j):
        return False
    return shared_area(box, other) > 0.85 * area(box)


def _ordered(boxes: Sequence[Box], indices: list[int], direction: Direction) -> list[int]:
    if len(indices) < 2:
        return indices
    rows, columns = _split(boxes, indices, 1), _split(boxes, indices, 0)
    if direction == "rtl":
        columns.reverse()
    parts = columns if len(rows) == 1 or _columns_first(boxes, rows, columns) else rows
    if len(parts) > 1:
        return [i for part in parts for i in _ordered(boxes, part, direction)]
    side = 0 if direction == "ltr" else 2
    sign = 1 if direction == "ltr" else -1
    height = max(boxes[i][3] - boxes[i][1] for i in indices)
    # Nothing separates them: by the upper edge, and near each other in height by the side that is read first.
    first = min(indices, key=lambda i: boxes[i][1] / max(1, height) + sign * boxes[i][side] / 1e6)
    level = [i for i in indices if boxes[i][1] - boxes[first][1] < 0.2 * height]
    level.sort(key=lambda i: (sign * boxes[i][side], boxes[i][1]))
    rest = [i for i in indices if i != level[0]]
    return [level[0], *_ordered(boxes, rest, direction)]


def _split(boxes: Sequence[Box], indices: list[int], axis: int) -> list[list[int]]:
    """Groups along an axis (0 across, 1 down) such that no box reaches far into the next group."""
    ordered = sorted(indices, key=lambda i: boxes[i][axis] + boxes[i][axis + 2])
    groups, at = [], 1
    start = 0
    while at < len(ordered):
        before, after = ordered[start:at], ordered[at:]
        if all(_apart(boxes[i], boxes[j], axis) for i in ordered[:at] for j in after):
            groups.append(before)
            start = at
        at += 1
    groups.append(ordered[start:])
    return groups


def _apart(first: Box, second: Box, axis: int) -> bool:
    shared = first[axis + 2] - second[axis]
    least = min(first[axis + 2] - first[axis], second[axis + 2] - second[axis])
    return shared <= _SHARED * least


def _columns_first(boxes: Sequence[Box], rows: list[list[int]], columns: list[list[int]]) -> bool:
    if len(columns) < 2 or len(rows) < _LEAST_ROWS or any(len(row) != len(columns) for row in rows):
        return False
    between_rows, between_columns = _gap(boxes, rows, 1), _gap(boxes, columns, 0)
    return between_columns > 0 and between_columns >= _COLUMNS_FIRST * max(between_rows, 1)


def _gap(boxes: Sequence[Box], groups: list[list[int]], axis: int) -> float:
    ordered = sorted(groups, key=lambda group: min(boxes[i][axis] for i in group))
    gaps = [
        min(boxes[i][axis] for i in after) - max(boxes[i][axis + 2] for i in before)
        for before, after in itertools.pairwise(ordered)
    ]
    return sum(gaps) / len(gaps)
