"""Zip archives, and RAR, 7z and TAR where libarchive is installed: their entries as pages, streamed, never extracted.

What an archive is says its content, not its suffix. Entries, bytes and the ratio of both sizes are bounded; sizes are
counted while unpacking, because the declared ones may be lies.
"""

import copy
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from morpheus_assets.images.books import values
from morpheus_assets.images.books.comic_info import read_acbf, read_comic_info
from morpheus_assets.images.books.page_order import page_order, role_of, spreads
from morpheus_assets.images.books.rar_headers import read_rar_headers
from morpheus_assets.images.books.values import Book, BookFacts, BookPage, UnreadableBook
from morpheus_assets.images.errors import shown
from morpheus_assets.images.signatures import image_kind

PAGE_SUFFIXES = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2",
    ".j2k", ".jxl", ".heic", ".heif", ".svg", ".psd",
})  # fmt: skip
_STEP = 256 * 1024
# Bytes: the smallest GIF has some forty.
_LEAST_PICTURE = 40
# So many entries before the one that is asked for are kept, of so many bytes together.
_NEAR = 6
_KEPT_BYTES = 96 * 1024 * 1024
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
# From here on letters are those of comics' names, as _likeness has it.
_LIKELY = 0.6
_COMMON = frozenset("第巻話章回卷册页頁漫画本上下中全集版特別番外篇編表紙封面人大小年月日一二三四五六七八九十")
# By APPNOTE 4.4.5.
_OTHER_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG recompression", 98: "PPMd"}


@dataclass(frozen=True)
class Entry:
    """A file within an archive: its name as a person reads it, its declared sizes, and its position."""

    name: str
    size: int
    packed: int
    at: int = 0


def open_zip(file: BinaryIO, name: str) -> Book:
    """A zip of pictures. Raises UnreadableBook."""
    try:
        archive = zipfile.ZipFile(file)
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        raise UnreadableBook(
            f"{shown(name)} is no whole zip archive: it is cut off or damaged, copy it again."
        ) from error
    names = _decoded_names(infos)
    entries = [Entry(names[i], info.file_size, info.compress_size) for i, info in enumerate(infos)]
    by_name = {entry.name: info for entry, info in zip(entries, infos, strict=True)}

    def read(entry: str) -> bytes:
        info = by_name[entry]
        if info.flag_bits & _ENCRYPTED:
            raise UnreadableBook(f"{shown(entry)} in {shown(name)} is protected by a password: save it without one.")
        if info.compress_type not in _METHODS:
            how = _OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
            raise UnreadableBook(
                f"{shown(entry)} in {shown(name)} is packed by {how}, which is not read:"
                " pack the pages as an ordinary zip."
            )
        try:
            with archive.open(_as_named_there(file, info)) as stream:
                return _bounded(iter(lambda: stream.read(_STEP), b""), entry, name, info.compress_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, lzma.LZMAError) as error:
            raise UnreadableBook(
                f"{shown(entry)} in {shown(name)} cannot be unpacked: copy the archive again."
            ) from error

    return _book("zip", name, entries, read)


