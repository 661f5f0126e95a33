"""A novel from its file to its chunks: read, find chapters, cut. Embeddings, one asset a space, are in embeddings.py.

Each asset asks what is stored, and computes novel by novel what would be another; io_managers/ stores it.
"""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.content_sources import NOVEL_FILES
from morpheus_assets.defs.assets.metadata import CHAPTER_COLUMNS, CHUNK_COLUMNS, NOVEL_COLUMNS
from morpheus_assets.defs.assets.partitioned import LazyPartitions, by_novel
from morpheus_assets.defs.assets.values import (
    OF_TEXT,
    OWNERS,
    UNCHANGED,
    ChaptersOfAnotherText,
    CutNovel,
    FoundChapters,
    NovelFile,
    ReadNovel,
    RefusedNovel,
    StoredChapters,
    StoredNovel,
    Unchanged,
)
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.domain.content import NovelRecord, StoredText
from morpheus_assets.sources.base import Entry, FileUnreadable, Source
from morpheus_assets.sources.listing import NovelEntries
from morpheus_assets.sources.names import files_digest
from morpheus_assets.text.chapters import CHAPTER_RULES
from morpheus_assets.text.reader_version import READER_RULES

if TYPE_CHECKING:
    from morpheus_assets.text.chunking.settings import ChunkerSettings


@dg.asset(
    deps=[NOVEL_FILES],
    partitions_def=NOVELS,
    group_name="text",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags=OF_TEXT,
    code_version=READER_RULES,
    io_manager_key="novels_io_manager",
    metadata={"dagster/column_schema": NOVEL_COLUMNS, "dagster/table_name": "novels"},
)
def novels(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.Output[LazyPartitions]:
    """The text of each novel: one row a novel, decoded, mended where it was damaged, with LF and NFC.

    Read from `content/novels/<novel>.<suffix>`, or from a folder `content/novels/<novel>/` of chapter files;
    text/formats.py lists the suffixes. A file that cannot be read, in a folder any of them, leaves the text that is
    already stored in place and fails with one sentence, once. A re-run does not decode the files again when their
    bytes, their names and the reader are those of the stored text.
    """
    from morpheus_assets.store.content.novels import novel_record, refused_before, text_if_read

    folder = content_folder.in_one_step()

    def read(novel: str) -> NovelRecord | StoredText | Unchanged:
        file = read_novel(folder, novel)
        if file.source_digest:
            stored = text_if_read(database.engine, novel, file.source_path, file.source_digest, file.reader)
            if stored is not None:
                return stored
        try:
            found = file.read()
        except RefusedNovel as refusal:
            if not refused_before(database.engine, novel, refusal.source_digest):
                raise
            # said by the run that met it first, and by a check since; what was read of the novel before stands
            context.log.warning(str(refusal))
            return UNCHANGED
        return novel_record(novel, found.document, found.source_path, found.source_digest)

    return recorded_by_io_manager(LazyPartitions(context.partition_keys, read))


def read_novel(content_folder: ContentFolderResource, novel: str) -> NovelFile:
    """Look at one novel's file or folder; raises SourceMissing when there is none."""
    from morpheus_assets.text.reader_version import reader_version

    source, found = content_folder.novels, content_folder.novel_files(novel)
    mark = None
    with suppress(FileUnreadable):
        mark = files_digest(_marks(source, found)) if found.is_folder else source.mark(found.entries[0])
    read = partial(_read_folder, source, found) if found.is_folder else partial(_read, source, found.entries[0])
    return NovelFile(found.path, mark, reader_version(), read)


def _read(source: Source, entry: Entry) -> ReadNovel:
    from morpheus_assets.text.formats import size_limit
    from morpheus_assets.text.novel_files import UnreadableNovelFile, read_novel_object

    name, limit = entry.path, size_limit(entry.path)
    try:
        data = source.read(name, limit) if entry.size <= limit else None
        # of the bytes that were read: the file may be another since it was listed
        mark, size = (source.mark(entry), entry.size) if data is None else (entry.mark_of(data), len(data))
        document = read_novel_object(name, size, mark, lambda: data)
    except UnreadableNovelFile as error:
        raise RefusedNovel(str(error), name, error.digest) from error
    except FileUnreadable as error:
        raise RefusedNovel(str(error), name, None) from error
    return ReadNovel(document, name, mark)


def _read_folder(source: Source, found: NovelEntries) -> ReadNovel:
    from morpheus_assets.text.errors import UnreadableText
    from morpheus_assets.text.formats import size_limit
    from morpheus_assets.text.novel_folders import read_novel_folder

    below = {entry.path.removeprefix(found.path): entry for entry in found.entries}
    marks: dict[str, str] = {}

    def read(path: str) -> bytes | None:
        entry = below[path]
        data = source.read(entry.path, size_limit(path))
        marks[entry.path] = source.mark(entry) if data is None else entry.mark_of(data)
        return data

    try:
        sizes = {path: entry.size for path, entry in below.items()}
        document = read_novel_folder(found.path.removesuffix("/"), sizes, read, source.concurrent_reads)
    except UnreadableText as error:
        digest = files_digest(marks.items() if len(marks) == len(below) else _marks(source, found))
        raise RefusedNovel(str(error), found.path, digest) from error
    except FileUnreadable as error:
        raise RefusedNovel(str(error), found.path, None) from error
    return ReadNovel(document, found.path, files_digest(marks.items()))


def _marks(source: Source, found: NovelEntries) -> list[tuple[str, str]]:
    return [(entry.path, source.mark(entry)) for entry in found.entries]


@dg.asset(
    partitions_def=NOVELS,
    group_name="text",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags=OF_TEXT,
    code_version=CHAPTER_RULES,
    io_manager_key="chapters_io_manager",
    metadata={"dagster/column_schema": CHAPTER_COLUMNS, "dagster/table_name": "chapters"},
)
def chapters(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource], novels: Any
) -> dg.Output[LazyPartitions]:
    """The chapters of each novel: one row a chapter, with its place in the text.

    A novel without chapters is cut into sections by size. A re-run replaces the rows that changed and deletes those
    that are gone; it searches again only when the text or the rules are others.
    """
    from morpheus_assets.text.chapters.find import find_chapters

    texts = by_novel(context.partition_keys, novels)

    def find(novel: str) -> FoundChapters:
        text = texts[novel]
        stages = text.stages()
        hold = (stages.chapters_whole, stages.chapters_rules, stages.chapters_text) == (True, CHAPTER_RULES, text.mark)
        rows = UNCHANGED if hold else find_chapters(text.load())
        return FoundChapters(rows, text.source_digest, text.mark, CHAPTER_RULES)

    return recorded_by_io_manager(LazyPartitions(context.partition_keys, find))


