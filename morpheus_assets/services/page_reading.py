"""The pages of a novel's files, by path and entry: their bytes, their pixels, and parts of them.

Keeps the last few books open and the last few pages decoded, so that the regions of one page decode it once.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from morpheus_assets.images.books.values import Book, UnreadableBook
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.sources.base import Source
from morpheus_assets.sources.names import MAX_BOOK_BYTES, MAX_PANEL_BYTES

if TYPE_CHECKING:
    from PIL import Image

    from morpheus_assets.images.boxes import Box
    from morpheus_assets.images.page_pixels import Page

_BOOKS = 2
# Of decoded pages that are kept, in pixels: a few of ordinary size.
_KEPT_PIXELS = 48_000_000


class PageChanged(RefusedImage):
    """A page is not the one that was listed; its next run takes it as it is now."""


class PageReader:
    """Reads pages of one source; safe for several threads."""

    def __init__(self, source: Source, max_pixels: int) -> None:
        self.source = source
        self.max_pixels = max_pixels
        self._books: OrderedDict[str, tuple[BinaryIO, Book, threading.Lock]] = OrderedDict()
        self._pages: OrderedDict[tuple[str, str, bytes | None], Page] = OrderedDict()
        self._lock = threading.Lock()
        self._decoding: dict[tuple[str, str, bytes | None], threading.Lock] = {}

    def book(self, path: str) -> Book:
        """The book in a file. Raises UnreadableBook; FileUnreadable and ContentUnreadable as the source does."""
        return self._opened(path)[1]

    def data(self, path: str, entry: str = "") -> bytes | None:
        """A page's bytes; None when its file is gone. Raises UnreadableBook, FileUnreadable, ContentUnreadable."""
        if not entry:
            return self.source.read(path, MAX_PANEL_BYTES)
        _, book, turn = self._opened(path)
        with turn:
            try:
                return book.read(entry)
            except KeyError:
                return None

    def page(self, path: str, entry: str, page_hash: bytes | None = None) -> "Page":
        """A page's pixels; one that is not of `page_hash` any more is a PageChanged. Raises RefusedImage."""
        from morpheus_assets.images.page_pixels import look_at_page

        key = (path, entry, page_hash)
        with self._lock:
            if key in self._pages:
                self._pages.move_to_end(key)
                return self._pages[key]
            turn = self._decoding.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._pages:
                    return self._pages[key]
            name = f"{path}/{entry}" if entry else path
            data = self.data(path, entry)
            if data is None or (page_hash is not None and hashlib.sha256(data).digest() != page_hash):
                raise PageChanged(f"{name} changed since it was listed; its next run takes it as it is now.")
            found, _ = look_at_page(data, name, max_pixels=self.max_pixels)
            with self._lock:
                self._pages[key] = found
                self._decoding.pop(key, None)
                while len(self._pages) > 1 and sum(p.size[0] * p.size[1] for p in self._pages.values()) > _KEPT_PIXELS:
                    self._pages.popitem(last=False)
        return found

    def region(
        self, path: str, entry: str, page_hash: bytes | None, box: "Box", following: Sequence[Sequence[str]] = ()
    ) -> "Image.Image":
        """A part of a page; of a box that is lower than it, the rest is the upper part of the `following` pages.

        These are (path, entry, hash in hex) in reading order, as many as are needed. Raises as `page`.
        """
        from PIL import Image

        page = self.page(path, entry, page_hash)
        left, top, right, bottom = box
        height = page.size[1]
        if bottom <= height:
            return page.crop(box)
        part = Image.new("RGB", (right - left, bottom - top))
        part.paste(_sized(page.crop((left, top, right, height)), right - left), (0, 0))
        filled = height - top
        for other_path, other_entry, other_hash in following:
            if filled >= part.height:
                break
            other = self.page(other_path, other_entry, bytes.fromhex(other_hash))
            rows = min(other.size[1], part.height - filled)
            part.paste(_sized(other.crop((left, 0, right, rows)), right - left), (0, filled))
            filled += rows
        if filled < part.height:
            raise PageChanged(f"{path} goes on in a file that is gone; its next run takes it as it is now.")
        return part

    def close(self) -> None:
        """Close the books that are open."""
        with self._lock:
            for file, _, _ in self._books.values():
                file.close()
            self._books.clear()
            self._pages.clear()

    def _opened(self, path: str) -> tuple[BinaryIO, Book, threading.Lock]:
        from morpheus_assets.images.books.opening import open_book

        with self._lock:
            if path in self._books:
                self._books.move_to_end(path)
                return self._books[path]
            file = self.source.open(path, MAX_BOOK_BYTES)
            if file is None:
                raise UnreadableBook(f"{self.source.display_name(path)} is gone, or larger than before.")
            try:
                opened = (file, open_book(file, path.rpartition("/")[2], max_pixels=self.max_pixels), threading.Lock())
            except BaseException:
                file.close()
                raise
            self._books[path] = opened
            while len(self._books) > _BOOKS:
                self._books.popitem(last=False)
        return opened


def _sized(part: "Image.Image", width: int) -> "Image.Image":
    """A part of a page at its own size: a large one comes smaller."""
    return part if part.width == width else part.resize((width, round(part.height * width / part.width)))