def _as_named_there(file: BinaryIO, info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The entry under the name that stands before its data: some programs write another one into the directory."""
    file.seek(info.header_offset)
    head = file.read(30)
    if not head.startswith(b"PK\x03\x04") or len(head) < 30:
        return info
    flags, size = int.from_bytes(head[6:8], "little"), int.from_bytes(head[26:28], "little")
    own = copy.copy(info)
    own.orig_filename = file.read(size).decode("utf-8" if flags & _UTF8_NAME else "cp437", "replace")
    return own


def open_with_libarchive(file: BinaryIO, name: str, kind: str) -> Book:
    """A RAR, 7z or TAR of pictures, through libarchive. Raises UnreadableBook, also where libarchive is missing."""
    try:
        import libarchive  # noqa: F401
    except (ImportError, OSError, AttributeError) as error:
        raise UnreadableBook(
            f"{shown(name)} is a {kind} archive, and libarchive is not installed: install it with the extra `comics`"
            " (and the system's libarchive), or pack the pages as .cbz."
        ) from error
    encrypted, cut_off = _checked_rar(file, name) if kind == "RAR" else (frozenset[int](), False)
    unpacked = _Unpacked(file)
    found, broken = _listed(unpacked, name, kind)
    broken = broken or (_damaged(name, kind) if cut_off else "")
    passed: dict[int, bytes] = {}
    places = {entry.name: entry.at for entry in found}

    def read(wanted: str) -> bytes:
        if places[wanted] in encrypted:
            raise UnreadableBook(f"{shown(wanted)} in {shown(name)} is protected by a password: save it without one.")
        place = places[wanted]
        if place in passed:
            return passed.pop(place)
        try:
            for at, entry in unpacked.entries(place):
                if at == place:
                    return _bounded(entry.get_blocks(), wanted, name, 0)
                if at not in encrypted and place - at <= _NEAR and 0 < (entry.size or 0) <= _KEPT_BYTES // _NEAR:
                    # Threads that ask for pages nearly in order would start from the beginning again and again.
                    with suppress(Exception):
                        passed[at] = _bounded(entry.get_blocks(), wanted, name, 0)
                    while len(passed) > _NEAR:
                        passed.pop(next(iter(passed)))
        except UnreadableBook:
            raise
        except Exception as error:
            unpacked.restart()
            raise UnreadableBook(f"{shown(wanted)} cannot be unpacked: {_why_unreadable(error, name, kind)}") from error
        raise UnreadableBook(f"{shown(wanted)} is not in {shown(name)} any more.")

    book = _book(kind, name, found, read)
    # What lies behind damage is missing, and the pages before it are not.
    if not broken:
        return book
    missing = f"What follows {shown(found[-1].name)} is missing: {broken}"
    return replace(book, refused={**book.refused, "(the rest)": missing})


def _checked_rar(file: BinaryIO, name: str) -> tuple[frozenset[int], bool]:
    """The entries of a RAR that are encrypted, and whether its end is missing. Raises UnreadableBook."""
    headers = read_rar_headers(file)
    if headers.volume is not None:
        which = "the first" if headers.volume == 1 else "a later one"
        raise UnreadableBook(
            f"{shown(name)} is {which} of several RAR volumes: unpack them together, and pack the pages as one .cbz."
        )
    if headers.encrypted and headers.solid:
        raise UnreadableBook(f"{shown(name)} is protected by a password: save it without one.")
    return headers.encrypted, headers.cut_off


def _listed(unpacked: "_Unpacked", name: str, kind: str) -> tuple[list[Entry], str]:
    """The files in front of any damage, and what is wrong behind them, or "". Raises UnreadableBook where none is."""
    found: list[Entry] = []
    broken = ""
    try:
        for at, entry in unpacked.entries():
            if entry.isfile:
                # Where a name cannot be told, nobody reads it: the page is what counts.
                path = (entry.pathname or f"entry {at + 1}").replace("\\", "/")
                found.append(Entry(path, int(entry.size or 0), 0, at))
            if len(found) > values.MAX_ENTRIES:
                break
    except Exception as error:
        broken = _why_unreadable(error, name, kind)
        if not found:
            raise UnreadableBook(broken) from error
    names = _unique([entry.name for entry in found])
    return [replace(entry, name=each) for entry, each in zip(found, names, strict=True)], broken


class _Unpacked:
    """The entries of an archive one after the other: an entry behind the last one is reached from there.

    Each start from the beginning unpacks all that lies before, in a solid archive.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: Iterator[tuple[int, Any]] | None = None
        self._next = 0

    def entries(self, wanted: int = 0) -> Iterator[tuple[int, Any]]:
        """(position, entry) from `wanted` on, or from before it; an entry can be read until the next one is taken."""
        if self._entries is None or wanted < self._next or wanted == 0:
            self._entries, self._next = self._from_the_start(), 0
        for at, entry in self._entries:
            self._next = at + 1
            yield at, entry

    def restart(self) -> None:
        """Begin from the start the next time, as one must after damage."""
        self._entries = None

    def _from_the_start(self) -> Iterator[tuple[int, Any]]:
        import libarchive

        self._file.seek(0)
        with libarchive.stream_reader(self._file, block_size=_STEP) as archive:
            yield from enumerate(archive)


def _why_unreadable(error: Exception, name: str, kind: str) -> str:
    """What libarchive says, as a sentence with a way out."""
    said = str(error).lower()
    if "passphrase" in said or "encrypt" in said:
        return f"{shown(name)} is protected by a password: save it without one."
    if "solid archive support" in said:
        return f"{shown(name)} is a solid RAR 4 archive, which libarchive does not read: pack the pages as .cbz."
    if re.search(r"codec|unsupported filter|unavailable|not supported", said):
        return (
            f"{shown(name)} is packed in a way that the installed libarchive does not read: install a newer one,"
            " or pack the pages as .cbz."
        )
    return _damaged(name, kind)


def _damaged(name: str, kind: str) -> str:
    return f"{shown(name)} is a damaged or incomplete {kind} archive: copy it again, or pack the pages as .cbz."


def _book(kind: str, name: str, entries: list[Entry], read: Callable[[str], bytes]) -> Book:
    _check_bounds(entries, name)
    facts, frames, page_facts = BookFacts(), {}, {}
    refused: dict[str, str] = {}
    inner: dict[str, str] = {}
    pages: list[Entry] = []
    skipped = 0
    for entry in entries:
        path = PurePosixPath(entry.name)
        suffix = path.suffix.lower()
        if _hidden(entry.name):
            skipped += 1
        elif _leads_out(entry.name):
            refused[entry.name] = f"{shown(entry.name)} in {shown(name)} has a name that leads out of it: rename it."
        elif suffix in PAGE_SUFFIXES:
            pages.append(entry)
        elif path.name.lower() == "comicinfo.xml":
            with suppress(UnreadableBook):
                info = read_comic_info(read(entry.name))
                facts, page_facts = _merged(facts, info.facts), info.pages
        elif suffix == ".acbf":
            with suppress(UnreadableBook):
                acbf = read_acbf(read(entry.name))
                facts, frames = _merged(facts, acbf.facts), acbf.frames
        elif suffix in values.BOOK_SUFFIXES:
            inner[entry.name] = (
                f"{shown(entry.name)} in {shown(name)} is an archive or PDF of its own, which is not opened there:"
                " put it into the folder beside it."
            )
        else:
            skipped += 1
    if not pages and not refused:
        pages = [entry for entry in entries if not _hidden(entry.name) and _is_picture(entry, read)]
        skipped -= len(pages)
    if not pages and not refused:
        what = (
            "holds other archives or PDFs and no pictures: put these into the folder instead of it"
            if inner
            else "holds no pictures: pack pages as JPEG, PNG or WebP"
        )
        raise UnreadableBook(f"{shown(name)} {what}.")
    order = page_order([entry.name for entry in pages])
    double = spreads(order)
    # ComicInfo.xml counts the pages as their names are sorted, which is how most programs show them.
    found = []
    for at, page in enumerate(order):
        said = page_facts.get(at)
        found.append(
            BookPage(
                page,
                (said.role if said else "") or role_of(page, at == 0),
                page in double or bool(said and said.spread),
                frames.get(page) or frames.get(PurePosixPath(page).name, ()),
            )
        )
    return Book(kind, tuple(found), read, facts, refused | inner, skipped)


def _is_picture(entry: Entry, read: Callable[[str], bytes]) -> bool:
    """Whether what is named like no picture is one, by its content."""
    if entry.size < _LEAST_PICTURE or PurePosixPath(entry.name).suffix.lower() in values.BOOK_SUFFIXES:
        return False
    try:
        return image_kind(read(entry.name)) is not None
    except UnreadableBook:
        return False


def _merged(first: BookFacts, second: BookFacts) -> BookFacts:
    known = {key: value for key, value in vars(first).items() if value}
    return replace(second, **known | {"notes": (*first.notes, *second.notes)})


def _check_bounds(entries: list[Entry], name: str) -> None:
    if len(entries) > values.MAX_ENTRIES:
        raise UnreadableBook(f"{shown(name)} holds more than {values.MAX_ENTRIES:,} files: split it into volumes.")
    total, packed = sum(entry.size for entry in entries), sum(entry.packed for entry in entries)
    if total > values.MAX_TOTAL_BYTES:
        raise UnreadableBook(
            f"{shown(name)} unpacks to {total / 2**30:.0f} GB, more than {values.MAX_TOTAL_BYTES / 2**30:.0f} GB:"
            " split it into volumes."
        )
    if packed and total > values.RATIO_COUNTS_FROM and total > values.MAX_RATIO * packed:
        raise UnreadableBook(
            f"{shown(name)} unpacks to {total // packed} times its size, as no pictures do: nothing of it is unpacked;"
            " pack the pages again."
        )


def _bounded(blocks: Iterator[bytes], entry: str, name: str, packed: int) -> bytes:
    data = bytearray()
    for block in blocks:
        data += block
        if len(data) > values.MAX_PAGE_BYTES:
            limit = values.MAX_PAGE_BYTES // 2**20
            raise UnreadableBook(f"{shown(entry)} in {shown(name)} unpacks to more than {limit} MB: save it smaller.")
        if packed and len(data) > values.RATIO_COUNTS_FROM and len(data) > values.MAX_RATIO * packed:
            raise UnreadableBook(
                f"{shown(entry)} in {shown(name)} unpacks to far more than a picture does: save it again."
            )
    return bytes(data)


def _hidden(name: str) -> bool:
    parts = name.lower().split("/")
    return any(part.startswith(".") and part not in (".", "..") for part in parts) or bool(
        set(parts) & {"__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db"}
    )


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or (len(name) > 1 and name[1] == ":") or "\0" in name


def _decoded_names(infos: list[zipfile.ZipInfo]) -> list[str]:
    """Names as their writer meant them: UTF-8, one East Asian encoding for all of them, or cp437."""
    raw = [None if info.flag_bits & _UTF8_NAME else info.orig_filename.encode("cp437", "replace") for info in infos]
    foreign = [name for name in raw if name is not None and not name.isascii()]
    encoding = _encoding_of(foreign)
    names = [
        info.orig_filename if each is None else each.decode(encoding, "replace")
        for info, each in zip(infos, raw, strict=True)
    ]
    return _unique([name.replace("\\", "/") for name in names])


def _encoding_of(names: list[bytes]) -> str:
    if not names:
        return "utf-8"
    # A single byte above ASCII among letters is an accent; of two bytes each, signs stand in runs.
    runs = [len(run) for name in names for run in re.findall(rb"[\x80-\xff]+", name)]
    together = sum(length for length in runs if length > 1) >= 0.5 * sum(runs)
    best, most = "cp437", 0.0
    for encoding in ("utf-8", "cp932", "gb18030", "cp949", "big5"):
        try:
            text = "".join(name.decode(encoding) for name in names)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return encoding
        if not together:
            continue
        score = _likeness(text)
        if score > most + 0.05:
            best, most = encoding, score
    return best if most >= _LIKELY else "cp437"


def _likeness(text: str) -> float:
    """The share of letters that names of comics are written in: kana and common ideographs, Hangul, not rare signs."""
    letters = [char for char in text if not char.isascii()]
    worth = 0.0
    for char in letters:
        code = ord(char)
        if 0x3040 <= code <= 0x30FF or char in _COMMON or 0xAC00 <= code <= 0xD7A3:
            worth += 1.0
        elif 0x4E00 <= code <= 0x9FFF:
            worth += 0.7
        elif 0xFF01 <= code <= 0xFF5E or 0x3000 <= code <= 0x303F:
            worth += 0.6
    return worth / max(1, len(letters))


def _unique(names: list[str]) -> list[str]:
    """The same names, numbered where two are the same: an archive may hold one name twice."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        path = PurePosixPath(name)
        unique.append(name if seen[name] == 1 else f"{name.removesuffix(path.suffix)} ({seen[name]}){path.suffix}")
    return unique
