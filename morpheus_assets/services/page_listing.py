"""All pages of one novel: image files, and archives, PDFs and EPUBs as folders of pages, looked at one by one.

What a file is says its content. A page that cannot be decoded, and a book that cannot be opened, is one refused row.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import BinaryIO

from morpheus_assets.domain.content import ComicBook, PanelRecord
from morpheus_assets.images.books.page_order import page_order, role_of, spreads
from morpheus_assets.images.books.values import BOOK_SUFFIXES, Book, BookFacts, BookPage, UnreadableBook
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.sources.base import Entry, FileUnreadable, Source
from morpheus_assets.sources.names import MAX_BOOK_BYTES, MAX_PANEL_BYTES, SIDE_FILES, files_digest

_DECODING_THREADS = 2
_STEP = 1 << 20
_HEAD = 64


@dataclass(frozen=True)
class FoundPages:
    """The pages of one novel: rows in reading order, the digest of all their files, and where they lie.

    `books` are what its files say of themselves, `notes` sentences about what had to be mended of that.
    """

    rows: list[PanelRecord]
    digest: str
    source: Source
    reader: PageReader
    books: tuple[ComicBook, ...] = ()
    notes: tuple[str, ...] = ()

    def verify_absent(self, stored: Callable[[], Iterable[str]]) -> None:
        """Raise ContentUnreadable when a file of the `stored` paths is there although the listing lacked it."""
        self.source.verify_absent(set(stored()) - {row.path for row in self.rows}, MAX_BOOK_BYTES)

    def first_pictures(self, most: int) -> list[tuple[str, bytes]]:
        """(label, bytes) of the first stored pages."""
        found = []
        for row in [row for row in self.rows if row.state == "stored"][:most]:
            data = self.reader.data(row.path, row.entry)
            if data is not None:
                found.append((PurePosixPath(row.entry or row.path).name, data))
        return found


@dataclass(frozen=True)
class _FoundFile:
    """The pages of one file, its digest (None where it vanished), and what it says of itself."""

    rows: list[PanelRecord]
    digest: str | None
    facts: BookFacts = field(default_factory=BookFacts)


def find_pages(reader: PageReader, files: Sequence[Entry]) -> FoundPages:
    """Look at every picture of one novel's files (as Source lists them)."""
    by_name = {_within(file): file for file in files if _within(file).lower() not in SIDE_FILES}
    order = page_order(by_name)
    double = spreads(order)
    # A bucket is asked for more than are decoded at a time: its answers take longer than the pictures.
    with ThreadPoolExecutor(max(reader.source.concurrent_reads, _DECODING_THREADS)) as threads:
        try:
            found = list(threads.map(lambda name: _look(reader, by_name[name]), order))
        finally:
            threads.shutdown(cancel_futures=True)
    sides = {_within(file).lower(): file for file in files if _within(file).lower() in SIDE_FILES}
    facts = _folder_facts(reader.source, sides.get("comicinfo.xml"))
    rows: list[PanelRecord] = []
    for at, (name, each) in enumerate(zip(order, found, strict=True)):
        direction = each.facts.direction or facts.direction or "ltr"
        for row in each.rows:
            # What a refused archive is called says nothing of a page.
            if not row.entry and row.state == "stored":
                row = replace(row, role=role_of(name, at == 0), spread=name in double)
            rows.append(replace(row, direction=direction, ordinal=len(rows) + 1))
    pairs = [(by_name[name].path, each.digest) for name, each in zip(order, found, strict=True)]
    pairs += [(file.path, file.mark or _digest_of(reader.source, file)) for file in sides.values()]
    notes = tuple(f"{name}: {note}" for name, each in zip(order, found, strict=True) for note in each.facts.notes)
    digest = files_digest((path, value) for path, value in pairs if value)
    said = [("", facts), *((by_name[name].path, each.facts) for name, each in zip(order, found, strict=True))]
    books = tuple(book for path, each in said if (book := _comic_book(path, each)) != ComicBook(path))
    return FoundPages(rows, digest, reader.source, reader, books, (*facts.notes, *notes))


def _comic_book(path: str, facts: BookFacts) -> ComicBook:
    return ComicBook(
        path, facts.title, facts.series, facts.number, facts.volume, facts.writer, facts.language, facts.direction
    )


