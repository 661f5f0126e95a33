"""Values that pass between assets and their IO managers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.domain.spaces import Space
from morpheus_assets.sources.base import Source
from morpheus_assets.sources.names import MAX_PANEL_BYTES

if TYPE_CHECKING:
    from morpheus_assets.embedding.packs import EmbeddedBatch, RefusedInput
    from morpheus_assets.store.spaces.coverage import MissingInput
    from morpheus_assets.text.chunking.chunks import CutChapter
    from morpheus_assets.text.documents import Document


OWNERS = ["team:content"]


@dataclass(frozen=True)
class ReadNovel:
    """A novel as it was read: the document, and which bytes of which file it came from."""

    document: "Document"
    source_path: str
    source_digest: str


@dataclass(frozen=True)
class NovelFile:
    """A novel's file as it lies there. `read` decodes it with `reader`, and raises RefusedNovel.

    `source_digest` is the source's mark of its bytes; None when they cannot be read.
    """

    source_path: str
    source_digest: str | None
    reader: str
    read: Callable[[], ReadNovel]


@dataclass(frozen=True)
class StoredNovel:
    """A stored text that is loaded when it is needed; `mark` changes with all that chapters are found by."""

    source_digest: str
    body_digest: str
    mark: str
    load: Callable[[], "Document"]


class RefusedNovel(Exception):
    """A novel's file cannot be read; the message is one sentence, the rest says which bytes of which file."""

    def __init__(self, reason: str, source_path: str, source_digest: str | None) -> None:
        super().__init__(reason)
        self.source_path = source_path
        self.source_digest = source_digest


class ChaptersOfAnotherText(Exception):
    """Chapters and text were stored by different runs; the message is one sentence."""


@dataclass(frozen=True)
class ChapterSearch:
    """Where a novel's chapters are to be found, by which rules; `find` does it."""

    novel: StoredNovel
    rules: str
    find: Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class FoundChapters:
    """The chapters of a novel, the digest of the source they were found in, and the mark of the text, if known."""

    rows: Sequence[Any]
    source_digest: str | None
    text_mark: str | None = None


@dataclass(frozen=True)
class CutNovel:
    """A novel to be cut: its text and chapters, the version of the chunker, and the loading of what cuts them.

    What `load` gives is told which chapters are cut already (see `text.chunking.cut_chapters`).
    """

    novel: StoredNovel
    chunker: str
    titles: dict[int, str]
    load: Callable[[], Callable[[Mapping[bytes, int]], Iterator["CutChapter"]]]


@dataclass(frozen=True)
class FoundPanels:
    """The panels of one novel: rows in reading order, the digest of all their files, and where they lie."""

    rows: list[PanelRecord]
    digest: str
    source: Source

    def make_sure(self, stored: Callable[[], Iterable[str]]) -> None:
        """Raise ContentUnreadable when a file of the `stored` paths is there although the listing lacked it."""
        self.source.verify_absent(set(stored()) - {row.path for row in self.rows}, MAX_PANEL_BYTES)

    def first_pictures(self) -> list[tuple[str, bytes]]:
        """(label, bytes) of the first stored panels."""
        from morpheus_assets.images.previews import MAX_TILES

        stored = [row for row in self.rows if row.state == "stored"]
        read = ((row.path, self.source.read(row.path, MAX_PANEL_BYTES)) for row in stored[:MAX_TILES])
        return [(PurePosixPath(path).name, data) for path, data in read if data is not None]


@dataclass(frozen=True)
class EmbeddingStream:
    """The work of one step: `embed` turns what is missing of `novels` into vectors of a space, a batch at a time.

    `leads` says that the space is the first of its purpose in the settings: it answers searches when none does yet,
    and its step also completes a space that answers while the settings no longer name it.
    `excluded` holds novels that this space is not for, with the sentence that says so.
    """

    space: Space
    novels: Sequence[str]
    embed: "Callable[[Space, Iterable[MissingInput]], Iterator[EmbeddedBatch | RefusedInput]]"
    leads: bool
    excluded: Mapping[str, str] = field(default_factory=dict)
