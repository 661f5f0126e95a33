"""A page's pixels: decoded whole, or in bands where a strip has more of them than may be decoded at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from morpheus_assets.images.decoding import decode_panel
from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.png_bands import png_bands, png_header
from morpheus_assets.images.reading_order import Box
from morpheus_assets.images.strips import is_tall

# How many times the bound a strip may hold that is read in bands: some seconds of work.
MOST_BANDS = 16


@dataclass(frozen=True)
class PageFacts:
    """What a page's picture is: its size upright, format and mode in the file, and what was done to it."""

    width: int
    height: int
    format: str
    mode: str
    treatments: tuple[str, ...]


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
    """A PNG strip that is decoded a band at a time; a part is held, never the whole."""

    data: bytes
    name: str
    size: tuple[int, int]

    def bands(self) -> Iterator[Image.Image]:
        """The page from top to bottom."""
        for _, band in png_bands(self.data, self.name):
            yield band

    def crop(self, box: Box) -> Image.Image:
        """A part of the page; of the whole, which is only looked at, every so-manieth row and column."""
        left, top, right, bottom = box
        if (right - left) * (bottom - top) > _MOST_OF_A_PART:
            return self._small()
        part = Image.new("RGB", (right - left, bottom - top))
        for start, band in png_bands(self.data, self.name):
            if start + band.height > top:
                part.paste(band.crop((left, 0, right, band.height)), (0, start - top))
            if start + band.height >= bottom:
                break
        return part

    def _small(self) -> Image.Image:
        width, height = self.size
        factor = max(1, round((width * height / _MOST_OF_A_PART) ** 0.5))
        small = Image.new("RGB", (max(1, width // factor), max(1, height // factor)))
        for start, band in png_bands(self.data, self.name):
            shrunk = band.resize((small.width, max(1, round(band.height / factor))), Image.Resampling.BOX)
            small.paste(shrunk, (0, round(start / factor)))
        return small


_MOST_OF_A_PART = 24_000_000


def look_at_page(data: bytes, name: str, *, max_pixels: int) -> tuple[WholePage | BandedPage, PageFacts]:
    """A page from the bytes of a picture. Raises RefusedImage with a sentence that names the file and the way out."""
    banded = _banded(data, name, max_pixels)
    if banded is not None:
        width, height = banded.size
        return banded, PageFacts(width, height, "PNG", "RGB", ("read in bands",))
    panel = decode_panel(data, name, max_pixels=max_pixels)
    return WholePage(panel.image), PageFacts(panel.width, panel.height, panel.format, panel.mode, panel.treatments)


def _banded(data: bytes, name: str, max_pixels: int) -> BandedPage | None:
    header = png_header(data)
    if header is None or not is_tall((header.width, header.height)):
        return None
    pixels = header.width * header.height
    if pixels <= max_pixels:
        return None
    if pixels > MOST_BANDS * max_pixels:
        raise RefusedImage(
            f"{shown(name)} is a strip of {pixels:,} pixels, more than {MOST_BANDS * max_pixels:,}: cut it into files."
        )
    return BandedPage(data, name, (header.width, header.height))
