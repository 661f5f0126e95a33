"""Zip files, as EPUB and DOCX are, opened so that no more is unpacked than a novel needs.

Sizes are counted while unpacking, because the sizes that an archive declares may be lies.
"""

import io
import unicodedata
import zipfile
import zlib

from morpheus_assets.text.errors import UnreadableText

MAX_ENTRIES = 20_000
MAX_RATIO = 150
_RATIO_COUNTS_FROM = 1024 * 1024
_STEP = 256 * 1024
_UTF8_NAME = 0x800


class Archive:
    """A zip file in memory whose entries are read one by one, under one budget for all of them."""

    def __init__(self, data: bytes, kind: str, *, max_total: int) -> None:
        """Raises UnreadableText if `data` is no whole zip file, is encrypted, or has too many entries."""
        self.kind = kind
        self.remaining = max_total
        self.max_total = max_total
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as problem:
            raise UnreadableText(
                f"is no whole {kind}: it is cut off or damaged, so copy or download it again."
            ) from problem
        if len(entries) > MAX_ENTRIES:
            raise UnreadableText(f"holds {len(entries):,} files, and no {kind} needs more than {MAX_ENTRIES:,}.")
        self._entries = {_name(entry).replace("\\", "/"): entry for entry in entries}
        self._folded = {_folded(name): name for name in self._entries}

    def names(self) -> list[str]:
        """The entries' names in the archive's own order, with forward slashes."""
        return list(self._entries)

    def find(self, name: str) -> str | None:
        """The entry of that name, whatever its case or Unicode form; None if there is none."""
        return name if name in self._entries else self._folded.get(_folded(name))

    def size(self, name: str) -> int:
        """Bytes that an entry says it unpacks to."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """Unpack one entry. Raises UnreadableText if it is damaged, encrypted or a decompression bomb."""
        entry = self._entries[name]
        if entry.flag_bits & 0x1:
            raise UnreadableText("is protected by a password: save it without one.")
        self._check(entry.file_size, entry.compress_size)
        unpacked = bytearray()
        try:
            with self._zip.open(entry) as stream:
                while step := stream.read(_STEP):
                    unpacked += step
                    self._check(len(unpacked), entry.compress_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as problem:
            raise UnreadableText(
                f"is a damaged {self.kind}: one of its files cannot be unpacked, so copy it again."
            ) from problem
        self.remaining -= len(unpacked)
        return bytes(unpacked)

    def _check(self, size: int, packed: int) -> None:
        if size > self.remaining:
            limit = self.max_total // 2**20
            raise UnreadableText(f"unpacks to more than {limit} MiB of text, which no novel has: it is not read.")
        if size > _RATIO_COUNTS_FROM and size > MAX_RATIO * max(packed, 1):
            raise UnreadableText("unpacks to far more than a text can (a decompression bomb): it is not read.")


def _name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; many tools write UTF-8 without the flag that says so."""
    if entry.flag_bits & _UTF8_NAME or entry.filename.isascii():
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _folded(name: str) -> str:
    """Macs write names with their accents apart (NFD), and package files name them in NFC."""
    return unicodedata.normalize("NFC", name).lower()
