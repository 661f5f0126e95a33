"""A PNG read in bands of rows, so that a strip of any height takes the memory of one band.

Pillow decodes a PNG whole or not at all. Its rows are one zlib stream in which each depends only on the row before: the
stream is unpacked band by band, and each band becomes a small PNG of its own that Pillow decodes.
"""

import copy
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.pixels import to_rgb

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_KEPT = (b"PLTE", b"tRNS", b"gAMA", b"sBIT")
_MOST_PIXELS = 2_000_000
_STEP = 1 << 16


@dataclass(frozen=True)
class PngHeader:
    """Size in pixels, bits a sample, and colour type of a PNG whose rows follow each other."""

    width: int
    height: int
    depth: int
    colour: int

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
    if depth == 16 and colour:
        # Pillow keeps eight of the sixteen bits: the low ones would be made up, and the next row's filter needs them.
        return None
    return PngHeader(width, height, depth, colour)


class PngBands:
    """The rows of a PNG in bands of `rows`; what was unpacked once is found again, so that any band costs only itself.

    Safe for several threads. Raises RefusedImage where the file is damaged.
    """

    def __init__(self, data: bytes, name: str, *, most_pixels: int = _MOST_PIXELS) -> None:
        header = png_header(data)
        if header is None:
            raise RefusedImage(
                f"{shown(name)} is no PNG that can be read in bands: save it not interlaced, with 8 bits."
            )
        self.header = header
        # What the bands come in.
        self.mode = "RGB"
        self.rows = max(1, most_pixels // header.width)
        self._name = name
        self._kept = _kept(data)
        # Before each band that was reached: the stream, and the row above.
        self._marks: list[tuple[_Stream, bytes]] = [(_Stream(data, name), b"")]
        self._lock = threading.Lock()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.header.width, self.header.height

    def each(self, top: int = 0, bottom: int | None = None) -> Iterator[tuple[int, Image.Image]]:
        """(top, RGB image) of the bands that hold the rows from `top` to `bottom`."""
        bottom = self.header.height if bottom is None else bottom
        wanted = top // self.rows
        with self._lock:
            at = min(wanted, len(self._marks) - 1)
            stream, previous = self._marks[at][0].copy(), self._marks[at][1]
        while at * self.rows < bottom:
            band, previous = self._band(stream, previous, at)
            at += 1
            with self._lock:
                if at == len(self._marks) and at * self.rows < self.header.height:
                    self._marks.append((stream.copy(), previous))
            if at > wanted:
                yield (at - 1) * self.rows, band

    def _band(self, stream: "_Stream", previous: bytes, at: int) -> tuple[Image.Image, bytes]:
        header = self.header
        count = min(self.rows, header.height - at * self.rows)
        size = header.row_bytes + 1
        rows = stream.read(count * size)
        if len(rows) < count * size:
            ended = at * self.rows + len(rows) // size
            raise RefusedImage(f"{shown(self._name)} ends after {ended:,} of its rows: copy it again.")
        first = b"\0" + previous if previous else b""
        image = _decoded(header, self._kept, first + rows, count + bool(previous), self._name)
        last = _last_row(image, header)
        if first:
            image = image.crop((0, 1, header.width, count + 1))
        return to_rgb(image)[0], last


def _decoded(header: PngHeader, kept: bytes, rows: bytes, count: int, name: str) -> Image.Image:
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
        return bytes(last.tobytes("raw", "I;16B"))
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
    return b"".join(_chunk(kind, body) for kind, body in _chunks_before_rows(data) if kind in _KEPT)


class _Stream:
    """The unpacked bytes of a PNG's rows; a copy goes on from the same place."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name = data, name
        self._inflate = zlib.decompressobj()
        # Of the packed bytes: what is left of the chunk at hand, and where the next one begins.
        self._at = self._end = 0
        self._next = len(_SIGNATURE)
        self._unpacked = b""

    def copy(self) -> "_Stream":
        """The same, to be read apart."""
        other = copy.copy(self)
        other._inflate = self._inflate.copy()
        return other

    def read(self, size: int) -> bytes:
        """So many bytes, or as many as there are."""
        parts, found = [self._unpacked], len(self._unpacked)
        while found < size:
            step = self._step()
            if not step:
                break
            parts.append(step)
            found += len(step)
        rows = b"".join(parts)
        self._unpacked = rows[size:]
        return rows[:size]

    def _step(self) -> bytes:
        """The next bytes, a megabyte at most; b"" at the end."""
        while True:
            packed = self._inflate.unconsumed_tail or self._packed()
            if not packed:
                return b""
            try:
                step = self._inflate.decompress(packed, 1 << 20)
            except zlib.error as error:
                raise RefusedImage(f"{shown(self._name)} is a damaged PNG ({error}): copy it again.") from error
            if step:
                return step

    def _packed(self) -> bytes:
        while self._at >= self._end:
            if self._next + 8 > len(self._data):
                return b""
            length, kind = struct.unpack(">I4s", self._data[self._next : self._next + 8])
            if kind == b"IEND":
                return b""
            if kind == b"IDAT":
                self._at, self._end = self._next + 8, min(len(self._data), self._next + 8 + length)
            self._next += length + 12
        start, self._at = self._at, min(self._end, self._at + _STEP)
        return self._data[start : self._at]


def _chunks_before_rows(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IDAT":
            return
        yield kind, data[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
