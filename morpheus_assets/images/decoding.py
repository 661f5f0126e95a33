"""Bytes of a file → an upright 8-bit RGB panel, or one sentence that says why not.

The size is read from the header and refused before any pixel is decoded. Pixel layouts are in pixels.py,
things that are no images in signatures.py. An orientation that stands only in XMP is applied like one in EXIF
(Pillow's rule), also in PNG.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeGuard

from PIL import ExifTags, Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.pixels import to_rgb
from morpheus_assets.images.room import PixelRoom
from morpheus_assets.images.scaled_decoding import LeastSize, jpeg_scale
from morpheus_assets.images.signatures import foreign_content, image_kind
from morpheus_assets.tracing.spans import span

# Pillow knows 43 formats, some of which call other programs (EPS) or read other files: only these are tried.
ACCEPTED_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "ICO", "JPEG2000", "PPM")
# A 600 dpi double page, or a strip of 800 × 80,000. Peak memory for one such image, measured: JPEG 0.3 GB,
# 16-bit or float TIFF 0.9 GB, a WebP with alpha that has to be turned 1.3 GB.
DEFAULT_MAX_PIXELS = 64_000_000
# Two of the largest side by side, or thirty scanned pages: sixteen threads at the largest would need 20 GB.
_ROOM = PixelRoom(2 * DEFAULT_MAX_PIXELS)

_TURNS = {
    2: "mirrored",
    3: "turned by 180°",
    4: "flipped",
    5: "mirrored and turned by 270°",
    6: "turned by 90°",
    7: "mirrored and turned by 90°",
    8: "turned by 270°",
}
_FIRST_ON_ITS_SIDE = 5
_TILE_TAGS = (322, 323)


@dataclass(frozen=True)
class DecodedPanel:
    """An upright RGB image; `width` and `height` are its own, in pixels as shown; `mode` and `format` as in the file.

    `treatments` are short phrases: what was done to get from the file to `image`.
    """

    image: Image.Image
    width: int
    height: int
    mode: str
    format: str
    treatments: tuple[str, ...]


def decode_panel(data: bytes, name: str, *, max_pixels: int, least: LeastSize | None = None) -> DecodedPanel:
    """Decode the first frame of an image file; `name` serves for the sentences and is never trusted.

    With `least`, a JPEG may come at a half or a quarter of its size (scaled_decoding.py); None decodes whole.
    Raises RefusedImage, and nothing else, with a sentence that names the file and the way out.
    """
    with (
        _opened(data, name, max_pixels) as (opened, pixels),
        _ROOM.hold(pixels),
        span("decode picture", bytes=len(data), pixels=pixels),
    ):
        return _decode(opened, least)


@contextmanager
def _opened(data: bytes, name: str, max_pixels: int) -> Iterator[tuple[Image.Image, int]]:
    """A file whose header is read, and the pixels that it needs room for; whatever fails inside is a RefusedImage."""
    foreign = foreign_content(data)
    if foreign:
        raise RefusedImage(f"{shown(name)} {foreign}.")
    try:
        with _with_header_read(data) as opened:
            yield opened, _checked_size(opened, data, name, max_pixels)
    except RefusedImage:
        raise
    except Image.DecompressionBombError as error:
        raise RefusedImage(_too_large(name, _pixels_in(error), max_pixels)) from error
    except MemoryError as error:
        raise RefusedImage(f"{shown(name)} needs more memory than there is: save it smaller.") from error
    # Pillow's decoders raise OSError, ValueError, SyntaxError, IndexError, struct.error, zlib.error and more.
    except Exception as error:
        raise RefusedImage(_damaged(data, name, error)) from error


def _with_header_read(data: bytes) -> Image.Image:
    """As Image.open, without Pillow's own bound of 178 million pixels, which is one for the whole process.

    A caller's bound is met before a pixel is decoded, and a strip over it is decoded at a part of its size.
    """
    for name in ACCEPTED_FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accepts = Image.OPEN.get(name, (None, None))
        # Where Pillow was built without a format, the answer is a sentence that says so.
        if factory is None or (accepts and accepts(data[:16]) is not True):
            continue
        with suppress(SyntaxError, IndexError, TypeError, struct.error):
            return factory(io.BytesIO(data), "")
    raise Image.UnidentifiedImageError("no image of an accepted format")


@dataclass(frozen=True)
class DeclaredSize:
    """What a header says: the format, and the size that the picture has upright, in pixels."""

    format: str
    size: tuple[int, int]


def declared_size(data: bytes) -> DeclaredSize | None:
    """Format and upright size by a file's header alone; None where it has no readable one."""
    try:
        with _with_header_read(data) as opened:
            turned = opened.tag_v2.get(ExifTags.Base.Orientation, 1) if _is_tiff(opened) else _orientation(opened)
            size = opened.size[::-1] if int(turned) >= _FIRST_ON_ITS_SIDE else opened.size
            return DeclaredSize(opened.format or "unknown", size)
    except Exception:
        return None


