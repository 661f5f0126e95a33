"""A book of pages as a value: its pages in reading order, what is wrong with some, and what it says of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from morpheus_assets.images.boxes import Box
from morpheus_assets.images.reading_order import Direction

# A run of several hundred pages at print size; what is more is no book of pictures, or a bomb.
MAX_ENTRIES = 5_000
MAX_PAGE_BYTES = 256 * 1024 * 1024
MAX_TOTAL_BYTES = 8 * 1024 * 1024 * 1024
MAX_RATIO = 200
# Below this an archive may be pressed as much as it likes: a blank page is.
RATIO_COUNTS_FROM = 64 * 1024 * 1024
BOOK_SUFFIXES = (".cbz", ".zip", ".cbr", ".rar", ".cb7", ".7z", ".cbt", ".tar", ".pdf", ".epub")


class UnreadableBook(Exception):
    """This book cannot be read at all; the message is one sentence that names the file and the way out."""


@dataclass(frozen=True)
class BookPage:
    """One page: its name within the book, and what the book says of it.

    `role` is "cover", "story", "advertisement", "credits" … in lower case, "" where the book says nothing; `frames` are
    the author's boxes of its panels in reading order, in pixels of the page, or in shares of it where `in_shares`.
    """

    entry: str
    role: str = ""
    spread: bool = False
    frames: tuple[tuple[float, float, float, float], ...] = ()
    in_shares: bool = False

    def boxes(self, size: tuple[int, int]) -> tuple[Box, ...]:
        """The frames in pixels of a page of `size`, without those that lie outside of it."""
        across, down = size if self.in_shares else (1, 1)
        found = []
        for left, top, right, bottom in self.frames:
            box = (
                max(0, round(left * across)),
                max(0, round(top * down)),
                min(size[0], round(right * across)),
                min(size[1], round(bottom * down)),
            )
            if box[2] > box[0] and box[3] > box[1]:
                found.append(box)
        return tuple(found)


@dataclass(frozen=True)
class BookFacts:
    """What a book says of itself, each None or "" where it does not: ComicInfo.xml, an EPUB's package, ACBF."""

    title: str | None = None
    series: str | None = None
    number: str | None = None
    volume: str | None = None
    writer: str | None = None
    language: str | None = None
    direction: Direction | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    """The pages of one file in reading order. `read` gives a page's bytes, or raises UnreadableBook with a sentence.

    `refused` are entries that cannot be a page, with a sentence each; `skipped` counts what is no page anyway.
    """

    kind: str
    pages: tuple[BookPage, ...]
    read: Callable[[str], bytes]
    facts: BookFacts = field(default_factory=BookFacts)
    refused: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0
