"""What is known of the chapters that a novel's chunks were cut from, and the taking over of chunks that stay the same.

Callers hold the novel's lock and its transaction; chunks.py is the only one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from morpheus_assets.domain.content import CutChapterLike

Row = tuple[int, int, int, bytes, int, int, int]


@dataclass(frozen=True)
class StoredCut:
    """A chapter, [char_start:char_end] of the text it was in, whose chunks are the novel's `first_chunk`-th and on."""

    chapter: int
    char_start: int
    char_end: int
    content_hash: bytes
    first_chunk: int
    chunks: int
    tokens: int


@dataclass(frozen=True)
class StoredCuts:
    """The chapters whose chunks are there, as one chunker cut them, in order.

    `whole` when these are all chapters of the text with the hex digest `body_digest`, and all chunks are theirs.
    """

    chapters: Sequence[StoredCut]
    whole: bool
    body_digest: str | None


def stored_cuts(connection: psycopg.Connection[Any], number: int, chunker: str) -> StoredCuts:
    """What of a novel was cut by this chunker, for the language that its text is in now, and is complete."""
    known = connection.execute(
        "SELECT chunks_text, (SELECT count(*) FROM cut_chapters WHERE novel_id = novels.id),"
        " (SELECT count(*) FROM chunks WHERE novel_id = novels.id) FROM novels"
        " WHERE id = %s AND chunker = %s AND chunks_config = text_config",
        [number, chunker],
    ).fetchone()
    if known is None:
        return StoredCuts([], False, None)
    body_digest, cuts, chunks = known
    with connection.cursor(row_factory=class_row(StoredCut)) as cursor:
        chapters = cursor.execute(
            "SELECT c.chapter, c.char_start, c.char_end, c.content_hash, c.first_chunk, c.chunks, c.tokens"
            " FROM cut_chapters c LEFT JOIN (SELECT chapter, count(*) AS chunks, sum(token_count) AS tokens,"
            "  min(ordinal) AS first, max(ordinal) AS last FROM chunks WHERE novel_id = %(number)s GROUP BY chapter"
            " ) found USING (chapter) WHERE c.novel_id = %(number)s AND (c.chunks = 0 AND found.chunks IS NULL"
            "  OR (found.chunks, found.tokens, found.first, found.last)"
            "   = (c.chunks, c.tokens, c.first_chunk, c.first_chunk + c.chunks - 1)) ORDER BY c.chapter",
            {"number": number},
        ).fetchall()
    whole = len(chapters) == cuts and sum(chapter.chunks for chapter in chapters) == chunks
    return StoredCuts(chapters, whole, body_digest)


def take_over(
    connection: psycopg.Connection[Any], number: int, chapters: Iterable[CutChapterLike], stored: StoredCuts
) -> tuple[list[int], int]:
    """Give stored chunks their new places where `chapters` has no spans for them, without reading any of them.

    Returns the ordinals that are taken, and how many rows were written.
    """
    places = {(cut.content_hash, cut.first_chunk): cut for cut in stored.chapters}
    anywhere = {cut.content_hash: cut for cut in stored.chapters}
    taken: list[int] = []
    moves: list[_Move] = []
    for chapter in chapters:
        if chapter.spans is not None:
            continue
        source = places.get((chapter.content_hash, chapter.first_chunk)) or anywhere[chapter.content_hash]
        taken += range(chapter.first_chunk, chapter.first_chunk + chapter.count)
        move = _Move(
            source.first_chunk,
            source.first_chunk + source.chunks - 1,
            chapter.chapter - source.chapter,
            chapter.first_chunk - source.first_chunk,
            chapter.char_start - source.char_start,
        )
        if moves and moves[-1].goes_on_as(move):
            moves[-1] = _Move(moves[-1].first, move.last, *move.shift)
        elif any(move.shift):
            moves.append(move)
    # Copies first: they read the rows that are then shifted where they are, and are written over none of those.
    written = _move(connection, _COPY, number, [move for move in moves if move.by_chunks])
    return taken, written + _move(connection, _SHIFT, number, [move for move in moves if not move.by_chunks])


def note_cut(
    connection: psycopg.Connection[Any],
    number: int,
    rows: Sequence[Row],
    *,
    chunker: str | None,
    body_digest: str | None,
) -> None:
    """Remember of which chapters a novel's chunks are (StoredCut's columns), of which text, and who cut them."""
    connection.execute("DELETE FROM cut_chapters WHERE novel_id = %s", [number])
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(7)]
    connection.execute(
        "INSERT INTO cut_chapters SELECT %s, c.* FROM unnest(%s::integer[], %s::integer[], %s::integer[], %s::bytea[],"
        " %s::integer[], %s::integer[], %s::bigint[]) AS c",
        [number, *columns],
    )
    connection.execute(
        "UPDATE novels SET chunks_config = text_config, chunker = %(chunker)s, chunks_of = source_digest,"
        " chunks_text = %(text)s WHERE id = %(id)s AND (chunks_config, chunker, chunks_of, chunks_text)"
        " IS DISTINCT FROM (text_config, %(chunker)s, source_digest, %(text)s)",
        {"id": number, "chunker": chunker, "text": body_digest},
    )


@dataclass(frozen=True)
class _Move:
    """Chunks `first` to `last`, and how far their chapters, their ordinals and their characters go."""

    first: int
    last: int
    by_chapters: int
    by_chunks: int
    by_chars: int

    @property
    def shift(self) -> tuple[int, int, int]:
        return self.by_chapters, self.by_chunks, self.by_chars

    def goes_on_as(self, other: "_Move") -> bool:
        return self.shift == other.shift and self.last + 1 == other.first


_MOVES = (
    "unnest(%(first)s::integer[], %(last)s::integer[], %(by_chapters)s::integer[], %(by_chunks)s::integer[],"
    " %(by_chars)s::integer[]) AS m (first, last, by_chapters, by_chunks, by_chars)"
)
_COPY = (
    "INSERT INTO chunks (novel_id, ordinal, chapter, char_start, char_end, token_count, content_hash, body, tsv)"  # noqa: S608
    " SELECT o.novel_id, o.ordinal + m.by_chunks, o.chapter + m.by_chapters, o.char_start + m.by_chars,"
    " o.char_end + m.by_chars, o.token_count, o.content_hash, o.body, o.tsv"
    f" FROM {_MOVES} JOIN chunks o ON o.novel_id = %(number)s AND o.ordinal BETWEEN m.first AND m.last"
    " ORDER BY 2 ON CONFLICT (novel_id, ordinal) DO UPDATE SET chapter = excluded.chapter,"
    " char_start = excluded.char_start, char_end = excluded.char_end, token_count = excluded.token_count,"
    " content_hash = excluded.content_hash, body = excluded.body, tsv = excluded.tsv"
)
_SHIFT = (
    "UPDATE chunks o SET chapter = o.chapter + m.by_chapters, char_start = o.char_start + m.by_chars,"  # noqa: S608
    f" char_end = o.char_end + m.by_chars FROM {_MOVES}"
    " WHERE o.novel_id = %(number)s AND o.ordinal BETWEEN m.first AND m.last"
)


def _move(connection: psycopg.Connection[Any], statement: str, number: int, moves: Sequence[_Move]) -> int:
    if not moves:
        return 0
    names = ("first", "last", "by_chapters", "by_chunks", "by_chars")
    columns = {name: [getattr(move, name) for move in moves] for name in names}
    return connection.execute(statement.encode(), {"number": number, **columns}).rowcount
