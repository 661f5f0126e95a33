"""Chunks: a novel's rows, replaced in one short transaction or left standing, read as a stream.

Vectors are not here: they hang on the content hash (vectors.py).
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from morpheus_assets.domain.content import ChapterCount, ChunkLike, ChunkRecord, CutChapterLike, ReplaceCounts
from morpheus_assets.store.content.chunk_reuse import StoredCuts, note_cut, stored_cuts, take_over
from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.transactions import (
    Bind,
    RowSet,
    current_text,
    lock_novel,
    novel_id,
    replace_rows,
    transaction,
)

_CHUNKS = RowSet(
    "chunks",
    key=("ordinal", "integer"),
    values=(
        ("chapter", "integer"), ("char_start", "integer"), ("char_end", "integer"), ("token_count", "integer"),
        ("content_hash", "bytea"), ("body", "text"),
    ),
    staged_only=(("bigrams", "text"),),
    derived=(
        (
            "tsv",
            # Parsing is nine tenths of the time; an edit near the front moves every later passage without changing it.
            "coalesce((SELECT o.tsv FROM chunks o WHERE o.novel_id = %(number)s AND o.content_hash = s.content_hash"
            " AND NOT %(rewrite_all)s LIMIT 1),"
            " to_tsvector((SELECT text_config FROM novels WHERE id = %(number)s)::regconfig,"
            " coalesce(s.bigrams, s.body)))",
        ),
    ),
)  # fmt: skip

_CHUNK_COLUMNS = "chapter, ordinal, char_start, char_end, token_count, content_hash, body"


def replace_chunks(
    bind: Bind,
    novel: str,
    rows: Iterable[ChunkLike],
    *,
    chunker: str | None = None,
    source_digest: str | None = None,
) -> ReplaceCounts:
    """Make the novel's chunks equal to `rows`, which may be a generator. Raises UnknownNovel.

    For chunks whose chapters nobody knows: they are all made anew by the next `replace_cut_chapters`. When the
    novel's language changed since, all rows are written again, for their searchable words follow from it.
    `source_digest` is that of the text they are cut from; raises TextChanged when another one is stored by now.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = current_text(connection, novel, source_digest)
        counts = _write_chunks(connection, number, rows)
        note_cut(connection, number, [], chunker=chunker, body_digest=None)
        return counts


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
    chapters: Iterable[CutChapterLike],
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
        number = current_text(connection, novel, source_digest)
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
        number = current_text(connection, novel, source_digest)
        stored = stored_cuts(connection, number, chunker)
        if not _hold(connection, number, stored, body_digest):
            raise _changed(novel)
        connection.execute(
            "UPDATE novels SET chunks_of = source_digest WHERE id = %s AND chunks_of IS DISTINCT FROM source_digest",
            [number],
        )
        return ReplaceCounts(0, sum(each.chunks for each in stored.chapters), 0)


def count_chunks(bind: Bind, novel: str) -> list[ChapterCount]:
    """How many chunks each chapter of a novel has, in order, and their tokens; chapters without any are left out."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(ChapterCount)) as cursor:
        return cursor.execute(
            "SELECT chapter, count(*) AS chunks, sum(token_count)::bigint AS tokens, max(token_count) AS largest"
            " FROM chunks WHERE novel_id = (SELECT id FROM novels WHERE novel = %s) GROUP BY chapter ORDER BY chapter",
            [novel],
        ).fetchall()


def iter_chunks(bind: Bind, novel: str, *, rows_at_once: int = 500) -> Iterator[ChunkRecord]:
    """One novel's chunks in order by a server-side cursor: memory stays flat. Raises UnknownNovel at the first one."""
    with transaction(bind) as connection:
        number = novel_id(connection, novel)
        with connection.cursor("iter_chunks", row_factory=class_row(ChunkRecord)) as cursor:
            cursor.itersize = rows_at_once
            cursor.execute(
                f"SELECT {_CHUNK_COLUMNS} FROM chunks WHERE novel_id = %s ORDER BY ordinal".encode(),  # noqa: S608
                [number],
            )
            yield from cursor


def iter_chunks_of(bind: Bind, novels: Sequence[str]) -> Iterator[tuple[str, ChunkRecord]]:
    """The chunks of many novels, novel by novel in the order asked, each with its novel's name."""
    for name in novels:
        for chunk in iter_chunks(bind, name):
            yield name, chunk


def _hold(connection: psycopg.Connection[Any], number: int, stored: StoredCuts, body_digest: str) -> bool:
    if not stored.whole or stored.body_digest != body_digest:
        return False
    chapters = connection.execute(
        "SELECT ordinal, char_start, char_end FROM chapters WHERE novel_id = %s ORDER BY ordinal", [number]
    ).fetchall()
    return chapters == [(each.chapter, each.char_start, each.char_end) for each in stored.chapters]


def _checked(chapters: Iterable[CutChapterLike], there: Container[bytes], novel: str) -> Iterator[CutChapterLike]:
    for chapter in chapters:
        if chapter.spans is None and chapter.content_hash not in there:
            raise _changed(novel)
        yield chapter


def _changed(novel: str) -> RowsChanged:
    return RowsChanged(f"The chunks of {novel} were changed by another run at the same time; run it again.")


def _store_cut(
    connection: psycopg.Connection[Any],
    number: int,
    chapters: Iterable[CutChapterLike],
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
    cuts = []

    def rows() -> Iterator[ChunkLike]:
        for chapter in chapters:
            new = None if chapter.spans is None else sum(span[2] for span in chapter.spans)
            cuts.append((
                chapter.chapter, chapter.char_start, chapter.char_end, chapter.content_hash, chapter.first_chunk,
                chapter.count, tokens[chapter.content_hash] if new is None else new,
            ))  # fmt: skip
            yield from chapter.chunks

    counts = _write_chunks(connection, number, rows(), kept=taken)
    note_cut(connection, number, cuts, chunker=chunker, body_digest=body_digest)
    return ReplaceCounts(counts.written + moved, counts.unchanged - moved, counts.deleted)


def _write_chunks(
    connection: psycopg.Connection[Any], number: int, rows: Iterable[ChunkLike], *, kept: Sequence[int] = ()
) -> ReplaceCounts:
    row = connection.execute("SELECT chunks_config IS DISTINCT FROM text_config FROM novels WHERE id = %s", [number])
    language_changed = bool((row.fetchone() or [True])[0])
    return replace_rows(connection, _CHUNKS, number, map(_staged_chunk, rows), rewrite_all=language_changed, kept=kept)


def _staged_chunk(row: ChunkLike) -> tuple[Any, ...]:
    return (
        row.ordinal, row.chapter, row.char_start, row.char_end, row.token_count, row.content_hash, row.body,
        with_bigrams(row.body) if has_unspaced(row.body) else None,
    )  # fmt: skip
