"""The text chain up to chunks: novels, chapters, chunks. Embeddings, one asset a space, are in embeddings.py.

Assets compute; io_managers.py stores. All are partitioned by novel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.assets.partition_results import PartitionResults, by_novel
from morpheus_assets.assets.schemas import CHAPTER_COLUMNS, CHUNK_COLUMNS, NOVEL_COLUMNS
from morpheus_assets.novel_events import recorded_by_io_manager
from morpheus_assets.partitions import NOVELS
from morpheus_assets.resources import ContentFolderResource
from morpheus_assets.text.chapter_finding import CHAPTER_RULES

if TYPE_CHECKING:
    from morpheus_assets.text.chunker_settings import ChunkerSettings
    from morpheus_assets.text.chunking import Chunk
    from morpheus_assets.text.documents import Document

OWNERS = ["team:content"]


@dataclass(frozen=True)
class ReadNovel:
    """A novel as it was read: the document, and which bytes of which file it came from."""

    document: "Document"
    source_path: str
    source_digest: str


class RefusedNovel(Exception):
    """A novel's file cannot be read; the message is one sentence, the rest says which bytes of which file."""

    def __init__(self, reason: str, source_path: str, source_digest: str | None) -> None:
        super().__init__(reason)
        self.source_path = source_path
        self.source_digest = source_digest


class ChaptersOfAnotherText(Exception):
    """Chapters and text were stored by different runs; the message is one sentence."""


@dataclass(frozen=True)
class FoundChapters:
    """The chapters of a novel, and the digest of the source that they were found in."""

    rows: Sequence[Any]
    source_digest: str | None


@dataclass(frozen=True)
class CutNovel:
    """The chunks of a novel, cut while they are stored, of which source, and the version of the chunker."""

    chunks: Iterator["Chunk"]
    chunker: str
    titles: dict[int, str]
    source_digest: str


@dg.asset(
    partitions_def=NOVELS,
    group_name="text",
    kinds={"python", "postgres"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="novels_io_manager",
    metadata={"dagster/column_schema": NOVEL_COLUMNS, "dagster/table_name": "novels"},
)
def novels(
    context: dg.AssetExecutionContext, content_folder: dg.ResourceParam[ContentFolderResource]
) -> dg.Output[PartitionResults]:
    """The text of each novel: one row a novel, decoded, mended where it was damaged, with LF and NFC.

    Read from `content/novels/<novel>.{txt,md,html,epub,docx}`. A file that cannot be read leaves the text that is
    already stored in place and fails with one sentence. A re-run reads the file again and changes nothing when the
    file is the same.
    """
    results = PartitionResults(context.partition_keys, partial(read_novel, content_folder.in_one_step()))
    return recorded_by_io_manager(results)


def read_novel(content_folder: ContentFolderResource, novel: str) -> ReadNovel:
    """Read one novel's file; raises RefusedNovel, or SourceMissing when there is no file."""
    from morpheus_assets.places.objects import ClosedObject
    from morpheus_assets.text.formats import size_limit
    from morpheus_assets.text.novel_files import UnreadableNovelFile, read_novel_file, read_novel_object

    source = content_folder.novel_file(novel)
    name = source.name if isinstance(source, Path) else source.path
    try:
        if isinstance(source, Path):
            document, digest = read_novel_file(source)
        else:
            read = partial(content_folder.novels.read, name, size_limit(name))
            document, digest = read_novel_object(name, source.size, source.mark, read), source.mark
    except UnreadableNovelFile as error:
        raise RefusedNovel(str(error), name, error.digest) from error
    except ClosedObject as error:
        raise RefusedNovel(str(error), name, None) from error
    return ReadNovel(document, name, digest)


@dg.asset(
    partitions_def=NOVELS,
    group_name="text",
    kinds={"python", "postgres"},
    owners=OWNERS,
    code_version=CHAPTER_RULES,
    io_manager_key="chapters_io_manager",
    metadata={"dagster/column_schema": CHAPTER_COLUMNS, "dagster/table_name": "chapters"},
)
def chapters(context: dg.AssetExecutionContext, novels: Any) -> dg.Output[PartitionResults]:
    """The chapters of each novel: one row a chapter, with its place in the text.

    A novel without chapters is cut into sections by size. A re-run replaces the rows that changed and deletes those
    that are gone.
    """
    from morpheus_assets.text.chapters import find_chapters

    documents = by_novel(context.partition_keys, novels)

    def find(novel: str) -> FoundChapters:
        read = documents[novel]
        return FoundChapters(find_chapters(read.document), read.source_digest)

    return recorded_by_io_manager(PartitionResults(context.partition_keys, find))


def build_chunks_asset(settings: "ChunkerSettings") -> dg.AssetsDefinition:
    """The asset `chunks`, cut by `settings`; its code version names the chunker."""

    @dg.asset(
        partitions_def=NOVELS,
        group_name="text",
        kinds={"python", "postgres"},
        owners=OWNERS,
        code_version=settings.version(),
        io_manager_key="chunks_io_manager",
        metadata={"dagster/column_schema": CHUNK_COLUMNS, "dagster/table_name": "chunks"},
    )
    def chunks(context: dg.AssetExecutionContext, novels: Any, chapters: Any) -> dg.Output[PartitionResults]:
        """The passages that are embedded and searched: one row a chunk, shared by all text spaces.

        A chunk never crosses a chapter and keeps the sha256 of its text, by which vectors are found again: an edit
        of one paragraph changes the hash of the chunks around it and of no others.
        """
        from morpheus_assets.text.chunking import cut_chunks

        texts = by_novel(context.partition_keys, novels)
        found = by_novel(context.partition_keys, chapters)

        def cut(novel: str) -> CutNovel:
            read, rows = texts[novel], found[novel].rows
            if found[novel].source_digest != read.source_digest:
                raise ChaptersOfAnotherText(
                    f"The chapters of {novel} belong to another text than the one that is stored; materialize `novels`,"
                    " `chapters` and `chunks` for it together."
                )
            titles = {chapter.ordinal: chapter.title for chapter in rows}
            chunks = cut_chunks(read.document.text, rows, settings)
            return CutNovel(chunks, settings.version(), titles, read.source_digest)

        return recorded_by_io_manager(PartitionResults(context.partition_keys, cut))

    return chunks
