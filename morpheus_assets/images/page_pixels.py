"""A page's pixels: decoded whole, or where a strip has more of them than may be decoded at a time, in bands or scaled.

A PNG or TIFF is read in bands. A JPEG is scaled while it is decoded, and what is no larger than twice the bound after
it: a model looks at a piece of a strip at some 300 pixels.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from morpheus_assets.images.boxes import Box
from morpheus_assets.images.decoding import declared_size, decode_panel
from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.png_bands import PngBands, png_header
from morpheus_assets.images.scaled_decoding import is_held_whole
from morpheus_assets.images.strips import edge_rows, is_tall
from morpheus_assets.images.tiff_bands import TiffBands, tiff_bands

# How many times the bound a strip may hold that is read in bands, or scaled while it is decoded: some seconds of work.
MOST_BANDS = 16
# A progressive JPEG that is scaled takes up to 6 bytes a pixel all the same.
MOST_PROGRESSIVE = 4
# And one that is decoded whole, alone: as much as the two pages of the largest size that are decoded side by side.
MOST_WHOLE = 2
# Pixels of a part, and rows of a band.
_MOST_OF_A_PART = 24_000_000
_BAND = 2048


@dataclass(frozen=True)
class PageFacts:
    """What a page's picture is: its size upright, format and mode in the file, and what was done to it.

    `edges` are its first and last row (strips.edge_rows), b"" where it is not decoded whole.
    """

    width: int
    height: int
    format: str
    mode: str
    treatments: tuple[str, ...]
    edges: bytes = b""


@dataclass(frozen=True)
class WholePage:
    """A page in memory."""

    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    def bands(self) -> Iterator[Image.Image]:
        """The page at once."""
        yield self.image

    def crop(self, box: Box) -> Image.Image:
        """A part of the page; the page itself for the whole of it."""
        return self.image if box == (0, 0, *self.size) else self.image.crop(box)


@dataclass(frozen=True)
class BandedPage:
    """A strip that is decoded a band at a time; a part is held, never the whole."""

    rows: PngBands | TiffBands

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.rows.size

    def bands(self) -> Iterator[Image.Image]:
        """The page from top to bottom."""
        for _, band in self.rows.each():
            yield band

    def crop(self, box: Box) -> Image.Image:
        """A part of the page; a large one, which is only looked at small, by a whole factor smaller."""
        left, top, right, bottom = box
        factor = _smaller(box)
        part = Image.new("RGB", (-(-(right - left) // factor), -(-(bottom - top) // factor)))
        for start, band in self.rows.each(top, bottom):
            first = max(start, top)
            rows = band.crop((left, first - start, right, min(band.height, bottom - start)))
            shrunk = rows if factor == 1 else rows.resize((part.width, -(-rows.height // factor)), Image.Resampling.BOX)
            part.paste(shrunk, (0, (first - top) // factor))
        return part


@dataclass(frozen=True)
class ScaledPage:
    """A strip that is held at a half or a quarter of its size; its parts have theirs, and fewer details."""

    image: Image.Image
    size: tuple[int, int]

    def bands(self) -> Iterator[Image.Image]:
        """The page from top to bottom."""
        width, height = self.size
        rows = max(1, min(_BAND, _MOST_OF_A_PART // width))
        for top in range(0, height, rows):
            yield self._part((0, top, width, min(height, top + rows)))

    def crop(self, box: Box) -> Image.Image:
        """A part of the page; of the whole, which is only looked at, what is held."""
        return self.image if box == (0, 0, *self.size) else self._part(box)

    def _part(self, box: Box) -> Image.Image:
        across, down = self.image.width / self.size[0], self.image.height / self.size[1]
        held = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        factor = _smaller(box)
        size = -(-(box[2] - box[0]) // factor), -(-(box[3] - box[1]) // factor)
        return self.image.resize(size, Image.Resampling.BILINEAR, box=held)


Page = WholePage | BandedPage | ScaledPage


def _smaller(box: Box) -> int:
    """By what the sides of a part are divided so that it has no more pixels than a part may have."""
    return math.ceil(((box[2] - box[0]) * (box[3] - box[1]) / _MOST_OF_A_PART) ** 0.5)


def look_at_page(data: bytes, name: str, *, max_pixels: int) -> tuple[Page, PageFacts]:
    """A page from the bytes of a picture. Raises RefusedImage with a sentence that names the file and the way out."""
    banded = _banded(data, name, max_pixels)
    if banded is not None:
        return banded
    scaled = _scaled(data, name, max_pixels)
    if scaled is not None:
        return scaled
    panel = decode_panel(data, name, max_pixels=max_pixels)
    size, edges = (panel.width, panel.height), edge_rows(panel.image)
    return WholePage(panel.image), PageFacts(*size, panel.format, panel.mode, panel.treatments, edges)


def _banded(data: bytes, name: str, max_pixels: int) -> tuple[BandedPage, PageFacts] | None:
    """A strip over the bound whose rows can be decoded a band at a time; None for any other picture."""
    known = declared_size(data)
    if known is None or not is_tall(known.size) or known.size[0] * known.size[1] <= max_pixels:
        return None
    bands: PngBands | TiffBands | None = None
    if known.format == "PNG" and png_header(data) is not None:
        bands = PngBands(data, name)
    elif known.format == "TIFF":
        bands = tiff_bands(data, name)
    # One that lies on its side is not read in bands.
    if bands is None or bands.size != known.size:
        return None
    _check_most(name, known.size[0] * known.size[1], MOST_BANDS * max_pixels)
    return BandedPage(bands), PageFacts(*known.size, known.format, bands.mode, ("read in bands",))


def _scaled(data: bytes, name: str, max_pixels: int) -> tuple[ScaledPage, PageFacts] | None:
    """A strip over the bound that cannot be read in bands, scaled; None for any other picture."""
    known = declared_size(data)
    if known is None or not is_tall(known.size) or known.size[0] * known.size[1] <= max_pixels:
        return None
    width, height = known.size
    times = MOST_WHOLE
    if known.format == "JPEG":
        times = MOST_PROGRESSIVE if is_held_whole(data) else MOST_BANDS
    most = times * max_pixels
    _check_most(name, width * height, most)
    scale = 2 if width * height <= 4 * max_pixels else 4
    small = (-(-width // scale), -(-height // scale))
    panel = decode_panel(data, name, max_pixels=most, least=lambda _: small)
    image = panel.image if panel.image.size == small else panel.image.reduce(scale)
    facts = PageFacts(width, height, panel.format, panel.mode, (*panel.treatments, f"held at 1/{scale} of its size"))
    return ScaledPage(image, known.size), facts


def _check_most(name: str, pixels: int, most: int) -> None:
    if pixels > most:
        raise RefusedImage(
            f"{shown(name)} is a strip of {pixels:,} pixels, more than the {most:,} allowed for its format:"
            " cut it into files."
        )
