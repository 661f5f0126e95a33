"""The paper between the panels of a page: masks of what may be it, by the rim's colour, white and black.

A page may lie on the dark bed of a scanner, and its paper is darker at the spine.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from morpheus_assets.images.flooding import reached_from

# A rim that takes more of the page than this is the paper of the panels, and no bed of a scanner.
_MOST_OF_A_BED = 0.3
_MOST_OF_A_SLIVER = 0.06
# Shares of a side that a bed measures at one of them, or differs by along it; how light a sheet of paper is (of 255).
_BED = 0.025
_ASKEW = 0.008
_LEAST_LIGHT = 130


def papers(pixels: Any) -> Iterator[Any]:
    """Masks of what may be the paper between the panels, the likeliest first: the rim's colour, white, black.

    `pixels` is [h, w, 3] of int16; a mask is [h, w] of bool.
    """
    height, width = pixels.shape[:2]
    edge = max(2, round(0.012 * min(height, width)))
    sides = [pixels[:edge], pixels[-edge:], pixels[:, :edge], pixels[:, -edge:]]
    rim = np.concatenate([side.reshape(-1, 3) for side in sides])
    colours: list[Any] = []
    common, share = commonest(rim)
    tried = []
    if share > 0.3:
        alike = rim[np.abs(rim - common).max(axis=1) <= 32]
        spread = float(np.abs(alike - common).max(axis=1).mean())
        colours.append(common)
        # The side at the spine is darker, and a page may lie on the black of the scanner.
        beds: list[Any] = []
        for side in sides:
            other, part = commonest(side.reshape(-1, 3))
            away = np.abs(other - common).max()
            if part > 0.5 and away > 24:
                (colours if away <= 60 else beds).append(other)
        tolerance = min(56, max(26, 4.5 * spread))
        tried.append(common)
        rim_paper = near_any(pixels, colours, tolerance)
        if beds:
            bed = reached_from(near_any(pixels, beds, tolerance), rim_of(rim_paper))
            if bed.mean() < _MOST_OF_A_SLIVER:
                rim_paper |= grown(bed, 2)
        yield rim_paper
        around = _behind(pixels, rim_paper)
        if around is not None:
            yield around
    for level in (255, 0):
        if all(np.abs(colour - level).max() > 60 for colour in tried):
            yield near_any(pixels, [np.array([level] * 3)], 40)


def _behind(pixels: Any, bed: Any) -> Any:
    """The rim's colour with that of a sheet of paper that lies on it, as on the bed of a scanner; None without one."""
    height, width = bed.shape
    outside = reached_from(bed, rim_of(bed))
    # The sheet's edge is mixed of both colours: some pixels behind it the paper begins.
    mixed, rim = grown(outside, 3), grown(outside, max(8, round(0.012 * min(height, width))))
    found = pixels[rim & ~mixed]
    if len(found) < height + width or outside.mean() > _MOST_OF_A_BED or not _is_bed(outside):
        return None
    paper, share = commonest(found)
    if share < 0.5 or paper.mean() < _LEAST_LIGHT:
        return None
    spread = float(np.abs(found[np.abs(found - paper).max(axis=1) <= 32] - paper).max(axis=1).mean())
    return mixed | near_any(pixels, [paper], min(56, max(38, 5 * spread)))


def _is_bed(outside: Any) -> bool:
    """False for the line of a frame at the very edge: a bed is wider at some side, or a sheet lies askew on it."""
    for side in (outside, outside[::-1], outside.T, outside.T[::-1]):
        depth = np.where(side.all(axis=0), len(side), (~side).argmax(axis=0)) / len(side)
        low, middle, high = np.percentile(depth, (10, 50, 90))
        if middle >= _BED or high - low >= _ASKEW:
            return True
    return False


def rim_of(mask: Any) -> Any:
    """The outermost pixels."""
    rim = np.zeros_like(mask)
    rim[0], rim[-1], rim[:, 0], rim[:, -1] = True, True, True, True
    return rim


def grown(mask: Any, by: int) -> Any:
    """The mask and all within so many pixels of it, over sides and corners."""
    for axis in (0, 1):
        padded = np.pad(mask, [(by + 1, by) if at == axis else (0, 0) for at in (0, 1)])
        counts = np.cumsum(padded, axis=axis, dtype=np.int32)
        size = mask.shape[axis]
        upper, lower = (np.take(counts, np.arange(start, start + size), axis=axis) for start in (2 * by + 1, 0))
        mask = upper > lower
    return mask


def commonest(values: Any) -> tuple[Any, float]:
    """The commonest colour of [n, 3], as the median of what is near it, and the share of that."""
    bins = (values >> 4).astype(np.int32)
    keys = (bins[:, 0] << 8) | (bins[:, 1] << 4) | bins[:, 2]
    top = int(np.bincount(keys, minlength=4096).argmax())
    centre = np.array([(top >> 8) & 15, (top >> 4) & 15, top & 15]) * 16 + 8
    alike = values[np.abs(values - centre).max(axis=1) <= 24]
    colour = np.median(alike, axis=0).astype(np.int16)
    return colour, float((np.abs(values - colour).max(axis=1) <= 24).mean())


def near_any(pixels: Any, colours: list[Any], tolerance: float) -> Any:
    """Where a pixel is near one of several colours (bool [h, w]), each of which is [3]."""
    found = np.zeros(pixels.shape[:2], dtype=bool)
    for colour in colours:
        found |= near(pixels, colour.astype(np.int16), tolerance)
    return found


def near(pixels: Any, colour: Any, tolerance: float) -> Any:
    """Where each of the three channels is within a tolerance of a colour, or of one a row (bool [h, w])."""
    found = np.ones(pixels.shape[:-1], dtype=bool)
    for channel in range(3):
        found &= np.abs(pixels[..., channel] - colour[..., channel]) <= tolerance
    return found
