"""IO managers of the tables novels, chapters, chunks, pages and regions. No SQL here."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.defs.assets.metadata import (
    chapter_preview,
    chapter_strip,
    chunk_preview,
    cut_sheet,
    replaced,
    sample_table,
)
from morpheus_assets.defs.assets.values import (
    UNCHANGED,
    CutNovel,
    CutNovelPages,
    FoundChapters,
    NovelPanels,
    RefusedNovel,
    StoredChapters,
    StoredNovel,
    Unchanged,
)
from morpheus_assets.defs.io_managers.base import Loaded, Metadata, NovelPartitionsIOManager, T
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.content import Chunk, NovelRecord, PanelRecord, StoredText
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.known_languages import language_note
from morpheus_assets.store.content.chapters import chapters_source, keep_chapters, load_chapters, replace_chapters
from morpheus_assets.store.content.chunks import (
    count_chunks,
    iter_chunks,
    keep_chunks,
    replace_chunks,
    sample_passages,
)
from morpheus_assets.store.content.novels import load_novel, refuse_novel, stored_text, upsert_novel
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.regions import PlacedRegion, load_regions, replace_regions
from morpheus_assets.store.database.errors import TextChanged
from morpheus_assets.store.database.statistics import size_for_a_person
from morpheus_assets.text.documents import Document

if TYPE_CHECKING:
    from PIL import Image

DOUBTFUL_SHOWN = 12
SAMPLES = 5


def spread(items: Sequence[T], count: int) -> list[T]:
    """Up to `count` items from the first to the last, as far from each other as can be."""
    if len(items) <= count:
        return list(items)
    return [items[round(place * (len(items) - 1) / (count - 1))] for place in range(count)]


class ContentIOManager(NovelPartitionsIOManager[T, Loaded]):
    """What the four have in common: the database, and one table each."""

    table: str

    def __init__(self, database: DatabaseResource) -> None:
        self.database = database

    @property
    def engine(self) -> Engine:
        """The engine of the content database."""
        return self.database.engine

    def describe_table(self) -> Metadata:
        """The rows of all novels."""
        return {"dagster/row_count": size_for_a_person(self.engine, self.table)}


class NovelsIOManager(ContentIOManager[NovelRecord | Unchanged, StoredNovel]):
    """One row a novel; a refused file is noted beside the text that is already stored."""

    table = "novels"

    def store(self, novel: str, value: NovelRecord | Unchanged) -> Metadata:
        """Write the text unless an equal one is stored."""
        changed = value is not UNCHANGED and upsert_novel(self.engine, value)
        stored = stored_text(self.engine, novel)
        return {
            "dagster/partition_row_count": 1,
            "characters": stored.characters,
            "title": stored.title or novel,
            "author": stored.author or "unknown",
            "language": stored.language,
            **self._language_notes(stored.language),
            "format": stored.format,
            "encoding": stored.encoding,
            "file": stored.source_path,
            "mended": dg.MetadataValue.md("\n".join(f"- {repair}" for repair in stored.repairs) or "nothing"),
            "changed": changed,
        }

    def _language_notes(self, language: str) -> Metadata:
        """A sentence on each text space whose model hardly knows the novel's language; nothing where all know it."""
        spaces = configured_text_spaces(self.database.settings)
        notes = [note for space in spaces if (note := language_note(space, [language]))]
        return {"hardly known language": dg.MetadataValue.md("\n\n".join(notes))} if notes else {}

    def note_failure(self, novel: str, error: Exception) -> None:
        """Remember which bytes were refused and why, so that a sensor asks for them only once."""
        if isinstance(error, RefusedNovel):
            refuse_novel(self.engine, novel, error.source_path, error.source_digest, str(error))

    def load(self, novel: str) -> StoredNovel:
        """Look at the text, which is read with its heading hints when it is needed."""
        stored = stored_text(self.engine, novel)
        return StoredNovel(
            stored.source_digest, stored.body_digest, stored.mark, partial(self._document, novel, stored)
        )

    def _document(self, novel: str, seen: StoredText) -> Document:
        row = load_novel(self.engine, novel)
        if stored_text(self.engine, novel) != seen:
            raise TextChanged(f"{novel} was read anew while it was being worked on; the run that read it goes on.")
        return Document(
            text=row.text,
            format=row.format,
            encoding=row.encoding,
            repairs=row.repairs,
            language=row.language,
            title=row.title,
            author=row.author,
            hints=row.hints,
        )