def declared_pixels(data: bytes, name: str, *, max_pixels: int) -> int:
    """How many pixels decoding a file needs room for, by its header alone. Raises RefusedImage as `decode_panel`."""
    with _opened(data, name, max_pixels) as (_, pixels):
        return pixels


def opener_of(panel: DecodedPanel, data: bytes, name: str) -> Callable[..., Image.Image]:
    """`panel`, decoded from `data`, as a provider takes it: the same file has the same vector however it comes."""

    def opened(least: LeastSize | None = None) -> Image.Image:
        if least is None or panel.format != "JPEG":
            return panel.image
        return decode_panel(data, name, max_pixels=panel.width * panel.height, least=least).image

    return opened


def _decode(opened: Image.Image, least: LeastSize | None) -> DecodedPanel:
    file_format, mode = opened.format or "unknown", opened.mode
    treatments = []
    if getattr(opened, "is_animated", False):
        treatments.append("first frame taken")
    # Pillow turns a TIFF while loading it, so what it was can only be read before.
    turn = _TURNS.get(opened.tag_v2.get(ExifTags.Base.Orientation, 1)) if _is_tiff(opened) else None
    if least is not None and opened.format == "JPEG":
        _scale(opened, least)
    opened.load()
    turn = turn or _TURNS.get(_orientation(opened))
    upright = ImageOps.exif_transpose(opened) if turn else opened
    if turn:
        treatments.append(f"{turn}, as its metadata asks")
    image, conversions = to_rgb(upright)
    return DecodedPanel(image, image.width, image.height, mode, file_format, (*treatments, *conversions))


def _scale(opened: Image.Image, least: LeastSize) -> None:
    on_its_side = _orientation(opened) >= _FIRST_ON_ITS_SIDE
    scale = jpeg_scale(opened.size[::-1] if on_its_side else opened.size, least)
    if scale > 1:
        opened.draft(None, (opened.width // scale, opened.height // scale))


def _is_tiff(opened: Image.Image) -> TypeGuard[TiffImageFile]:
    return opened.format == "TIFF"


def _orientation(opened: Image.Image) -> int:
    """1 to 8 by EXIF or XMP (of a PNG or TIFF: once it is loaded); 1 when there is none or the metadata is damaged."""
    try:
        return int(opened.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


def _checked_size(opened: Image.Image, data: bytes, name: str, max_pixels: int) -> int:
    """The pixels that decoding makes room for; raises RefusedImage when they are none or too many."""
    width, height = opened.size
    pixels = width * height
    if _is_tiff(opened):
        # A small TIFF may declare gigantic tiles, and libtiff allocates one whole tile.
        tile = [int(opened.tag_v2.get(tag, 1)) for tag in _TILE_TAGS]
        pixels = max(pixels, tile[0] * tile[1])
    elif opened.format == "ICO":
        pixels = max(pixels, _largest_embedded_png(data))
    if pixels <= 0:
        raise RefusedImage(f"{shown(name)} declares a size of {width} × {height} pixels: save it again.")
    if pixels > max_pixels:
        raise RefusedImage(_too_large(name, pixels, max_pixels))
    return pixels


def _largest_embedded_png(data: bytes) -> int:
    """Pixels of the largest PNG inside an icon, whose own directory cannot state more than 256 × 256."""
    sizes = [0]
    for match in re.finditer(rb"\x89PNG\r\n\x1a\n....IHDR(....)(....)", data, re.DOTALL):
        sizes.append(int.from_bytes(match[1]) * int.from_bytes(match[2]))
    return max(sizes)


def _too_large(name: str, pixels: int | None, max_pixels: int) -> str:
    found = f"declares {pixels:,} pixels" if pixels else "declares a gigantic size"
    return (
        f"{shown(name)} {found}, more than the {max_pixels:,} allowed:"
        " save it smaller, or raise MORPHEUS_MAX_IMAGE_PIXELS if it is really that large."
    )


def _pixels_in(error: Exception) -> int | None:
    number = re.search(r"\((\d+) pixels\)", str(error))
    return int(number[1]) if number else None


def _damaged(data: bytes, name: str, error: Exception) -> str:
    kind = image_kind(data)
    if kind is None:
        known = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF"
        return f"{shown(name)} is no image of a known format ({known}): export it as PNG."
    if isinstance(error, Image.UnidentifiedImageError):
        return f"{shown(name)} begins as a {kind} but its header is damaged or cut short: copy it again."
    detail = shown(str(error).strip() or type(error).__name__)
    return f"{shown(name)} is a damaged or incomplete {kind} ({detail.rstrip('.')}): copy it again."
