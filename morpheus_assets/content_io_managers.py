"""IO managers of the rows that are read from files: novels, chapters, chunks, panels. No SQL here."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.assets.metadata import chapter_preview, counted_by_chapter, panel_sheet, replaced
from morpheus_assets.assets.panels import FoundPanels
from morpheus_assets.assets.text import CutNovel, FoundChapters, ReadNovel, RefusedNovel
from morpheus_assets.io_managers import Metadata, NovelPartitionsIOManager
from morpheus_assets.novel_records import novel_record
from morpheus_assets.resources import DatabaseResource
from morpheus_assets.store import content
from morpheus_assets.store.records import ChunkRecord, PanelRecord
from morpheus_assets.text.documents import Document, HeadingHint


class ContentIOManager(NovelPartitionsIOManager[Any]):
    """What the four have in common: the database."""

    def __init__(self, database: DatabaseResource) -> None:
        self.database = database

    @property
    def engine(self) -> Engine:
        """The engine of the content database."""
        return self.database.engine


class NovelsIOManager(ContentIOManager):
    """One row a novel; a refused file is noted beside the text that is already stored."""

    def store(self, novel: str, value: ReadNovel) -> Metadata:
        """Write the text; an identical one is not written again."""
        document = value.document
        record = novel_record(novel, document, value.source_path, value.source_digest)
        changed = content.upsert_novel(self.engine, record)
        return {
            "dagster/row_count": 1,
            "characters": len(document.text),
            "title": document.title or novel,
            "author": document.author or "unknown",
            "language": document.language,
            "format": document.format,
            "encoding": document.encoding,
            "file": value.source_path,
            "mended": dg.MetadataValue.md("\n".join(f"- {repair}" for repair in document.repairs) or "nothing"),
            "changed": changed,
        }

    def note_failure(self, novel: str, error: Exception) -> None:
        """Remember which bytes were refused and why, so that a sensor asks for them only once."""
        if isinstance(error, RefusedNovel):
            content.refuse_novel(self.engine, novel, error.source_path, error.source_digest, str(error))

    def load(self, novel: str) -> ReadNovel:
        """Read the text with its heading hints."""
        row = content.load_novel(self.engine, novel)
        document = Document(
            text=row.text,
            format=row.format,
            encoding=row.encoding,
            repairs=row.repairs,
            language=row.language,
            title=row.title,
            author=row.author,
            hints=tuple(HeadingHint(**dataclasses.asdict(hint)) for hint in row.hints),
        )
        return ReadNovel(document, row.source_path, row.source_digest)


class ChaptersIOManager(ContentIOManager):
    """The chapters of a novel, replaced as a whole."""

    def store(self, novel: str, value: FoundChapters) -> Metadata:
        """Write the rows that changed and delete those that are gone."""
        counts = content.replace_chapters(self.engine, novel, value.rows, source_digest=value.source_digest)
        rows = content.load_chapters(self.engine, novel)
        return {
            **replaced(counts),
            "chapters": sum(chapter.kind == "chapter" for chapter in rows),
            "preview": chapter_preview(rows),
        }

    def load(self, novel: str) -> FoundChapters:
        """Read the chapters in order."""
        # The digest first: rows of a later text are then noticed when the chunks are stored.
        digest = content.chapters_source(self.engine, novel)
        return FoundChapters(content.load_chapters(self.engine, novel), digest)


class ChunksIOManager(ContentIOManager):
    """The chunks of a novel, cut while they are written and replaced as a whole."""

    def store(self, novel: str, value: CutNovel) -> Metadata:
        """Write the rows that changed and delete those that are gone."""
        started = time.perf_counter()
        by_chapter = counted_by_chapter(value.titles)
        counts = content.replace_chunks(
            self.engine,
            novel,
            by_chapter.watch(value.chunks),
            chunker=value.chunker,
            source_digest=value.source_digest,
        )
        return {
            **replaced(counts),
            "tokens": by_chapter.tokens,
            "largest_chunk_tokens": by_chapter.largest,
            "seconds": round(time.perf_counter() - started, 3),
            "chunker": value.chunker,
            "preview": by_chapter.table(),
        }

    def load(self, novel: str) -> Iterator[ChunkRecord]:
        """Read the chunks in order, as a stream."""
        return content.iter_chunks(self.engine, novel)


class PanelsIOManager(ContentIOManager):
    """The panels of a novel, stored or refused, replaced as a whole."""

    def store(self, novel: str, value: FoundPanels) -> Metadata:
        """Write the rows that changed and delete those that are gone."""
        value.make_sure(lambda: [row.path for row in content.load_panels_of(self.engine, [novel])[novel]])
        counts = content.replace_panels(self.engine, novel, value.rows, panels_digest=value.digest)
        refused = [row for row in value.rows if row.state == "refused"]
        return {
            **replaced(counts),
            "stored": len(value.rows) - len(refused),
            "refused": len(refused),
            "refusals": dg.MetadataValue.md("\n".join(f"- {row.reason}" for row in refused[:50]) or "none"),
            "contact_sheet": panel_sheet(value),
        }

    def load(self, novel: str) -> list[PanelRecord]:
        """Read all panels, the refused ones too."""
        return content.load_panels(self.engine, novel)