def build_chunks_asset(settings: "ChunkerSettings") -> dg.AssetsDefinition:
    """The asset `chunks`, cut by `settings`; its code version names the chunker."""

    @dg.asset(
        partitions_def=NOVELS,
        group_name="text",
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=OF_TEXT,
        code_version=settings.version(),
        io_manager_key="chunks_io_manager",
        metadata={"dagster/column_schema": CHUNK_COLUMNS, "dagster/table_name": "chunks"},
    )
    def chunks(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        novels: Any,
        chapters: Any,
    ) -> dg.Output[LazyPartitions]:
        """The passages that are embedded and searched: one row a chunk, shared by all text spaces.

        A chunk never crosses a chapter and keeps the sha256 of its text, by which vectors are found again: an edit
        of one paragraph changes the hash of the chunks around it and of no others. Chapters that are the same are
        not cut again, wherever they stand.
        """
        from morpheus_assets.store.content.chunks import known_digests
        from morpheus_assets.text.chunking.chunks import cut_chapters

        texts = by_novel(context.partition_keys, novels)
        found = by_novel(context.partition_keys, chapters)

        def cut(novel: str) -> CutNovel:
            text, chapters = texts[novel], found[novel]
            _check_same_text(novel, text, chapters)
            stages = text.stages()
            own = settings.of_novel(stages.language, stages.chunker)
            chunker = own.version()
            titles = {chapter.ordinal: chapter.title for chapter in chapters.rows}
            made = (text.source_digest, text.body_digest, chunker, titles, stages.text_config)
            if (stages.chunks_whole, stages.chunker, stages.chunks_text) == (True, chunker, text.body_digest):
                return CutNovel(UNCHANGED, *made)
            known = known_digests(database.engine, novel, chunker=chunker) if stages.chunker == chunker else frozenset()
            # Chapter by chapter, while those before are written.
            return CutNovel(cut_chapters(text.load().text, chapters.rows, own, known), *made)

        return recorded_by_io_manager(LazyPartitions(context.partition_keys, cut))

    return chunks


def _check_same_text(novel: str, text: StoredNovel, chapters: StoredChapters) -> None:
    known = chapters.source_digest, chapters.text_mark or text.mark
    if known != (text.source_digest, text.mark):
        raise ChaptersOfAnotherText(
            f"The chapters of {novel} belong to another text than the one that is stored; materialize `novels`,"
            " `chapters` and `chunks` for it together."
        )