class ChaptersIOManager(ContentIOManager[FoundChapters, StoredChapters]):
    """The chapters of a novel, replaced as a whole, or left standing."""

    table = "chapters"

    def store(self, novel: str, value: FoundChapters) -> Metadata:
        """Write the rows that changed and delete those that are gone; or let all of them stand."""
        made = {"source_digest": value.source_digest, "rules": value.rules, "text_mark": value.text_mark}
        if value.rows is UNCHANGED:
            counts = keep_chapters(self.engine, novel, **made)
        else:
            counts = replace_chapters(self.engine, novel, value.rows, **made)
        rows = load_chapters(self.engine, novel)
        return {
            **replaced(counts),
            "chapters": sum(chapter.kind == "chapter" for chapter in rows),
            "average_characters": round(sum(row.char_end - row.char_start for row in rows) / max(1, len(rows))),
            "lengths": chapter_strip(rows),
            "preview": chapter_preview(rows),
        }

    def load(self, novel: str) -> StoredChapters:
        """Read the chapters in order."""
        # The digest first: rows of a later text are then noticed when the chunks are stored.
        digest, mark = chapters_source(self.engine, novel)
        return StoredChapters(load_chapters(self.engine, novel), digest, mark)


class ChunksIOManager(ContentIOManager[CutNovel, Iterator[Chunk]]):
    """The chunks of a novel, replaced as a whole, or left standing."""

    table = "chunks"

    def store(self, novel: str, value: CutNovel) -> Metadata:
        """Write the rows that changed and delete those that are gone; or let all of them stand."""
        started = time.perf_counter()
        made = {
            "chunker": value.chunker,
            "source_digest": value.source_digest,
            "body_digest": value.body_digest,
        }
        if value.chapters is UNCHANGED:
            counts = keep_chunks(self.engine, novel, **made)
        else:
            counts = replace_chunks(self.engine, novel, value.chapters, **made)
        chapters = count_chunks(self.engine, novel)
        shown = spread([each.chapter for each in chapters], SAMPLES)
        return {
            "samples": sample_table(sample_passages(self.engine, novel, shown)),
            **replaced(counts),
            "tokens": sum(chapter.tokens for chapter in chapters),
            "largest_chunk_tokens": max((chapter.largest for chapter in chapters), default=0),
            "seconds": round(time.perf_counter() - started, 3),
            "chunker": value.chunker,
            "preview": chunk_preview(chapters, value.titles),
        }

    def load(self, novel: str) -> Iterator[Chunk]:
        """Read the chunks in order, as a stream."""
        return iter_chunks(self.engine, novel)


class PanelsIOManager(ContentIOManager[NovelPanels, list[PanelRecord]]):
    """The pages of a novel, stored or refused, replaced as a whole."""

    table = "pages"

    def store(self, novel: str, value: NovelPanels) -> Metadata:
        """Write the rows that changed and delete those that are gone."""
        counts = replace_panels(self.engine, novel, value.rows, panels_digest=value.digest)
        refused = [row for row in value.rows if row.state == "refused"]
        return {
            **replaced(counts),
            "stored": len(value.rows) - len(refused),
            "refused": len(refused),
            "refusals": dg.MetadataValue.md("\n".join(f"- {row.reason}" for row in refused[:50]) or "none"),
            "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in value.notes[:50]) or "none"),
            "contact_sheet": value.contact_sheet,
        }

    def load(self, novel: str) -> list[PanelRecord]:
        """Read all pages, the refused ones too."""
        return load_panels(self.engine, novel)


class RegionsIOManager(ContentIOManager[CutNovelPages, list[PlacedRegion]]):
    """The regions of a novel's pages, replaced page by page as they are cut."""

    table = "regions"

    def store(self, novel: str, value: CutNovelPages) -> Metadata:
        """Write the regions of the pages that were cut; the others stay as they are."""
        started = time.perf_counter()
        cut, problems = 0, list(value.problems)
        sheet: list[tuple[str, Image.Image]] = []
        for each in value.pages:
            if each.problem:
                problems.append(each.problem)
            if each.regions is None:
                continue
            replace_regions(self.engine, each.page, each.regions, cut_of=each.cut_of, doubts=each.doubts)
            cut += 1
            if each.picture is not None and len(sheet) < DOUBTFUL_SHOWN:
                sheet.append((f"{each.page.entry or each.page.path}: {'; '.join(each.doubts)}", each.picture))
        rows = load_regions(self.engine, [novel])
        doubts = {(row.path, row.entry): row.doubts for row in rows}
        kinds = Counter(row.kind for row in rows)
        return {
            "dagster/partition_row_count": len(rows),
            "pages": value.count,
            "pages_cut": cut,
            "pages_unchanged": value.count - cut,
            "doubtful_pages": sum(bool(reasons) for reasons in doubts.values()),
            **{f"regions_{kind}": count for kind, count in sorted(kinds.items())},
            "problems": dg.MetadataValue.md("\n".join(f"- {problem}" for problem in problems[:50]) or "none"),
            "doubtful": cut_sheet(sheet),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def load(self, novel: str) -> list[PlacedRegion]:
        """Read the regions in reading order."""
        return load_regions(self.engine, [novel])
