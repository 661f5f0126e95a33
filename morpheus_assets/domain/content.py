"""Novels, chapters, chunks and panels as values, the same where they are made, stored and shown.

Digests are hex sha256 of files or bodies; a `content_hash` is the 32 raw bytes of the exact bytes that get embedded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class HeadingHint:
    """A heading that the file's own markup names.

    `char_offset` is that of its first character in the novel's text; `level` is 1 for the outermost. `source` is
    "html", "markdown", "docx", "aozora", "epub-toc" (the book's table of contents points here), "epub-heading" (an
    h1-h6 inside a spine file), "epub-page" (a spine file begins here; it has no text) or "file" (a file of a folder of
    chapters begins here; the text is its name). Levels from flattening.NAMED_TITLE on are no headings by their markup,
    but stand like them. `role` is "chapter", "part", "front", "back", "contents" (a page that lists the chapters), or
    "" where the file does not say.
    """

    char_offset: int
    level: int
    text: str
    source: str
    role: str = ""


@dataclass(frozen=True)
class NovelRecord:
    """One novel's text as it was read. `text` is NFC with LF; chapters and chunks are offsets into it.

    `reader` is the version of the reader.
    """

    novel: str
    title: str | None
    author: str | None
    language: str
    format: str
    encoding: str
    repairs: tuple[str, ...]
    source_path: str
    source_digest: str
    text: str
    body_digest: str
    hints: tuple[HeadingHint, ...] = ()
    reader: str | None = None


@dataclass(frozen=True)
class StoredStages:
    """By which rules the stored chapters and chunks of a novel were made, and of which text.

    `chapters_text` is the `mark` of a text, `chunks_text` its body's digest. What is `whole` is there as it was stored,
    the chunks also for the language and the chapters that are stored now.
    """

    language: str
    text_config: str
    chapters_rules: str | None
    chapters_text: str | None
    chapters_whole: bool
    chunker: str | None
    chunks_text: str | None
    chunks_whole: bool


@dataclass(frozen=True)
class StoredText:
    """A stored text, described without reading it; `mark` changes with all that chapters are found by.

    `stages` is what was stored of the stages after it at the moment of the look, `table_rows` the number of novels.
    """

    title: str | None
    author: str | None
    language: str
    format: str
    encoding: str
    repairs: tuple[str, ...]
    source_path: str
    source_digest: str
    body_digest: str
    characters: int
    mark: str
    stages: StoredStages = field(compare=False)
    table_rows: int = field(compare=False)


@dataclass(frozen=True)
class NovelSummary:
    """One stored novel without its text, for lists, checks and the plan."""

    novel: str
    title: str | None
    author: str | None
    language: str
    format: str | None
    encoding: str | None
    repairs: tuple[str, ...]
    source_path: str | None
    source_digest: str | None
    body_digest: str | None
    characters: int
    chunker: str | None
    panels_digest: str | None
    refused_path: str | None
    refused_digest: str | None
    refused_reason: str | None
    chapters: int
    chunks: int
    tokens: int
    panels: int
    refused_panels: int
    updated_at: datetime


@dataclass(frozen=True)
class Chapter:
    """A piece of a novel: text[char_start:char_end].

    `kind` is "chapter", which interludes and side stories are too; "front" or "back" for pieces around the chapters
    (a preface, a prologue, an epilogue), "Front matter" where they have no name; "section" for pieces of a book without
    chapters. Chapters and sections count from 1, the piece in front of them is 0, one before it -1; pieces at the back
    count on. `line` is the 1-based line of char_start in the text.
    """

    ordinal: int
    title: str
    char_start: int
    char_end: int
    line: int
    kind: str = "chapter"


@dataclass(frozen=True)
class Chunk:
    """A passage: `text[char_start:char_end] == body`, and `content_hash` is the sha256 of body in UTF-8.

    `chapter` is the chapter's ordinal; `ordinal` counts from 1 through the novel; `token_count` is in word pieces.
    """

    chapter: int
    ordinal: int
    char_start: int
    char_end: int
    token_count: int
    content_hash: bytes
    body: str


@dataclass(frozen=True)
class CutChunk:
    """A chunk within its chapter: `chapter_text[char_start:char_end] == body`, hashed and measured as a `Chunk`."""

    char_start: int
    char_end: int
    token_count: int
    content_hash: bytes
    body: str


@dataclass(frozen=True)
class CutChapter:
    """A chapter, text[char_start:char_end], cut into chunks; `digest` is the sha256 of that stretch in UTF-8.

    `chunks` is None where they follow from a chapter of the same digest that is stored already.
    """

    chapter: int
    char_start: int
    char_end: int
    digest: bytes
    chunks: Iterable[CutChunk] | None = field(repr=False)


@dataclass(frozen=True)
class ChapterCount:
    """The chunks of one chapter, their tokens, and those of the largest."""

    chapter: int
    chunks: int
    tokens: int
    largest: int


@dataclass(frozen=True)
class SamplePassage:
    """The beginning of a passage, to be looked at; `tokens` are those of the whole."""

    chapter: int
    tokens: int
    body: str


@dataclass(frozen=True)
class PanelRecord:
    """One page: a picture, stored or refused. `path` is a file's below panels/, with forward slashes.

    `entry` is its name within the archive, PDF or EPUB at that path, "" for a file that is the picture itself;
    `ordinal` its place among the novel's pages, from 1; `role` "cover", "advertisement" … where the book says so;
    `direction` how its panels are read, "ltr" or "rtl"; `frames` the author's boxes of them in pixels; `edges`
    its first and last row, by which files of one strip are known (images/strips.py). `content_hash` is the sha256 of
    the picture's bytes. `id` and `cut_of` are the store's: its number, and what its regions were made of.
    """

    path: str
    state: str
    size_bytes: int
    reason: str | None = None
    content_hash: bytes | None = None
    format: str | None = None
    mode: str | None = None
    width: int | None = None
    height: int | None = None
    treatments: tuple[str, ...] = ()
    entry: str = ""
    ordinal: int = field(default=0, compare=False)
    role: str = ""
    direction: str = "ltr"
    spread: bool = False
    frames: tuple[tuple[int, ...], ...] = ()
    edges: bytes = b""
    id: int | None = field(default=None, compare=False)
    cut_of: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ComicBook:
    """What an archive, EPUB or PDF of pages says of itself, each None where it does not (ComicInfo.xml, ACBF, …).

    `path` is the file's below panels/, "" for a ComicInfo.xml beside the pages of a folder; `direction` is "ltr" or
    "rtl".
    """

    path: str
    title: str | None = None
    series: str | None = None
    number: str | None = None
    volume: str | None = None
    writer: str | None = None
    language: str | None = None
    direction: str | None = None


@dataclass(frozen=True)
class ReplaceCounts:
    """The outcome of replacing a novel's rows."""

    written: int
    unchanged: int
    deleted: int


@dataclass(frozen=True)
class SourceFile:
    """A sensor's observation of one file: `kind` is "text" or "panel"; `digest` is None until it was hashed."""

    kind: str
    path: str
    novel: str
    size_bytes: int
    mtime_ns: int
    digest: str | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True)
class SourceSummary:
    """What is known of the files of a kind: how many, of how many novels, their bytes, and when the newest changed.

    `newest` is in nanoseconds since 1970; None where there are none.
    """

    files: int
    novels: int
    bytes: int
    newest: int | None


@dataclass(frozen=True)
class Tombstone:
    """A source file that vanished while its rows are kept."""

    novel: str
    kind: str
    path: str
    noticed_at: datetime


NovelNames = str | Sequence[str]
