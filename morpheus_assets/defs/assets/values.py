"""Values between assets and their IO managers: computed ones are rows or iterators of them, stored ones may be lazy."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.domain.content import Chapter, ComicBook, CutChapter, PanelRecord, StoredStages
from morpheus_assets.domain.embeddings import Arrival
from morpheus_assets.domain.spaces import Space, SpaceRow, space_key

if TYPE_CHECKING:
    from morpheus_assets.services.page_cutting import CutPage
    from morpheus_assets.text.documents import Document


OWNERS = ["team:content"]
OF_TEXT, OF_IMAGES = {"morpheus/purpose": "text"}, {"morpheus/purpose": "image"}


def space_tags(space: Space) -> dict[str, str]:
    """The tags by which assets of a space are selected: its purpose, provider and model, as slugs."""
    return {
        "morpheus/purpose": space.purpose,
        "morpheus/provider": space_key(space.provider)[:63],
        "morpheus/model": space_key(space.model)[:63],
    }


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
    """A stored text that is loaded when it is needed; `mark` changes with all that chapters are found by.

    `stages` tells what is stored of the stages after it: the first time as it was at the first look, then asked anew.
    """

    source_digest: str
    body_digest: str
    mark: str
    load: Callable[[], "Document"]
    stages: Callable[[], StoredStages]


class RefusedNovel(Exception):
    """A novel's file cannot be read; the message is one sentence, the rest says which bytes of which file."""

    def __init__(self, reason: str, source_path: str, source_digest: str | None) -> None:
        super().__init__(reason)
        self.source_path = source_path
        self.source_digest = source_digest


class ChaptersOfAnotherText(Exception):
    """Chapters and text were stored by different runs; the message is one sentence."""


class Unchanged(Enum):
    """Stands for rows that would be just the stored ones, so they were not computed."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True)
class FoundChapters:
    """The chapters of one novel, and what they follow from: the text's source and mark, and the rules."""

    rows: Sequence[Chapter] | Unchanged
    source_digest: str
    text_mark: str
    rules: str


@dataclass(frozen=True)
class StoredChapters:
    """The stored chapters of one novel, the digest of the source they were found in, and the text's mark, if known."""

    rows: Sequence[Chapter]
    source_digest: str | None
    text_mark: str | None = None


@dataclass(frozen=True)
class CutNovel:
    """The chapters of one novel cut into chunks, one after the other, and what they follow from: text and chunker.

    `titles` are those of the chapters, by ordinal, and `text_config` is the text search configuration of the text.
    """

    chapters: Iterable[CutChapter] | Unchanged
    source_digest: str
    body_digest: str
    chunker: str
    titles: Mapping[int, str]
    text_config: str | None = None


@dataclass(frozen=True)
class NovelPanels:
    """The pages of one novel in reading order, the digest of all their files, and the first of them as a picture.

    `books` are what archives say of themselves, `notes` sentences about what had to be mended of that.
    """

    rows: Sequence[PanelRecord]
    digest: str
    contact_sheet: dg.MarkdownMetadataValue
    books: Sequence[ComicBook] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class CutNovelPages:
    """The pages of one novel as they are cut, once; `problems` are sentences about a person's corrections."""

    count: int
    problems: Sequence[str]
    pages: Iterable["CutPage"]


@dataclass(frozen=True)
class SpaceStream:
    """The vectors that novels lacked in one space, as they arrive. Close `arrivals` when it is not read to its end."""

    row: SpaceRow
    arrivals: Generator[Arrival, None, None]


@dataclass(frozen=True)
class NovelsEmbeddings:
    """The embeddings of a step: one stream for each space that it fills, `space` as the last.

    The others are spaces that answer searches while the settings no longer name them. `novels` are all of the step;
    `excluded` are those of them that cannot be embedded, `exempt` those that the space is not for, each with the
    sentence that says why: the first fail, the second are whole without a vector.
    `leads` says that `space` is the first of its purpose in the settings and none answers searches yet: it will.
    """

    space: Space
    novels: Sequence[str]
    excluded: Mapping[str, str]
    streams: Iterable[SpaceStream]
    leads: bool
    exempt: Mapping[str, str] = field(default_factory=dict)
