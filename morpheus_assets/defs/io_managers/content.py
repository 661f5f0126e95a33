"""IO managers of the tables novels, chapters, chunks, pages and regions. No SQL here."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.defs.assets.metadata import (
    chapter_preview,
    chapter_strip,
    chunk_preview,
    comic_books,
    cut_sheet,
    replaced,
    sample_table,
)
from morpheus_assets.defs.assets.values import (
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
from morpheus_assets.domain.content import Chunk, NovelRecord, PanelRecord, ReplaceCounts, StoredText
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.known_languages import language_note
from morpheus_assets.store.content.chapters import chapters_with_source, keep_chapters, replace_chapters
from morpheus_assets.store.content.chunks import StoredChunks, begin_chunks, iter_chunks, keep_chunks
from morpheus_assets.store.content.novels import load_novel, refuse_novel, store_novel, stored_text
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.passages import PassageWriters
from morpheus_assets.store.content.regions import PlacedRegion, load_regions, replace_regions
from morpheus_assets.store.database.errors import TextChanged
from morpheus_assets.store.database.statistics import TableSize
from morpheus_assets.text.documents import Document

if TYPE_CHECKING:
    from PIL import Image

DOUBTFUL_SHOWN = 12
SAMPLES = 5
# Texts at hand for the next steps: some ten novels. The last one is kept however long it is.
KEPT_CHARACTERS = 8_000_000


def spread(items: Sequence[T], count: int) -> list[T]:
    """Up to `count` items from the first to the last, as far from each other as can be."""
    if len(items) <= count:
        return list(items)
    return [items[round(place * (len(items) - 1) / (count - 1))] for place in range(count)]


class ContentIOManager(NovelPartitionsIOManager[T, Loaded]):
    """What they have in common: the database, and one table each."""

    table: str

    def __init__(self, database: DatabaseResource) -> None:
        self.database = database
        self.size = TableSize(self.table)

    @property
    def engine(self) -> Engine:
        """The engine of the content database."""
        return self.database.engine

    def describe_table(self) -> Metadata:
        """The rows of all novels, asked now where storing the last one did not ask by the way."""
        return {"dagster/row_count": self.size.looked_up(self.engine)}


class StoredBesideIOManager(ContentIOManager[T, Loaded]):
    """Stores a novel in a thread of its own, while the asset computes the next one."""

    def __init__(self, database: DatabaseResource) -> None:
        super().__init__(database)
        self.rows = 0

    def describe_table(self) -> Metadata:
        """The rows of all novels, as they were when the last one was stored."""
        return {"dagster/row_count": self.rows}

    def _begun(self, values: Mapping[str, T]) -> Iterator[tuple[str, Callable[[], Metadata]]]:
        if len(values) == 1:
            yield from super()._begun(values)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="storing") as thread:
            yield from self._begun_ahead(values, lambda novel, value: thread.submit(self.store, novel, value).result)


class NovelsIOManager(StoredBesideIOManager[NovelRecord | StoredText | Unchanged, StoredNovel]):
    """One row a novel; a refused file is noted beside the text that is already stored.

    What a step has just stored is known to those after it in the same process: texts without their bodies, and the
    last ones with it.
    """

    table = "novels"

    def __init__(self, database: DatabaseResource) -> None:
        super().__init__(database)
        self._known: dict[str, StoredText] = {}
        self._texts: dict[str, tuple[StoredText, Document]] = {}

    def store(self, novel: str, value: NovelRecord | StoredText | Unchanged) -> Metadata:
        """Write the text unless an equal one is stored."""
        changed = False
        if isinstance(value, NovelRecord):
            stored, changed = store_novel(self.engine, value)
            self._keep(novel, stored, value)
        else:
            stored = value if isinstance(value, StoredText) else stored_text(self.engine, novel)
        self._known[novel] = stored
        self.rows = stored.table_rows
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
        stored = self._known.get(novel) or stored_text(self.engine, novel)
        first_look = chain([stored.stages], iter(lambda: stored_text(self.engine, novel).stages, None))
        return StoredNovel(
            stored.source_digest,
            stored.body_digest,
            stored.mark,
            partial(self._document, novel, stored),
            partial(next, first_look),
        )

    def _document(self, novel: str, seen: StoredText) -> Document:
        # Who stores what follows from it is told when another text is stored by then.
        kept = self._texts.get(novel)
        if kept is not None and kept[0] == seen:
            return kept[1]
        row = load_novel(self.engine, novel)
        if stored_text(self.engine, novel) != seen:
            raise TextChanged(f"{novel} was read anew while it was being worked on; the run that read it goes on.")
        return self._keep(novel, seen, row)

    def _keep(self, novel: str, stored: StoredText, row: NovelRecord) -> Document:
        self._texts.pop(novel, None)
        kept = sum(len(document.text) for _, document in self._texts.values()) + len(row.text)
        while self._texts and kept > KEPT_CHARACTERS:
            _, gone = self._texts.pop(next(iter(self._texts)))
            kept -= len(gone.text)
        document = _document_of(row)
        self._texts[novel] = (stored, document)
        return document


def _document_of(row: NovelRecord) -> Document:
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


class ChaptersIOManager(StoredBesideIOManager[FoundChapters, StoredChapters]):
    """The chapters of a novel, replaced as a whole, or left standing; known to the next steps of the same process."""

    table = "chapters"

    def __init__(self, database: DatabaseResource) -> None:
        super().__init__(database)
        self._known: dict[str, StoredChapters] = {}

    def store(self, novel: str, value: FoundChapters) -> Metadata:
        """Write the rows that changed and delete those that are gone; or let all of them stand."""
        made = {"source_digest": value.source_digest, "rules": value.rules, "text_mark": value.text_mark}
        if isinstance(value.rows, Unchanged):
            rows = keep_chapters(self.engine, novel, size=self.size, **made)
            counts = ReplaceCounts(0, len(rows), 0)
        else:
            rows = sorted(value.rows, key=lambda row: row.ordinal)
            counts = replace_chapters(self.engine, novel, rows, size=self.size, **made)
        self.rows = self.size.rows
        self._known[novel] = StoredChapters(rows, value.source_digest, value.text_mark)
        return {
            **replaced(counts),
            "chapters": sum(chapter.kind == "chapter" for chapter in rows),
            "average_characters": round(sum(row.char_end - row.char_start for row in rows) / max(1, len(rows))),
            "lengths": chapter_strip(rows),
            "preview": chapter_preview(rows),
        }

    def load(self, novel: str) -> StoredChapters:
        """Read the chapters in order."""
        # Once: who asks again has found that others changed them.
        return self._known.pop(novel, None) or StoredChapters(*chapters_with_source(self.engine, novel))


class ChunksIOManager(ContentIOManager[CutNovel, Iterator[Chunk]]):
    """The chunks of a novel, replaced as a whole, or left standing."""

    table = "chunks"

    def store(self, novel: str, value: CutNovel) -> Metadata:
        """Write the rows that changed and delete those that are gone; or let all of them stand."""
        with PassageWriters(self.engine) as writers:
            return self._begin(writers, novel, value)()

    def load(self, novel: str) -> Iterator[Chunk]:
        """Read the chunks in order, as a stream."""
        return iter_chunks(self.engine, novel)

    def _begun(self, values: Mapping[str, CutNovel]) -> Iterator[tuple[str, Callable[[], Metadata]]]:
        # Cut while the server still parses the passages of the novel before.
        with PassageWriters(self.engine) as writers:
            yield from self._begun_ahead(values, partial(self._begin, writers))

    def _begin(self, writers: PassageWriters, novel: str, value: CutNovel) -> Callable[[], Metadata]:
        started = time.perf_counter()
        made: dict[str, Any] = {
            "chunker": value.chunker,
            "source_digest": value.source_digest,
            "body_digest": value.body_digest,
            "sample_of": spread(sorted(value.titles), SAMPLES),
            "size": self.size,
        }
        store: Callable[[], StoredChunks]
        if isinstance(value.chapters, Unchanged):
            store = partial(keep_chunks, self.engine, novel, **made)
        else:
            store = begin_chunks(writers, self.engine, novel, value.chapters, text_config=value.text_config, **made)

        def finish() -> Metadata:
            stored = store()
            return {
                "samples": sample_table(stored.samples),
                **replaced(stored.counts),
                "tokens": sum(chapter.tokens for chapter in stored.chapters),
                "largest_chunk_tokens": max((chapter.largest for chapter in stored.chapters), default=0),
                "seconds": round(time.perf_counter() - started, 3),
                "chunker": value.chunker,
                "preview": chunk_preview(stored.chapters, value.titles),
            }

        return finish


class PanelsIOManager(ContentIOManager[NovelPanels, list[PanelRecord]]):
    """The pages of a novel, stored or refused, replaced as a whole."""

    table = "pages"

    def store(self, novel: str, value: NovelPanels) -> Metadata:
        """Write the rows that changed and delete those that are gone."""
        counts = replace_panels(self.engine, novel, value.rows, panels_digest=value.digest, books=value.books)
        refused = [row for row in value.rows if row.state == "refused"]
        return {
            **replaced(counts),
            "stored": len(value.rows) - len(refused),
            "refused": len(refused),
            "refusals": dg.MetadataValue.md("\n".join(f"- {row.reason}" for row in refused[:50]) or "none"),
            **comic_books(value.books),
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
