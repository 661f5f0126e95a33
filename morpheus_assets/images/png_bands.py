"""A PNG read in bands of rows, so that a strip of any height takes the memory of one band.

Pillow decodes a PNG whole or not at all. Its rows are one zlib stream in which each depends only on the row before: the
stream is unpacked band by band, and each band becomes a small PNG of its own that Pillow decodes.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.pixels import to_rgb

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_KEPT = (b"PLTE", b"tRNS", b"gAMA", b"sBIT")
_MOST_PIXELS = 8_000_000


@dataclass(frozen=True)
class PngHeader:
    """Size in pixels, bits a sample, colour type, and whether the rows are interlaced."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row without its filter's number."""
        return (self.width * self.depth * _CHANNELS[self.colour] + 7) // 8


def png_header(data: bytes) -> PngHeader | None:
    """The header of a PNG that can be read in bands; None for anything else."""
    if not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR":
        return None
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    if colour not in _CHANNELS or interlaced or not width or not height:
        return None
    return PngHeader(width, height, depth, colour, bool(interlaced))


def png_bands(data: bytes, name: str, *, most_pixels: int = _MOST_PIXELS) -> Iterator[tuple[int, Image.Image]]:
    """(top, RGB image) of one band after the other. Raises RefusedImage where the file is damaged."""
    header = png_header(data)
    if header is None:
        raise RefusedImage(f"{shown(name)} is no PNG that can be read in bands: save it without interlacing.")
    rows = max(1, most_pixels // header.width)
    kept, previous, top = _kept(data), b"", 0
    stream = _unpacked(data, name)
    size = header.row_bytes + 1
    buffer = bytearray()
    while top < header.height:
        wanted = min(rows, header.height - top)
        while len(buffer) < wanted * size:
            step = next(stream, None)
            if step is None:
                raise RefusedImage(
                    f"{shown(name)} ends after {top + len(buffer) // size:,} of its rows: copy it again."
                )
            buffer += step
        band = bytes(buffer[: wanted * size])
        del buffer[: wanted * size]
        first = b"\0" + previous if previous else b""
        image = _decoded(header, kept, first + band, wanted + bool(previous), name)
        previous = _last_row(image, header)
        if first:
            image = image.crop((0, 1, header.width, wanted + 1))
        rgb, _ = to_rgb(image)
        yield top, rgb
        top += wanted


def _decoded(header: PngHeader, kept: bytes, rows: bytes, count: int, name: str) -> Image.Image:
    import io

    head = struct.pack(">IIBBBBB", header.width, count, header.depth, header.colour, 0, 0, 0)
    body = _chunk(b"IHDR", head) + kept + _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")
    try:
        image = Image.open(io.BytesIO(_SIGNATURE + body), formats=("PNG",))
        image.load()
    except Exception as error:
        raise RefusedImage(f"{shown(name)} is a damaged PNG ({error}): copy it again.") from error
    return image


def _last_row(image: Image.Image, header: PngHeader) -> bytes:
    """The last row's bytes as the file has them, unfiltered: what the next row's filter refers to."""
    last = image.crop((0, image.height - 1, image.width, image.height))
    raw = {1: "1", 2: "P;2", 4: "P;4"}.get(header.depth) if header.colour == 3 else None
    if header.depth == 16:
        if header.colour == 0:
            return bytes(last.tobytes("raw", "I;16B"))
        # Pillow keeps eight of the sixteen bits: the low ones are made up, and a filter needs them.
        raise RefusedImage("A PNG of 16 bits a channel cannot be read in bands: save it with 8.")
    if header.colour == 0 and header.depth < 8:
        raw = {1: "1", 2: "L;2", 4: "L;4"}[header.depth]
    if raw is None or raw == "1":
        return bytes(last.tobytes())
    return _packed(last, header.depth, scaled=header.colour == 0)


def _packed(row: Image.Image, depth: int, *, scaled: bool) -> bytes:
    """Samples of 2 or 4 bits packed into bytes, the first one uppermost."""
    import numpy as np

    values = np.frombuffer(row.tobytes(), dtype=np.uint8)
    if scaled:
        values = values // (255 // ((1 << depth) - 1))
    each = 8 // depth
    padded = np.zeros(-(-len(values) // each) * each, dtype=np.uint8)
    padded[: len(values)] = values
    packed = np.zeros(len(padded) // each, dtype=np.uint8)
    for at in range(each):
        packed |= padded[at::each] << (8 - depth * (at + 1))
    return packed.tobytes()


def _kept(data: bytes) -> bytes:
    return b"".join(_chunk(kind, body) for kind, body in _chunks(data, upto=b"IDAT") if kind in _KEPT)


def _unpacked(data: bytes, name: str) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    try:
        for kind, body in _chunks(data):
            if kind == b"IDAT":
                step = inflate.decompress(body, 1 << 22)
                while step:
                    yield step
                    step = inflate.decompress(inflate.unconsumed_tail, 1 << 22)
    except zlib.error as error:
        raise RefusedImage(f"{shown(name)} is a damaged PNG ({error}): copy it again.") from error


def _chunks(data: bytes, upto: bytes = b"IEND") -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == upto:
            return
        yield kind, data[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