def _look(reader: PageReader, file: Entry) -> _FoundFile:
    from morpheus_assets.images.books.opening import book_kind
    from morpheus_assets.images.signatures import image_kind

    source = reader.source
    try:
        if PurePosixPath(file.path).suffix.lower() in BOOK_SUFFIXES:
            opened = source.open(file.path, MAX_BOOK_BYTES)
            if opened is None:
                return _FoundFile([], None)
            with opened:
                # A picture that is named like an archive is a page all the same.
                if image_kind(opened.read(_HEAD)) is None:
                    opened.seek(0)
                    return _look_at_book(reader, file, opened)
        data = source.read(file.path, MAX_PANEL_BYTES)
    except FileUnreadable as error:
        return _FoundFile([PanelRecord(file.path, "refused", file.size, reason=str(error))], None)
    if data is None:
        return _FoundFile([], None)
    if book_kind(data[:1024]):
        opened = source.open(file.path, MAX_BOOK_BYTES)
        if opened is not None:
            with opened:
                return _look_at_book(reader, file, opened)
    row = _picture(file.path, "", data, reader.max_pixels, len(data))
    return _FoundFile([row], file.mark or hashlib.sha256(data).hexdigest())


def _look_at_book(reader: PageReader, file: Entry, opened: BinaryIO) -> _FoundFile:
    from morpheus_assets.images.books.opening import open_book

    raw = _digest(opened)
    digest = file.mark or raw.hex()
    try:
        book = open_book(opened, PurePosixPath(file.path).name, max_pixels=reader.max_pixels)
    except UnreadableBook as error:
        row = PanelRecord(file.path, "refused", file.size, reason=str(error), content_hash=raw)
        return _FoundFile([row], digest)
    rows = list(_pages(reader, file, book))
    for entry, reason in book.refused.items():
        rows.append(PanelRecord(file.path, "refused", 0, reason=reason, entry=entry))
    return _FoundFile(rows, digest, book.facts)


def _pages(reader: PageReader, file: Entry, book: Book) -> Iterator[PanelRecord]:
    for page in book.pages:
        try:
            data = book.read(page.entry)
        except UnreadableBook as error:
            yield PanelRecord(file.path, "refused", 0, reason=str(error), entry=page.entry, role=page.role)
            continue
        row = _picture(file.path, page.entry, data, reader.max_pixels, len(data))
        yield _as_the_book_says(row, page)


def _as_the_book_says(row: PanelRecord, page: BookPage) -> PanelRecord:
    frames: tuple[tuple[int, ...], ...] = ()
    if row.width and row.height:
        frames = page.boxes((row.width, row.height))
    return replace(row, role=page.role, spread=page.spread, frames=frames)


def _picture(path: str, entry: str, data: bytes, max_pixels: int, size: int) -> PanelRecord:
    from morpheus_assets.images.page_pixels import look_at_page

    content_hash = hashlib.sha256(data).digest()
    name = f"{entry} in {PurePosixPath(path).name}" if entry else path.partition("/")[2]
    try:
        _, facts = look_at_page(data, name, max_pixels=max_pixels)
    except RefusedImage as error:
        return PanelRecord(path, "refused", size, reason=str(error), content_hash=content_hash, entry=entry)
    return PanelRecord(
        path,
        "stored",
        size,
        content_hash=content_hash,
        format=facts.format,
        mode=facts.mode,
        width=facts.width,
        height=facts.height,
        treatments=facts.treatments,
        edges=facts.edges,
        entry=entry,
    )


def _folder_facts(source: Source, file: Entry | None) -> BookFacts:
    from morpheus_assets.images.books.comic_info import read_comic_info

    data = source.read(file.path, MAX_PANEL_BYTES) if file is not None else None
    return read_comic_info(data).facts if data is not None else BookFacts()


def _digest_of(source: Source, file: Entry) -> str | None:
    data = source.read(file.path, MAX_PANEL_BYTES)
    return None if data is None else hashlib.sha256(data).hexdigest()


def _digest(opened: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while step := opened.read(_STEP):
        digest.update(step)
    opened.seek(0)
    return digest.digest()


def _within(file: Entry) -> str:
    return file.path.partition("/")[2]
