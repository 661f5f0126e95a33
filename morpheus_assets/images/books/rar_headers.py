"""What the headers of a RAR archive say and libarchive does not tell: volumes, solid archives, encrypted entries.

By RARLAB's notes on the formats: technote.txt of RAR 4, rarlab.com/technote.htm of RAR 5. Headers that make no sense
end the walk: what is damaged, libarchive says when it unpacks.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

_RAR5 = b"Rar!\x1a\x07\x01\x00"
_MARK_4 = 7
_MOST_BLOCKS = 20_000
_MOST_OF_A_HEADER = 1 << 13
_ENCRYPTION_RECORD = 1


@dataclass(frozen=True)
class RarHeaders:
    """`volume` is 1 for the first of several and 2 for a later one; `encrypted` are entries, counted from 0.

    `cut_off` says that the file ends before the archive does.
    """

    volume: int | None
    solid: bool
    encrypted: frozenset[int]
    cut_off: bool


@dataclass(frozen=True)
class _Archive:
    volume: bool
    later: bool
    solid: bool


class _CutOff:
    pass


@dataclass(frozen=True)
class _Entry:
    encrypted: bool
    from_before: bool


def read_rar_headers(file: BinaryIO) -> RarHeaders:
    """The headers of a RAR archive in a file that can be sought. Files and directories count as entries."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    found = _headers_5(file, end) if file.read(len(_RAR5)) == _RAR5 else _headers_4(file, end)
    archive, entries, cut_off = _Archive(False, False, False), [], False
    for header in islice(found, _MOST_BLOCKS):
        if isinstance(header, _Archive):
            archive = header
        elif isinstance(header, _Entry):
            entries.append(header)
        else:
            cut_off = True
    later = archive.later or bool(entries and entries[0].from_before)
    encrypted = frozenset(at for at, entry in enumerate(entries) if entry.encrypted)
    return RarHeaders((2 if later else 1) if archive.volume else None, archive.solid, encrypted, cut_off)


def _headers_4(file: BinaryIO, end: int) -> Iterator[_Archive | _Entry | _CutOff]:
    at = _MARK_4
    while at < end:
        file.seek(at)
        head = file.read(40)
        if len(head) < 7:
            return
        kind, flags, size = struct.unpack_from("<2xBHH", head)
        data = 0
        if flags & 0x8000 or kind == 0x74:
            if len(head) < 11:
                return
            data = struct.unpack_from("<I", head, 7)[0]
        if kind == 0x73:
            # Of encrypted headers nothing more can be read. RAR 2 marks no first volume: its entries tell.
            yield _Archive(bool(flags & 0x0001), False, bool(flags & 0x0008))
            if flags & 0x0080:
                return
        elif kind == 0x74:
            if flags & 0x0100 and len(head) == 40:
                data += struct.unpack_from("<I", head, 32)[0] << 32
            yield _Entry(bool(flags & 0x04), bool(flags & 0x01))
        elif kind not in (0x72, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A):
            return
        if size < 7:
            return
        at += size + data
    # The header of the end may be missing, in RAR 5 it may not.
    if at > end:
        yield _CutOff()


def _headers_5(file: BinaryIO, end: int) -> Iterator[_Archive | _Entry | _CutOff]:
    at = len(_RAR5)
    while at < end:
        # A checksum, and the header's own size.
        file.seek(at + 4)
        head = _Numbers(file.read(_MOST_OF_A_HEADER))
        size = head.next()
        start = head.at
        kind, flags = head.next(), head.next()
        extra = head.next() if flags & 0x01 else 0
        data = head.next() if flags & 0x02 else 0
        if not size or head.ended or kind not in (1, 2, 3):
            return
        if kind == 1:
            said = head.next()
            yield _Archive(bool(said & 0x01), bool(said & 0x02), bool(said & 0x04))
        elif kind == 2:
            head.at = start + size - extra
            yield _Entry(_is_encrypted(head, start + size), bool(flags & 0x08))
        at += 4 + start + size + data
    yield _CutOff()


def _is_encrypted(records: "_Numbers", end: int) -> bool:
    while records.at < end and not records.ended:
        size = records.next()
        start = records.at
        if records.next() == _ENCRYPTION_RECORD:
            return True
        records.at = start + size
    return False


class _Numbers:
    """RAR 5's numbers of seven bits a byte, the lowest first; 0 behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self.ended = False

    def next(self) -> int:
        value = shift = 0
        while self.at < len(self._data) and shift < 64:
            byte = self._data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        self.ended = True
        return 0
