"""All regions of one page, whoever decides: the author, then a person, then the cutter, then tiles.

Strips are cut into pieces and may come in bands; a spread is cut half by half, in reading order.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from PIL import Image

from morpheus_assets.images.boxes import Box
from morpheus_assets.images.page_cutting import CUTTER_VERSION, CutRegion, PageCut, cut_page, snapped
from morpheus_assets.images.reading_order import Direction
from morpheus_assets.images.strips import is_tall, look_at_rows, pieces

AUTHOR, PERSON = "author", "person"
# Of width to height: two pages side by side, where nothing else says so.
_SPREAD = (1.25, 1.7)
_LEAST_SPREAD = 800
# What is told to be a spread is one, unless its halves would be nothing.
_LEAST_NAMED_SPREAD = 64
# Of a spread's width: on either side of the fold, what lies there of a panel that was drawn over it.
_OVER_THE_FOLD = 0.05


class PagePixels(Protocol):
    """An upright RGB page: its size, its bands from top to bottom, and a part of it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def bands(self) -> Iterable[Image.Image]:
        """The page from top to bottom."""

    def crop(self, box: Box) -> Image.Image:
        """A part of the page."""


def regions_of(
    page: PagePixels,
    direction: Direction = "ltr",
    *,
    spread: bool = False,
    frames: Sequence[Box] = (),
    corrected: Sequence[Box] | None = None,
) -> tuple[PageCut, str]:
    """The regions of a page, and whose they are: "author", "person" or the cutter's version.

    `frames` are the author's boxes, `corrected` a person's (None: nobody looked; none: it is one picture).
    """
    width, height = page.size
    whole = CutRegion("page", (0, 0, width, height))
    given = [*frames] if frames else corrected
    if given is not None:
        boxes = [snapped(box, page.size) for box in given]
        kept = [box for box in boxes if box[2] > box[0] and box[3] > box[1] and box != whole.box]
        return PageCut((whole, *(CutRegion("given", box) for box in kept))), AUTHOR if frames else PERSON
    if is_tall(page.size):
        found = pieces(look_at_rows(page.bands()))
        return PageCut((whole, *(CutRegion("piece", box) for box in found if box != whole.box))), CUTTER_VERSION
    image = page.crop(whole.box)
    looks_so = _SPREAD[0] <= width / height <= _SPREAD[1] and width >= _LEAST_SPREAD
    if looks_so or (spread and width >= _LEAST_NAMED_SPREAD):
        return _cut_spread(image, direction), CUTTER_VERSION
    return cut_page(image, direction), CUTTER_VERSION


def _cut_spread(image: Image.Image, direction: Direction) -> PageCut:
    """The halves of a spread as pieces, in reading order, each followed by its own panels and tiles.

    Where panels run over the fold, and the cut of the spread as a whole leaves no doubt, all its panels follow instead.
    """
    width, height = image.size
    middle = width // 2 // 4 * 4
    halves = [(0, 0, middle, height), (middle, 0, width, height)]
    if direction == "rtl":
        halves.reverse()
    whole = cut_page(image, direction)
    if not whole.doubts and any(_over_the_fold(region, width) for region in whole.regions):
        return PageCut((whole.regions[0], *(CutRegion("piece", half) for half in halves), *whole.regions[1:]))
    regions = [whole.regions[0]]
    doubts: list[str] = []
    for left, top, right, bottom in halves:
        cut = cut_page(image.crop((left, top, right, bottom)), direction)
        regions.append(CutRegion("piece", (left, top, right, bottom)))
        for region in cut.regions[1:]:
            x0, y0, x1, y1 = region.box
            regions.append(CutRegion(region.kind, (left + x0, y0, left + x1, y1), region.confidence))
        doubts += [doubt for doubt in cut.doubts if doubt not in doubts]
    return PageCut(tuple(regions), tuple(doubts))


def _over_the_fold(region: CutRegion, width: int) -> bool:
    left, _, right, _ = region.box
    return region.kind == "panel" and min(width / 2 - left, right - width / 2) > _OVER_THE_FOLD * width
