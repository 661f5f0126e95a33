"""Strips cut into pieces to look at: at flat bands where there are some, else in windows that overlap.

Nothing is dropped: the pieces cover the strip, crumbs join a neighbour, and none is higher than twice its width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from morpheus_assets.images.reading_order import Box

STRIP_RATIO = 2.0
# In widths of the strip: what a piece is at best, what is too little to stand alone, what windows share.
_BEST = 1.2
_CRUMB = 0.35
_SHARED = 0.25
_WINDOW = 1.4
_FLAT = 14
_LOOKED_AT = 160


def is_tall(size: tuple[int, int]) -> bool:
    """True when a page of (width, height) is higher than 2:1."""
    return size[1] > STRIP_RATIO * size[0]


@dataclass(frozen=True)
class StripRows:
    """Which rows of a strip are of one colour from edge to edge (bool [height]), and its width in pixels."""

    flat: Any
    width: int


def look_at_rows(bands: Iterable[Image.Image]) -> StripRows:
    """The flat rows of a strip that comes as RGB bands from top to bottom."""
    flat, width = [], 0
    for band in bands:
        width = band.width
        narrow = band.resize((min(band.width, _LOOKED_AT), band.height), Image.Resampling.BOX)
        values = np.asarray(narrow, dtype=np.int16)
        # All but a few pixels: a line at the edge, dust.
        low, high = np.percentile(values, (2, 98), axis=1)
        flat.append((high - low).max(axis=1) <= _FLAT)
    return StripRows(np.concatenate(flat) if flat else np.zeros(0, dtype=bool), width)


def pieces(rows: StripRows) -> list[Box]:
    """The boxes of a strip's pieces from top to bottom."""
    height, width = len(rows.flat), rows.width
    cuts = [0, *_cuts(rows.flat, max(3, round(0.01 * width))), height]
    spans: list[tuple[int, int]] = []
    for start, end in pairwise(cuts):
        # What is short joins the one before as long as both make a good piece.
        if spans and (
            end - spans[-1][0] <= _BEST * width or min(end - start, spans[-1][1] - spans[-1][0]) < _CRUMB * width
        ):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return [(0, top, width, bottom) for start, end in spans for top, bottom in _windows(start, end, width)]


def _cuts(flat: Any, least: int) -> list[int]:
    """The middles of the flat bands of at least so many rows."""
    change = np.flatnonzero(np.diff(np.concatenate(([False], flat, [False]))))
    bands = zip(change[::2].tolist(), change[1::2].tolist(), strict=True)
    return [(a + b) // 2 for a, b in bands if b - a >= least and a > 0 and b < len(flat)]


def _windows(start: int, end: int, width: int) -> list[tuple[int, int]]:
    """One stretch, or windows that overlap where it is higher than 2:1."""
    height = end - start
    if height <= STRIP_RATIO * width:
        return [(start, end)]
    window = max(1, round(_WINDOW * width))
    count = max(2, -(-(height - round(_SHARED * width)) // max(1, window - round(_SHARED * width))))
    step = (height - window) / (count - 1)
    return [(start + round(at * step), start + round(at * step) + window) for at in range(count)]


def joined_files(sizes: Sequence[tuple[int, int]]) -> list[range]:
    """Files that follow each other in one strip: three or more of one width, most of them tall or cut at one height.

    `sizes` are (width, height) in reading order; what stays alone is a range of one.
    """
    groups: list[range] = []
    start = 0
    for at in range(1, len(sizes) + 1):
        if at < len(sizes) and sizes[at][0] == sizes[start][0]:
            continue
        run = sizes[start:at]
        tall = sum(is_tall(size) for size in run)
        if len(run) > 1 and tall >= 0.5 * len(run):
            groups.append(range(start, at))
        else:
            groups += [range(each, each + 1) for each in range(start, at)]
        start = at
    return groups
