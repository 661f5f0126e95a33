"""A page's regions: the page itself, its panels in reading order, and tiles where the cut is doubtful.

Nothing is lost by a doubtful cut: the whole page is always a region, and thirds and quarters lie over what the cutter
may have missed; so do quarters over a large panel.
"""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from morpheus_assets.images.boxes import Box, area, shared_area
from morpheus_assets.images.panel_cutting import find_panels
from morpheus_assets.images.reading_order import Direction, reading_order

# Raised by hand whenever the boxes of a page may come out otherwise.
CUTTER_VERSION = "5"
Kind = Literal["page", "panel", "piece", "tile", "given"]

_SNAP = 4
# A model sees some 224 pixels: a tile below that shows nothing new.
_LEAST_TILE = 224
_OVERLAP = 0.1
_LARGE = 0.5
_LARGE_PANEL = 0.4
# Of the longer side to the other: a scroll or a strip, of which a third would be a line.
_WIDE = 2.0
_MOST_OF_IT = 0.9
_LITTLE_COVERED = 0.7
_LEAST_COVERED = 0.6
_OVERLAPPING = 0.15


@dataclass(frozen=True)
class CutRegion:
    """A part of a page: its kind, its box in pixels of the upright page, and how sure the cutter is of it (0 to 1)."""

    kind: Kind
    box: Box
    confidence: float = 1.0


@dataclass(frozen=True)
class PageCut:
    """The regions of one page in reading order, the page first, and why the cut is doubtful: short phrases."""

    regions: tuple[CutRegion, ...]
    doubts: tuple[str, ...] = ()


def cut_page(page: Image.Image, direction: Direction = "ltr") -> PageCut:
    """Cut an upright RGB page of ordinary shape; strips are strips.py's."""
    width, height = page.size
    found = find_panels(page)
    boxes = [snapped(box, page.size) for box in found.boxes]
    doubts = _doubts(boxes, page.size, found.left_out)
    order = reading_order(boxes, direction)
    sure = 0.5 if doubts else 0.9
    panels = [boxes[i] for i in order if area(boxes[i]) < _MOST_OF_IT * width * height]
    tiles: list[Box] = []
    if found.left_out > 1 - _LITTLE_COVERED:
        # What is closed within a drawing that goes on around it is a face or a balloon, and no panel.
        panels, tiles = [], panels
    regions = [CutRegion("page", (0, 0, width, height))]
    if doubts and min(page.size) < 2 * _LEAST_TILE and width <= _WIDE * height:
        # A single picture, as small as a panel is.
        return PageCut(tuple(regions))
    regions += [CutRegion("panel", box, sure) for box in panels]
    tiles += [snapped(box, page.size) for box in found.undivided if area(box) < _LARGE * width * height]
    if doubts:
        tiles += _tiles(page.size, direction)
    else:
        tiles += [tile for box in panels if _may_hold_insets(box, page.size) for tile in _grid(box, 2, 2, direction)]
    regions += [CutRegion("tile", box, 0.0) for box in dict.fromkeys(tiles) if box not in panels]
    return PageCut(tuple(regions), tuple(doubts))


def uncut_page(size: tuple[int, int], direction: Direction, doubt: str) -> PageCut:
    """The page and its tiles alone, where nothing could be found for a reason."""
    whole = CutRegion("page", (0, 0, *size))
    if min(size) < 2 * _LEAST_TILE:
        return PageCut((whole,), (doubt,))
    return PageCut((whole, *(CutRegion("tile", box, 0.0) for box in _tiles(size, direction))), (doubt,))


def snapped(box: Box, size: tuple[int, int]) -> Box:
    """The box grown to whole steps of 4 pixels, within the page: a cutter that moves an edge by one moves nothing."""
    left, top = box[0] // _SNAP * _SNAP, box[1] // _SNAP * _SNAP
    right, bottom = -(-box[2] // _SNAP) * _SNAP, -(-box[3] // _SNAP) * _SNAP
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def _may_hold_insets(panel: Box, size: tuple[int, int]) -> bool:
    """True for a panel so large that a small one within it is not seen in it, and whose quarters show more."""
    large = area(panel) >= _LARGE_PANEL * size[0] * size[1]
    return large and min(panel[2] - panel[0], panel[3] - panel[1]) >= 2 * _LEAST_TILE


def _doubts(boxes: list[Box], size: tuple[int, int], left_out: float) -> list[str]:
    whole = size[0] * size[1]
    doubts = []
    if len(boxes) < 2:
        doubts.append("one panel or none was found")
    if left_out > 1 - _LITTLE_COVERED:
        doubts.append(f"{left_out:.0%} of what is drawn lies in no panel")
    if len(boxes) > 1 and _covered(boxes) < _LEAST_COVERED * area(_around(boxes)):
        doubts.append("much lies between the panels")
    if any(area(box) > _LARGE * whole for box in boxes) and len(boxes) > 1:
        doubts.append("one panel takes more than half of the page")
    shared = sum(shared_area(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    if shared > _OVERLAPPING * sum(map(area, boxes)):
        doubts.append("panels lie over each other")
    return doubts


def _tiles(size: tuple[int, int], direction: Direction) -> list[Box]:
    """Thirds and quarters of the page, each a little larger than its share, in reading order; of a long one squares."""
    width, height = size
    page = (0, 0, width, height)
    if max(size) > _WIDE * min(size):
        return _grid(page, max(1, round(width / height)), max(1, round(height / width)), direction)
    return [*_grid(page, 1, 3, direction), *_grid(page, 2, 2, direction)]


def _grid(within: Box, columns: int, rows: int, direction: Direction) -> list[Box]:
    """Tiles of a box that lie over each other a little, in reading order."""
    x0, y0, x1, y1 = within
    width, height = (x1 - x0) / columns, (y1 - y0) / rows
    spare_x, spare_y = _OVERLAP * width, _OVERLAP * height
    boxes = []
    for row in range(rows):
        for column in range(columns) if direction == "ltr" else reversed(range(columns)):
            left, top = x0 + width * column, y0 + height * row
            box = (
                max(x0, round(left - spare_x)),
                max(y0, round(top - spare_y)),
                min(x1, round(left + width + spare_x)),
                min(y1, round(top + height + spare_y)),
            )
            boxes.append(snapped(box, (x1, y1)))
    return boxes


def _around(boxes: list[Box]) -> Box:
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _covered(boxes: list[Box]) -> int:
    """About how much the boxes cover together."""
    shared = sum(shared_area(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    return sum(map(area, boxes)) - shared
