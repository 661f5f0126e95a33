"""A TIFF read in bands of rows, so that a strip of any height takes the memory of one band.

Pillow decodes a TIFF whole or not at all. Its strips and tiles are each packed for itself (TIFF 6.0, sections 7, 15):
those of a band become a small TIFF of their own, which Pillow decodes, with the tags that say how they are packed.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.pixels import to_rgb

_LENGTH, _BITS, _COMPRESSION, _ORIENTATION, _SAMPLES, _PLANAR, _FORMAT = 257, 258, 259, 274, 277, 284, 339
_STRIPS, _STRIP_BYTES, _STRIP_ROWS = 273, 279, 278
_TILES, _TILE_BYTES, _TILE_WIDTH, _TILE_ROWS = 324, 325, 322, 323
_LONG = 4
# How the pixels are packed and meant: size, bits, packing, colours, fill order, predictor, palette, JPEG, ICC profile.
_COPIED = (256, 258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 322, 323, 332, 338, 339, 347, 529, 530, 531, 34675)
# Plain, fax (3), LZW, JPEG, Deflate (2), PackBits, Zstandard.
_RAW = 1
_PACKINGS = frozenset({_RAW, 2, 3, 4, 5, 7, 8, 32773, 32946, 50000})
_MOST_PIXELS = 2_000_000
# Of one strip or tile row, which is decoded at once.
_MOST_AT_ONCE = 16_000_000


@dataclass(frozen=True)
class TiffBands:
    """The rows of a TIFF in bands: `parts` are where its strips or tiles lie, `across` of them beside each other.

    Raises RefusedImage where the file is damaged.
    """

    data: bytes
    name: str
    size: tuple[int, int]
    mode: str
    tags: dict[int, tuple[int, Any]]
    parts: tuple[tuple[int, int], ...]
    across: int
    part_rows: int
    tiled: bool

    def each(self, top: int = 0, bottom: int | None = None) -> Iterator[tuple[int, Image.Image]]:
        """(top, RGB image) of the bands that hold the rows from `top` to `bottom`."""
        width, height = self.size
        bottom = height if bottom is None else bottom
        rows = max(1, _MOST_PIXELS // (width * self.part_rows)) * self.part_rows
        for start in range(top // rows * rows, bottom, rows):
            yield start, self._band(start, min(height, start + rows))

    def _band(self, top: int, bottom: int) -> Image.Image:
        first, behind = top // self.part_rows, -(-bottom // self.part_rows)
        parts = self.parts[first * self.across : behind * self.across]
        try:
            image = Image.open(io.BytesIO(self._file(parts, bottom - top)), formats=("TIFF",))
            image.load()
        except Exception as error:
            raise RefusedImage(f"{shown(self.name)} is a damaged TIFF ({error}): copy it again.") from error
        return to_rgb(image)[0]

    def _file(self, parts: tuple[tuple[int, int], ...], rows: int) -> bytes:
        directory = ImageFileDirectory_v2(b"MM\0*\0\0\0\0" if self.data[:1] == b"M" else b"II*\0\0\0\0\0")
        for tag, (kind, value) in self.tags.items():
            directory.tagtype[tag] = kind
            directory[tag] = value
        directory[_LENGTH] = rows
        offsets, sizes = (_TILES, _TILE_BYTES) if self.tiled else (_STRIPS, _STRIP_BYTES)
        if not self.tiled:
            directory[_STRIP_ROWS] = min(rows, self.part_rows)
        directory.tagtype[offsets] = directory.tagtype[sizes] = _LONG
        directory[sizes] = tuple(size for _, size in parts)
        places = tuple(accumulate((size for _, size in parts[:-1]), initial=0))
        directory[offsets] = places
        if self.tiled:
            # Pillow moves those of strips itself.
            begin = 8 + len(directory.tobytes(8))
            directory[offsets] = tuple(begin + place for place in places)
        file = io.BytesIO()
        directory.save(file)
        for start, size in parts:
            file.write(self.data[start : start + size])
        return file.getvalue()


def tiff_bands(data: bytes, name: str) -> TiffBands | None:
    """The bands of an upright TIFF of up to eight bits a sample; None for one that can only be decoded whole."""
    try:
        with TiffImageFile(io.BytesIO(data)) as opened:
            tags, size, mode = opened.tag_v2, opened.size, opened.mode
    except Exception:
        return None
    bits, formats = tags.get(_BITS, (1,)), tags.get(_FORMAT, (1,))
    if max(bits) > 8 or set(formats) != {1} or tags.get(_ORIENTATION, 1) != 1 or tags.get(_PLANAR, 1) != 1:
        return None
    packing = tags.get(_COMPRESSION, _RAW)
    tiled = _TILES in tags
    starts, sizes = tags.get(_TILES if tiled else _STRIPS), tags.get(_TILE_BYTES if tiled else _STRIP_BYTES)
    if packing not in _PACKINGS or not starts or not sizes or len(starts) != len(sizes):
        return None
    width, height = size
    rows = int(tags.get(_TILE_ROWS if tiled else _STRIP_ROWS, height))
    across = -(-width // int(tags[_TILE_WIDTH])) if tiled else 1
    parts = tuple(zip(map(int, starts), map(int, sizes), strict=True))
    if len(parts) == 1 and packing == _RAW and not tiled:
        # One strip of all rows, not packed: its rows are strips.
        row = -(-width * sum(bits if len(bits) > 1 else bits * int(tags.get(_SAMPLES, 1))) // 8)
        rows = min(height, max(1, _MOST_PIXELS // width))
        begin = parts[0][0]
        parts = tuple((begin + top * row, min(rows, height - top) * row) for top in range(0, height, rows))
    if rows < 1 or width * rows > _MOST_AT_ONCE or len(parts) < across * -(-height // rows):
        return None
    copied = {tag: (tags.tagtype[tag], tags[tag]) for tag in _COPIED if tag in tags}
    return TiffBands(data, name, size, mode, copied, parts, across, rows, tiled)
