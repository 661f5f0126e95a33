"""Chunks of a novel: replaced in one short transaction or left standing, read as a stream.

Their vectors hang on the content hash and are not here.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from morpheus_assets.domain.content import ChapterCount, Chunk, CutChapter, ReplaceCounts
from morpheus_assets.store.content.chunk_reuse import StoredCut, StoredCuts, note_cut, stored_cuts, take_over
from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.content.novel_rows import lock_novel, novel_id, replace_rows
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)

_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class KnownChunks:
    """The chunks that a chunker has stored of a novel: how many, by the content hash of the chapter they are of.

    `hold` when they are all chunks of the text that was asked for, in the chapters that are stored now.
    """

    by_chapter: Mapping[bytes, int]
    hold: bool


def known_chunks(bind: Bind, novel: str, *, chunker: str, body_digest: str) -> KnownChunks:
    """The stored chunks that need not be cut again for a text. Raises UnknownNovel."""
    with transaction(bind) as connection:
        number = novel_id(connection, novel)
        stored = stored_cuts(connection, number, chunker)
        hold = _hold(connection, number, stored, body_digest)
        return KnownChunks({chapter.content_hash: chapter.chunks for chapter in stored.chapters}, hold)


def replace_cut_chapters(
    bind: Bind,
    novel: str,
    chapters: Iterable[CutChapter],
    *,
    chunker: str,
    source_digest: str,
    body_digest: str,
) -> ReplaceCounts:
    """Make the novel's chunks those of `chapters`, which may be a generator. Raises UnknownNovel.

    A chapter without spans is one of `known_chunks`: its stored chunks are taken over. Raises RowsChanged when they
    are gone by now. The digests are those of the text; raises TextChanged when another one is stored by now.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = novel_id(connection, novel, source_digest=source_digest)
        stored = stored_cuts(connection, number, chunker)
        there = {chapter.content_hash for chapter in stored.chapters}
        checked = _checked(chapters, there, novel)
        return _store_cut(connection, number, checked, stored, chunker=chunker, body_digest=body_digest)


def keep_chunks(bind: Bind, novel: str, *, chunker: str, source_digest: str, body_digest: str) -> ReplaceCounts:
    """Let the stored chunks stand for this text and chunker, and note the source that they now belong to.

    Raises UnknownNovel, RowsChanged when they do not hold any more, and TextChanged as `replace_cut_chapters` does.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = novel_id(connection, novel, source_digest=source_digest)
        stored = stored_cuts(connection, number, chunker)
        if not _hold(connection, number, stored, body_digest):
            raise _changed(novel)
        connection.execute(queries.keep_chunks, {"number": number})
        return ReplaceCounts(written=0, unchanged=sum(each.chunks for each in stored.chapters), deleted=0)


def count_chunks(bind: Bind, novel: str) -> list[ChapterCount]:
    """The chunks and tokens of each chapter of a novel, in order; chapters without any are left out."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(ChapterCount)) as cursor:
        return cursor.execute(queries.count_chunks, {"novel": novel}).fetchall()


def iter_chunks(bind: Bind, novel: str) -> Iterator[Chunk]:
    """One novel's chunks in order by a server-side cursor: memory stays flat. Raises UnknownNovel at the first one."""
    with transaction(bind) as connection:
        number = novel_id(connection, novel)
        with connection.cursor("iter_chunks", row_factory=class_row(Chunk)) as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(queries.iter_chunks, {"number": number})
            yield from cursor


def other_chunkers(bind: Bind, chunker: str) -> list[tuple[str, int, int]]:
    """(chunker, novels, word pieces) of the novels that were cut by another chunker than the one given."""
    with transaction(bind) as connection:
        return connection.execute(queries.other_chunkers, {"chunker": chunker}).fetchall()


def distinct_tokens(bind: Bind, novels: Sequence[str]) -> int:
    """Tokens, by the chunker's own count, of the distinct passages of some novels."""
    with transaction(bind) as connection:
        row = connection.execute(queries.distinct_tokens, {"novels": list(novels)}).fetchone()
    return int(row[0]) if row else 0


def _hold(connection: psycopg.Connection[Any], number: int, stored: StoredCuts, body_digest: str) -> bool:
    if not stored.whole or stored.body_digest != body_digest:
        return False
    chapters = connection.execute(queries.spans_of_chapters, {"number": number}).fetchall()
    return chapters == [(each.chapter, each.char_start, each.char_end) for each in stored.chapters]


def _checked(chapters: Iterable[CutChapter], there: Container[bytes], novel: str) -> Iterator[CutChapter]:
    for chapter in chapters:
        if chapter.spans is None and chapter.content_hash not in there:
            raise _changed(novel)
        yield chapter


def _changed(novel: str) -> RowsChanged:
    return RowsChanged(f"The chunks of {novel} were changed by another run at the same time; run it again.")


def _store_cut(
    connection: psycopg.Connection[Any],
    number: int,
    chapters: Iterable[CutChapter],
    stored: StoredCuts,
    *,
    chunker: str,
    body_digest: str,
) -> ReplaceCounts:
    tokens = {chapter.content_hash: chapter.tokens for chapter in stored.chapters}
    taken: list[int] = []
    moved = 0
    if stored.chapters:
        # Where to all moves is known when all is cut. Until then the bodies are not held.
        chapters = list(chapters)
        taken, moved = take_over(connection, number, chapters, stored)
    cuts: list[StoredCut] = []

    def rows() -> Iterator[Chunk]:
        for chapter in chapters:
            new = None if chapter.spans is None else sum(span[2] for span in chapter.spans)
            cuts.append(
                StoredCut(
                    chapter.chapter, chapter.char_start, chapter.char_end, chapter.content_hash, chapter.first_chunk,
                    chapter.count, tokens[chapter.content_hash] if new is None else new,
                )
            )  # fmt: skip
            yield from chapter.chunks

    counts = _write_chunks(connection, number, rows(), kept=taken)
    note_cut(connection, number, cuts, chunker=chunker, body_digest=body_digest)
    return ReplaceCounts(counts.written + moved, counts.unchanged - moved, counts.deleted)


def _write_chunks(
    connection: psycopg.Connection[Any], number: int, chunks: Iterable[Chunk], *, kept: Sequence[int] = ()
) -> ReplaceCounts:
    row = connection.execute(queries.language_changed, {"number": number}).fetchone()
    return replace_rows(
        connection, queries.write_chunks, queries.delete_other_chunks, number, map(_staged, chunks),
        kept=kept, rewrite_all=row is None or row[0],
    )  # fmt: skip


def _staged(chunk: Chunk) -> dict[str, Any]:
    return {**vars(chunk), "bigrams": with_bigrams(chunk.body) if has_unspaced(chunk.body) else None}
