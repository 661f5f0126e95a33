"""Reuse of chunks: the chapters that a novel's chunks were cut from, and taking over the chunks of equal chapters.

Callers hold the novel's lock and its transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL

from morpheus_assets.domain.content import CutChapter
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)


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
    """The complete chapters of a novel that were cut by this chunker, for the language that its text is in now."""
    known = connection.execute(queries.cut_by, {"number": number, "chunker": chunker}).fetchone()
    if known is None:
        return StoredCuts([], False, None)
    body_digest, cuts, chunks = known
    with connection.cursor(row_factory=class_row(StoredCut)) as cursor:
        chapters = cursor.execute(queries.stored_cuts, {"number": number}).fetchall()
    whole = len(chapters) == cuts and sum(chapter.chunks for chapter in chapters) == chunks
    return StoredCuts(chapters, whole, body_digest)


def take_over(
    connection: psycopg.Connection[Any], number: int, chapters: Iterable[CutChapter], stored: StoredCuts
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
    written = _move(connection, queries.copy_chunks, number, [move for move in moves if move.by_chunks])
    return taken, written + _move(
        connection, queries.shift_chunks, number, [move for move in moves if not move.by_chunks]
    )


def note_cut(
    connection: psycopg.Connection[Any],
    number: int,
    cuts: Sequence[StoredCut],
    *,
    chunker: str | None,
    body_digest: str | None,
) -> None:
    """Remember the chapters that a novel's chunks were cut from, the text they are of, and the chunker."""
    connection.execute(queries.delete_cuts, {"number": number})
    columns = {field.name: [getattr(cut, field.name) for cut in cuts] for field in fields(StoredCut)}
    connection.execute(queries.add_cuts, {"number": number, **columns})
    connection.execute(queries.note_cut, {"number": number, "chunker": chunker, "text": body_digest})


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


def _move(connection: psycopg.Connection[Any], statement: SQL, number: int, moves: Sequence[_Move]) -> int:
    if not moves:
        return 0
    columns = {field.name: [getattr(move, field.name) for move in moves] for field in fields(_Move)}
    return connection.execute(statement.format(moves=queries.moves), {"number": number, **columns}).rowcount
