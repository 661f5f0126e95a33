"""Zip archives, and RAR, 7z and TAR where libarchive is installed: their entries as pages, streamed, never extracted.

What an archive is says its content, not its suffix. Entries, bytes and the ratio of both sizes are bounded; sizes are
counted while unpacking, because the declared ones may be lies.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import BinaryIO, ParamSpec, TypeVar

from morpheus_assets.images.books import values
from morpheus_assets.images.books.comic_info import read_acbf, read_comic_info
from morpheus_assets.images.books.page_order import page_order, role_of, spreads
from morpheus_assets.images.books.values import Book, BookFacts, BookPage, UnreadableBook
from morpheus_assets.images.errors import shown

PAGE_SUFFIXES = frozenset(
    (
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
        *(".jp2", ".j2k", ".jxl", ".heic"),
    )
)
_STEP = 256 * 1024
P = ParamSpec("P")
T = TypeVar("T")
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Entry:
    """A file within an archive: its name as a person reads it, its own name there, and its declared size."""

    name: str
    key: str
    size: int
    packed: int


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
    entries = [Entry(names[i], info.filename, info.file_size, info.compress_size) for i, info in enumerate(infos)]
    by_name = {entry.name: info for entry, info in zip(entries, infos, strict=True)}

    def read(entry: str) -> bytes:
        info = by_name[entry]
        if info.flag_bits & _ENCRYPTED:
            raise UnreadableBook(f"{shown(entry)} in {shown(name)} is protected by a password: save it without one.")
        try:
            with archive.open(info) as stream:
                return _bounded(iter(lambda: stream.read(_STEP), b""), entry, name, info.compress_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise UnreadableBook(
                f"{shown(entry)} in {shown(name)} cannot be unpacked: copy the archive again."
            ) from error

    return _book("zip", name, entries, read)


def open_with_libarchive(file: BinaryIO, name: str, kind: str) -> Book:
    """A RAR, 7z or TAR of pictures, through libarchive. Raises UnreadableBook, also where libarchive is missing."""
    try:
        import libarchive
    except (ImportError, OSError, AttributeError) as error:
        raise UnreadableBook(
            f"{shown(name)} is a {kind} archive, and libarchive is not installed: install it with the extra `comics`"
            " (and the system's libarchive), or pack the pages as .cbz."
        ) from error

    @_told_in_a_sentence(name, kind)
    def listed() -> list[Entry]:
        file.seek(0)
        found = []
        with libarchive.stream_reader(file, block_size=_STEP) as archive:
            for entry in archive:
                if entry.isfile:
                    path = entry.pathname or ""
                    found.append(Entry(path.replace("\\", "/"), path, int(entry.size or 0), 0))
                if len(found) > values.MAX_ENTRIES:
                    break
        return found

    @_told_in_a_sentence(name, kind)
    def read(wanted: str) -> bytes:
        file.seek(0)
        with libarchive.stream_reader(file, block_size=_STEP) as archive:
            for entry in archive:
                if entry.isfile and (entry.pathname or "").replace("\\", "/") == wanted:
                    return _bounded(entry.get_blocks(), wanted, name, 0)
        raise UnreadableBook(f"{shown(wanted)} is not in {shown(name)} any more.")

    return _book(kind, name, listed(), read)


def _told_in_a_sentence(name: str, kind: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: what libarchive raises becomes UnreadableBook with a sentence."""

    def around(function: Callable[P, T]) -> Callable[P, T]:
        def called(*given: P.args, **named: P.kwargs) -> T:
            try:
                return function(*given, **named)
            except UnreadableBook:
                raise
            except Exception as error:
                word = "password" if "passphrase" in str(error).lower() or "encrypt" in str(error).lower() else ""
                why = (
                    "is protected by a password: save it without one"
                    if word
                    else (f"is a damaged or incomplete {kind} archive: copy it again, or pack the pages as .cbz")
                )
                raise UnreadableBook(f"{shown(name)} {why}.") from error

        return called

    return around


def _book(kind: str, name: str, entries: list[Entry], read: Callable[[str], bytes]) -> Book:
    _check_bounds(entries, name)
    facts, frames, page_facts = BookFacts(), {}, {}
    refused: dict[str, str] = {}
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
        else:
            skipped += 1
    if not pages and not refused:
        raise UnreadableBook(f"{shown(name)} holds no pictures: pack pages as JPEG, PNG or WebP.")
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
    return Book(kind, tuple(found), read, facts, refused, skipped)


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


_LIKELY = 0.6


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


_COMMON = frozenset("第巻話章回卷册页頁漫画本上下中全集版特別番外篇編表紙封面人大小年月日一二三四五六七八九十")


def _unique(names: list[str]) -> list[str]:
    """The same names, numbered where two are the same: an archive may hold one name twice."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        path = PurePosixPath(name)
        unique.append(name if seen[name] == 1 else f"{name.removesuffix(path.suffix)} ({seen[name]}){path.suffix}")
    return unique
