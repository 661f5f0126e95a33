"""Strips cut into pieces to look at: at flat bands where there are some, else in windows that overlap.

Nothing is dropped: the pieces cover the strip, crumbs join a neighbour, and none is higher than twice its width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from morpheus_assets.images.boxes import Box

STRIP_RATIO = 2.0
# In widths of the strip: what a piece is at best, what is too little to stand alone, what windows share.
_BEST = 1.2
_CRUMB = 0.35
_SHARED = 0.25
_WINDOW = 1.4
_FLAT = 14
_LOOKED_AT = 160
_GREYS = 32
# Mean difference of greys, at most, of two rows that lie beside each other; and the share of files at whose ends a
# picture goes on, at least, where they are as high as pages are.
_ALIKE = 10
_GOING_ON = 0.3


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


@dataclass(frozen=True)
class StripFile:
    """What tells whether a picture goes on in the next one: its size, and its first and last row (edge_rows)."""

    size: tuple[int, int]
    edges: bytes = b""


def edge_rows(page: Image.Image) -> bytes:
    """The first and the last row of a page in 32 greys each, one after the other."""
    width, height = page.size
    rows = [page.crop((0, top, width, top + 1)).convert("L") for top in (0, height - 1)]
    return b"".join(row.resize((_GREYS, 1), Image.Resampling.BOX).tobytes() for row in rows)


def joined_files(files: Sequence[StripFile]) -> list[range]:
    """Files that follow each other in one strip, as ranges; what stays alone is a range of one.

    They are of one width, and most of them tall, or a picture goes on from the end of one to the beginning of the next.
    A picture that ends at a file's end and another that begins there part two strips.
    """
    groups: list[range] = []
    start = 0
    for at in range(1, len(files) + 1):
        same_width = at < len(files) and files[at].size[0] == files[start].size[0]
        if same_width and _join(files[at - 1], files[at]) is not False:
            continue
        groups += _one_or_each(files, range(start, at))
        start = at
    return groups


def _one_or_each(files: Sequence[StripFile], run: range) -> list[range]:
    tall = sum(is_tall(files[at].size) for at in run)
    going_on = sum(_join(files[at], files[at + 1]) is True for at in run[:-1])
    if len(run) > 1 and (tall >= 0.5 * len(run) or going_on >= _GOING_ON * (len(run) - 1)):
        return [run]
    return [range(each, each + 1) for each in run]


def _join(file: StripFile, other: StripFile) -> bool | None:
    """True where a picture goes on in the other file, False where one ends and another begins; None: only paper."""
    if not file.edges or not other.edges:
        return None
    last = np.frombuffer(file.edges, dtype=np.uint8)[_GREYS:].astype(np.int16)
    first = np.frombuffer(other.edges, dtype=np.uint8)[:_GREYS].astype(np.int16)
    if max(np.ptp(last), np.ptp(first)) <= 2 * _FLAT:
        return None
    return bool(np.abs(last - first).mean() <= _ALIKE)


def strip_pieces(heights: Sequence[int], rows: StripRows) -> list[list[Box]]:
    """The pieces of a strip of files, for each file those that begin in it, in its own pixels.

    A piece that is lower than its file goes on in the next ones.
    """
    ends = np.cumsum(heights)
    found: list[list[Box]] = [[] for _ in heights]
    for left, top, right, bottom in pieces(rows):
        at = int(np.searchsorted(ends, top, side="right"))
        above = int(ends[at]) - heights[at]
        found[at].append((left, top - above, right, bottom - above))
    return found
