"""Cuts the pages of a novel that have no regions yet, or those of another version: decoded, cut, hashed.

Pages whose picture, boxes and version are those of the last cut are not even read.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.images.books.values import UnreadableBook
from morpheus_assets.images.corrections import FILE_NAME, Corrections, read_corrections
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.page_version import CUT_VERSION
from morpheus_assets.images.reading_order import Direction
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.sources.base import Entry, FileUnreadable, Source
from morpheus_assets.sources.names import MAX_PANEL_BYTES, page_name
from morpheus_assets.store.content.regions import Region

if TYPE_CHECKING:
    from PIL import Image

    from morpheus_assets.images.page_cutting import PageCut
    from morpheus_assets.images.page_pixels import Page

_THREADS = 2
Boxes = Sequence[tuple[int, int, int, int]]


@dataclass(frozen=True)
class CutPage:
    """The regions of one page, what they were made of, and why the cut is doubtful; `regions` None: as they were.

    `problem` is a sentence where the page could not be read or cut; `picture` the page in small with its boxes,
    numbered, where the cut is doubtful.
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

    def look(group: Sequence[PanelRecord]) -> list[CutPage]:
        strip = hashlib.sha256(b"".join(page.content_hash or b"" for page in group)).hexdigest()[:12]
        given = [corrected.get(page_name(page.path, page.entry)) for page in group]
        of_strip = strip if len(group) > 1 else ""
        made = [_made_of(page, boxes, of_strip) for page, boxes in zip(group, given, strict=True)]
        done = [CutPage(page, None, cut_of) for page, cut_of in zip(group, made, strict=True)]
        if all(page.cut_of == cut_of for page, cut_of in zip(group, made, strict=True)):
            return done
        try:
            try:
                if len(group) > 1:
                    return list(_cut_strip(reader, group, made))
                return [_cut(reader, group[0], given[0], made[0])]
            except (ArithmeticError, LookupError, TypeError, ValueError) as fault:
                return [_uncut(reader, page, cut_of, fault) for page, cut_of in zip(group, made, strict=True)]
        except (RefusedImage, UnreadableBook, FileUnreadable) as error:
            return [replace(done[0], problem=str(error)), *done[1:]]

    with ThreadPoolExecutor(_THREADS) as threads:
        try:
            for found in threads.map(look, _strips(pages, corrected)):
                yield from found
        finally:
            threads.shutdown(cancel_futures=True)


def _cut(reader: PageReader, page: PanelRecord, boxes: Boxes | None, cut_of: str) -> CutPage:
    from morpheus_assets.images.page_regions import regions_of
    from morpheus_assets.images.previews import boxed_page

    pixels = reader.page(page.path, page.entry, page.content_hash)
    direction = _direction_of(page)
    frames: Boxes = [(box[0], box[1], box[2], box[3]) for box in page.frames]
    cut, cutter = regions_of(pixels, direction, spread=page.spread, frames=frames, corrected=boxes)
    regions = _hashed(pixels, cut, cutter)
    picture = None
    if cut.doubts:
        shown = [each.box for each in cut.regions if each.kind in ("panel", "piece", "given")]
        picture = boxed_page(pixels.crop((0, 0, *pixels.size)), shown)
    return CutPage(page, regions, cut_of, cut.doubts, picture=picture)


def _uncut(reader: PageReader, page: PanelRecord, cut_of: str, fault: Exception) -> CutPage:
    """The page with tiles alone: a fault of the cutter's own must not cost the novel its pages."""
    from morpheus_assets.images.page_cutting import CUTTER_VERSION, uncut_page

    pixels = reader.page(page.path, page.entry, page.content_hash)
    reason = f"the cutter failed with {type(fault).__name__}: {fault}"
    cut = uncut_page(pixels.size, _direction_of(page), reason)
    problem = (
        f"{page_name(page.path, page.entry)}: {reason}; it is searched as a whole and by tiles. Please report it with "
        f"the page, or note its panels in {FILE_NAME}."
    )
    return CutPage(page, _hashed(pixels, cut, CUTTER_VERSION), cut_of, cut.doubts, problem)


def _hashed(pixels: "Page", cut: "PageCut", cutter: str) -> tuple[Region, ...]:
    from morpheus_assets.images.shaping import region_hash

    return tuple(
        Region(at, each.kind, *each.box, each.confidence, cutter, region_hash(pixels.crop(each.box)))
        for at, each in enumerate(cut.regions)
    )


def _direction_of(page: PanelRecord) -> Direction:
    return "rtl" if page.direction == "rtl" else "ltr"


def _strips(pages: Sequence[PanelRecord], corrected: Mapping[str, Boxes]) -> Iterator[Sequence[PanelRecord]]:
    """The pages one by one, or several that are files of one strip; boxes that somebody gave keep a page apart."""
    from morpheus_assets.images.strips import StripFile, joined_files

    def place(page: PanelRecord) -> tuple[object, ...]:
        alone = page.frames or page.spread or page_name(page.path, page.entry) in corrected
        book = page.path if page.entry else page.path.rpartition("/")[0]
        return (page.id,) if alone else (book, PurePosixPath(page.entry).parent)

    for _, neighbours in groupby(pages, key=place):
        run = list(neighbours)
        files = [StripFile((page.width or 0, page.height or 0), page.edges) for page in run]
        for joined in joined_files(files):
            yield run[joined.start : joined.stop]


def _cut_strip(reader: PageReader, pages: Sequence[PanelRecord], made: Sequence[str]) -> Iterator[CutPage]:
    """The pages of one strip: each itself, and the pieces that begin in it, which may go on in the next ones."""
    import numpy as np

    from morpheus_assets.images.page_cutting import CUTTER_VERSION
    from morpheus_assets.images.shaping import region_hash
    from morpheus_assets.images.strips import StripRows, look_at_rows, strip_pieces

    def pixels(page: PanelRecord) -> "Page":
        return reader.page(page.path, page.entry, page.content_hash)

    sizes = [pixels(page).size for page in pages]
    rows = StripRows(np.concatenate([look_at_rows(pixels(page).bands()).flat for page in pages]), sizes[0][0])
    found = strip_pieces([height for _, height in sizes], rows)
    for at, (page, cut_of) in enumerate(zip(pages, made, strict=True)):
        whole = (0, 0, *sizes[at])
        boxes = [("page", whole), *(("piece", box) for box in found[at] if box != whole)]
        following = [(later.path, later.entry, (later.content_hash or b"").hex()) for later in pages[at + 1 :]]
        regions = []
        for number, (kind, box) in enumerate(boxes):
            part = reader.region(page.path, page.entry, page.content_hash, box, following)
            regions.append(Region(number, kind, *box, 1.0, CUTTER_VERSION, region_hash(part)))
        yield CutPage(page, tuple(regions), cut_of)


def _made_of(page: PanelRecord, boxes: Boxes | None, strip: str) -> str:
    """All that decides the regions of a page, beside its picture; `strip` stands for the files of one strip."""
    given = (page.frames, None if boxes is None else tuple(boxes), strip)
    told = hashlib.sha256(repr(given).encode()).hexdigest()[:12]
    return f"{CUT_VERSION} {page.direction} {'spread' if page.spread else 'page'} {told}"
