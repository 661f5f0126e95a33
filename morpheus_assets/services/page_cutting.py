"""Cuts the pages of a novel that have no regions yet, or those of another version: decoded, cut, hashed.

Pages whose picture, boxes and version are those of the last cut are not even read.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.images.books.values import UnreadableBook
from morpheus_assets.images.corrections import FILE_NAME, Corrections, read_corrections
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.page_version import CUT_VERSION
from morpheus_assets.images.reading_order import Direction
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.sources.base import Entry, FileUnreadable, Source
from morpheus_assets.sources.names import MAX_PANEL_BYTES
from morpheus_assets.store.content.regions import Region

if TYPE_CHECKING:
    from PIL import Image

_THREADS = 2
Boxes = Sequence[tuple[int, int, int, int]]


@dataclass(frozen=True)
class CutPage:
    """The regions of one page, what they were made of, and why the cut is doubtful; `regions` None: as they were.

    `problem` is a sentence where the page could not be read; `picture` the page in small with its boxes, numbered,
    where the cut is doubtful.
    """

    page: PanelRecord
    regions: tuple[Region, ...] | None
    cut_of: str
    doubts: tuple[str, ...] = ()
    problem: str | None = None
    picture: "Image.Image | None" = None


def corrections_of(source: Source, files: Sequence[Entry]) -> Corrections:
    """A person's boxes of a novel's pages, from regions.tsv in its folder."""
    for file in files:
        if file.path.partition("/")[2].lower() == FILE_NAME:
            try:
                data = source.read(file.path, MAX_PANEL_BYTES)
            except FileUnreadable as error:
                return Corrections(problems=(str(error),))
            return read_corrections(data or b"")
    return Corrections()


def cut_pages(reader: PageReader, pages: Sequence[PanelRecord], corrected: Mapping[str, Boxes]) -> Iterator[CutPage]:
    """Each page once, in order; what is cut already comes without regions."""

    def look(page: PanelRecord) -> CutPage:
        boxes = corrected.get(_name(page))
        cut_of = _made_of(page, boxes)
        if page.cut_of == cut_of:
            return CutPage(page, None, cut_of)
        try:
            return _cut(reader, page, boxes, cut_of)
        except (RefusedImage, UnreadableBook, FileUnreadable) as error:
            return CutPage(page, None, cut_of, problem=str(error))

    with ThreadPoolExecutor(_THREADS) as threads:
        try:
            yield from threads.map(look, pages)
        finally:
            threads.shutdown(cancel_futures=True)


def _cut(reader: PageReader, page: PanelRecord, boxes: Boxes | None, cut_of: str) -> CutPage:
    from morpheus_assets.images.page_regions import regions_of
    from morpheus_assets.images.previews import boxed_page
    from morpheus_assets.images.shaping import region_hash

    pixels = reader.page(page.path, page.entry, page.content_hash)
    direction: Direction = "rtl" if page.direction == "rtl" else "ltr"
    frames: Boxes = [(box[0], box[1], box[2], box[3]) for box in page.frames]
    cut, cutter = regions_of(pixels, direction, spread=page.spread, frames=frames, corrected=boxes)
    regions = tuple(
        Region(at, each.kind, *each.box, each.confidence, cutter, region_hash(pixels.crop(each.box)))
        for at, each in enumerate(cut.regions)
    )
    picture = None
    if cut.doubts:
        shown = [each.box for each in cut.regions if each.kind in ("panel", "piece", "given")]
        picture = boxed_page(pixels.crop((0, 0, *pixels.size)), shown)
    return CutPage(page, regions, cut_of, cut.doubts, picture=picture)


def _made_of(page: PanelRecord, boxes: Boxes | None) -> str:
    """All that decides the regions of a page, beside its picture."""
    told = hashlib.sha256(repr((page.frames, None if boxes is None else tuple(boxes))).encode()).hexdigest()[:12]
    return f"{CUT_VERSION} {page.direction} {'spread' if page.spread else 'page'} {told}"


def _name(page: PanelRecord) -> str:
    """How a person names a page in regions.tsv."""
    within = page.path.partition("/")[2]
    return f"{within}/{page.entry}" if page.entry else within
