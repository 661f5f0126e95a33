"""The rows of the store as plain values, the same going in and coming out; no SQL and no behaviour.

Digests are hex sha256 of files or bodies; a `content_hash` is the 32 raw bytes of the exact bytes that get embedded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class HeadingRecord:
    """A heading that the file's own markup names; `char_offset` into the novel's text, `level` from 1."""

    char_offset: int
    level: int
    text: str
    source: str
    role: str = ""


@dataclass(frozen=True)
class NovelRecord:
    """One novel's text as it was read. `text` is NFC with LF; chapters and chunks are offsets into it.

    `reader` is the version of what read it.
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
    hints: tuple[HeadingRecord, ...] = ()
    reader: str | None = None


@dataclass(frozen=True)
class StoredText:
    """What is told of a stored text without reading it; `mark` changes with all that chapters are found by."""

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


@dataclass(frozen=True)
class NovelSummary:
    """One stored novel without its text: what lists, checks and the plan show."""

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

    @property
    def has_text(self) -> bool:
        """Whether a text is stored (a refusal keeps the one that was there)."""
        return self.body_digest is not None


class ChapterLike(Protocol):
    """What a chapter must tell; the text floor's own type fits."""

    @property
    def ordinal(self) -> int: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def char_start(self) -> int: ...  # noqa: D102
    @property
    def char_end(self) -> int: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102


class ChunkLike(Protocol):
    """What a chunk must tell; the text floor's own type fits."""

    @property
    def chapter(self) -> int: ...  # noqa: D102
    @property
    def ordinal(self) -> int: ...  # noqa: D102
    @property
    def char_start(self) -> int: ...  # noqa: D102
    @property
    def char_end(self) -> int: ...  # noqa: D102
    @property
    def token_count(self) -> int: ...  # noqa: D102
    @property
    def content_hash(self) -> bytes: ...  # noqa: D102
    @property
    def body(self) -> str: ...  # noqa: D102


class CutChapterLike(Protocol):
    """What a chapter that was cut into chunks must tell; the text floor's own type fits.

    `spans` is None where the chunks of an equal chapter are to be taken over, and `chunks` are none then.
    """

    @property
    def chapter(self) -> int: ...  # noqa: D102
    @property
    def char_start(self) -> int: ...  # noqa: D102
    @property
    def char_end(self) -> int: ...  # noqa: D102
    @property
    def content_hash(self) -> bytes: ...  # noqa: D102
    @property
    def first_chunk(self) -> int: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102
    @property
    def spans(self) -> Sequence[tuple[int, int, int]] | None: ...  # noqa: D102
    @property
    def chunks(self) -> Iterator[ChunkLike]: ...  # noqa: D102


@dataclass(frozen=True)
class ChapterRecord:
    """One chapter: `ordinal` from 1 in reading order, offsets into the novel's text, `line` of its heading from 1."""

    ordinal: int
    title: str
    kind: str
    char_start: int
    char_end: int
    line: int


@dataclass(frozen=True)
class ChunkRecord:
    """One passage: `text[char_start:char_end] == body`; `ordinal` counts from 1 through the novel."""

    chapter: int
    ordinal: int
    char_start: int
    char_end: int
    token_count: int
    content_hash: bytes
    body: str


@dataclass(frozen=True)
class ChapterCount:
    """The chunks of one chapter, their tokens, and those of the largest."""

    chapter: int
    chunks: int
    tokens: int
    largest: int


@dataclass(frozen=True)
class PanelRecord:
    """One picture, stored or refused. `path` is relative to the novel's panel folder, with forward slashes."""

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


@dataclass(frozen=True)
class ReplaceCounts:
    """What replacing a novel's rows did."""

    written: int
    unchanged: int
    deleted: int


@dataclass(frozen=True)
class SourceFile:
    """What a sensor saw of one file: `kind` is "text" or "panel"; `digest` is None until it was hashed."""

    kind: str
    path: str
    novel: str
    size_bytes: int
    mtime_ns: int
    digest: str | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True)
class Tombstone:
    """A source file that vanished while its rows are kept."""

    novel: str
    kind: str
    path: str
    noticed_at: datetime


NovelNames = str | Sequence[str]
