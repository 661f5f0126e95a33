"""Chunks of a novel: replaced in one short transaction or left standing, read as a stream.

A chunk refers to its passage (passages.py) and stands within its chapter; only chapters know where in the novel.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row, namedtuple_row
from sqlalchemy import Engine

from morpheus_assets.domain.content import ChapterCount, Chunk, CutChapter, CutChunk, ReplaceCounts, SamplePassage
from morpheus_assets.store.content.contexts import place_in_contexts, place_novel
from morpheus_assets.store.content.novel_rows import lock_novel, refuse_other_source, unknown_novel
from morpheus_assets.store.content.passages import PassageWriters
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.statistics import TableSize
from morpheus_assets.store.database.transactions import Bind, autocommit, pipelined, reading, transaction

queries = load_queries(__file__)

_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class StoredChunks:
    """What storing a novel's chunks did, its chunks by chapter, and the beginnings of some chapters.

    Chapters without any chunk are left out.
    """

    counts: ReplaceCounts
    chapters: list[ChapterCount]
    samples: list[SamplePassage]


class _Row(NamedTuple):
    chapter: int
    ordinal: int
    char_start: int
    char_end: int
    content_hash: bytes


@dataclass(frozen=True)
class _Stored:
    """What is stored of a novel: the digest of each chapter whose chunks are all there, by its ordinal."""

    novel_id: int
    source_digest: str | None
    text_config: str
    digests: Mapping[int, bytes]
    chunks: int
    chapters_mark: str | None
    in_contexts: bool


@dataclass
class _Cut:
    """The chapters of a cut, without their texts: what they were cut from, and the rows of those that were cut."""

    chapters: list[CutChapter] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)

    def watch(self, chapters: Iterable[CutChapter]) -> Iterator[CutChunk]:
        """The chunks of `chapters`, remembered as they pass."""
        for chapter in chapters:
            self.chapters.append(replace(chapter, chunks=None if chapter.chunks is None else ()))
            for ordinal, chunk in enumerate(chapter.chunks or (), 1):
                self.rows.append(_Row(chapter.chapter, ordinal, chunk.char_start, chunk.char_end, chunk.content_hash))
                yield chunk

    @property
    def mark(self) -> str | None:
        """Changes with where the chapters stand in the text; as the database marks its own."""
        places = ";".join(f"{each.chapter},{each.char_start},{each.char_end}" for each in self.chapters)
        return hashlib.md5(places.encode(), usedforsecurity=False).hexdigest() if places else None


def known_digests(bind: Bind, novel: str, *, chunker: str) -> Set[bytes]:
    """The sha256 of each chapter's text whose chunks, as this chunker cuts, are all stored. Raises UnknownNovel."""
    with reading(bind) as connection:
        return frozenset(_stored(connection, novel, chunker).digests.values())


def begin_chunks(
    writers: PassageWriters,
    engine: Engine,
    novel: str,
    chapters: Iterable[CutChapter],
    *,
    chunker: str,
    source_digest: str,
    body_digest: str,
    text_config: str | None = None,
    sample_of: Sequence[int] = (),
    size: TableSize | None = None,
) -> Callable[[], StoredChunks]:
    """Make the novel's chunks those of `chapters`, which may be a generator: cut now, and stored by what is returned.

    Passages are written while the next chapters are cut, each batch for itself, parsed by `text_config` (by default the
    stored text's); the chunks follow in one transaction. A chapter without chunks has those of a stored one with its
    digest, one of `known_digests`. The digests are those of the text.

    Raises UnknownNovel. What is returned raises RowsChanged when these are gone by now, when other chapters are stored
    than those given, or when a passage went with another novel that had it: cut again. It raises TextChanged when
    another text is stored by now.
    """
    cut = _Cut()
    config = text_config
    if config is None:
        with reading(engine) as connection:
            config = _stored(connection, novel, chunker).text_config
    passages_are_stored = writers.write(config, cut.watch(chapters))

    def store() -> StoredChunks:
        passages_are_stored()
        try:
            with pipelined(engine) as connection:
                lock_novel(connection, novel)
                stored = _stored(connection, novel, chunker)
                refuse_other_source(novel, stored.source_digest, source_digest)
                if cut.mark != stored.chapters_mark:
                    raise _changed(novel)
                replaced = _store_rows(connection, novel, stored, cut)
                _note(connection, stored, cut, chunker=chunker, config=config, body_digest=body_digest)
                if stored.in_contexts:
                    place_in_contexts(connection, novel)
                counted = connection.cursor(row_factory=class_row(ChapterCount))
                counted.execute(queries.count_chunks, {"number": stored.novel_id})
                samples = _ask_for_samples(connection, novel, sample_of)
                if size is not None:
                    size.ask(connection)
        except psycopg.errors.ForeignKeyViolation as fault:
            if fault.diag.constraint_name != "chunks_passage":
                raise
            raise _changed(novel) from fault
        return StoredChunks(replaced(), counted.fetchall(), samples.fetchall())

    return store


def replace_chunks(engine: Engine, novel: str, chapters: Iterable[CutChapter], **made: Any) -> StoredChunks:
    """The same for one novel by itself, at once."""
    with PassageWriters(engine) as writers:
        return begin_chunks(writers, engine, novel, chapters, **made)()


def keep_chunks(
    bind: Bind,
    novel: str,
    *,
    chunker: str,
    source_digest: str,
    body_digest: str,
    sample_of: Sequence[int] = (),
    size: TableSize | None = None,
) -> StoredChunks:
    """Let the stored chunks stand for this text and chunker, and note the source that they now belong to.

    Raises UnknownNovel, RowsChanged when they do not hold any more, and TextChanged when another text is stored.
    """
    query = queries.keep_chunks.format(
        chunks_whole=queries.chunks_whole.format(mark=queries.places_of_chapters), in_contexts=queries.in_contexts
    )
    wanted = {"novel": novel, "chunker": chunker, "text": body_digest, "digest": source_digest}
    with autocommit(bind) as connection, connection.pipeline():
        asked = connection.execute(query, wanted)
        samples = _ask_for_samples(connection, novel, sample_of)
        if size is not None:
            size.ask(connection)
    found = asked.fetchall()
    if not found:
        raise unknown_novel(novel)
    refuse_other_source(novel, found[0][0], source_digest)
    if not found[0][1]:
        raise _changed(novel)
    if found[0][2]:
        # With other titles the same chunks are other inputs.
        place_novel(bind, novel)
    counts = [ChapterCount(*values) for _, _, _, *values in found if values[0] is not None]
    return StoredChunks(ReplaceCounts(0, sum(each.chunks for each in counts), 0), counts, samples.fetchall())


@dataclass(frozen=True)
class PlacedChunk:
    """A chunk's place in the novel's text, its size, and the sha256 of its passage, without the passage."""

    chapter: int
    ordinal: int
    char_start: int
    char_end: int
    token_count: int
    content_hash: bytes


def placed_chunks(bind: Bind, novel: str) -> tuple[str | None, list[tuple[int, int, int]], list[PlacedChunk]]:
    """A novel's text, the places of its chapters as (ordinal, char_start, char_end), and its chunks, all in order.

    In one round trip, for who compares them; the text is None where there is none.
    """
    with reading(bind) as connection:
        found = connection.execute(queries.placed_chunks, {"novel": novel}).fetchone()
    text, places, chunks = found or (None, None, None)
    cut = [
        PlacedChunk(chapter, ordinal, start, end, tokens, bytes.fromhex(value))
        for chapter, ordinal, start, end, tokens, value in chunks or ()
    ]
    return text, [tuple(place) for place in places or ()], cut


def iter_chunks(bind: Bind, novel: str) -> Iterator[Chunk]:
    """One novel's chunks in order by a server-side cursor: memory stays flat. Raises UnknownNovel at the first one."""
    with transaction(bind) as connection:
        found = connection.execute(queries.find_novel, {"novel": novel}).fetchone()
        if found is None:
            raise unknown_novel(novel)
        with connection.cursor("iter_chunks", row_factory=class_row(Chunk)) as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(queries.iter_chunks, {"number": found[0]})
            yield from cursor


def other_chunkers(
    bind: Bind, chunkers: Sequence[str], *, spelled: Collection[str], chunkers_of_spelled: Sequence[str]
) -> list[tuple[str, int, int]]:
    """(chunker, novels, word pieces) of the novels that were cut by others than these chunkers.

    Those in `spelled` languages have chunkers of their own.
    """
    with autocommit(bind) as connection:
        wanted = {"chunkers": list(chunkers), "spelled": list(spelled), "of_spelled": list(chunkers_of_spelled)}
        return connection.execute(queries.other_chunkers, wanted).fetchall()


def distinct_tokens(bind: Bind, novels: Sequence[str]) -> int:
    """Tokens, by the chunker's own count, of the distinct passages of some novels."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.distinct_tokens, {"novels": list(novels)}).fetchone()
    return int(row[0]) if row else 0


def _stored(connection: psycopg.Connection[Any], novel: str, chunker: str) -> _Stored:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        query = queries.stored_chunks.format(mark=queries.places_of_chapters, in_contexts=queries.in_contexts)
        row: Any = cursor.execute(query, {"novel": novel, "chunker": chunker}).fetchone()
    if row is None:
        raise unknown_novel(novel)
    # A chapter without any chunk has all of them.
    there = dict(zip(row.chapters or (), row.counts or (), strict=True))
    noted = (row.chunked_chapters or (), row.chunked_digests or (), row.chunked_counts or ())
    cut = list(zip(*noted, strict=False))
    complete = {chapter: bytes(digest) for chapter, digest, count in cut if there.get(chapter, 0) == count}
    return _Stored(
        novel_id=row.id,
        source_digest=row.source_digest,
        text_config=row.text_config,
        digests=complete if row.same_rules else {},
        chunks=row.chunks,
        chapters_mark=row.chapters_mark,
        in_contexts=row.in_contexts,
    )


def _ask_for_samples(
    connection: psycopg.Connection[Any], novel: str, chapters: Sequence[int]
) -> psycopg.Cursor[SamplePassage]:
    cursor = connection.cursor(row_factory=class_row(SamplePassage))
    return cursor.execute(queries.sample_passages, {"novel": novel, "chapters": list(chapters)})


def _store_rows(
    connection: psycopg.Connection[Any], novel: str, stored: _Stored, cut: _Cut
) -> Callable[[], ReplaceCounts]:
    """Write the rows that are others than the stored ones; the counts are known when the pipeline has ended."""
    standing = {each.chapter for each in cut.chapters if stored.digests.get(each.chapter) == each.digest}
    rows = [row for row in cut.rows if row.chapter not in standing]
    rows += _rows_from_elsewhere(connection, novel, stored, cut, standing)
    columns = {name: [getattr(row, name) for row in rows] for name in _Row._fields}
    wanted = {"number": stored.novel_id, "standing": list(standing), **columns}
    deleted = connection.execute(queries.delete_other_chunks, wanted) if stored.chunks else None
    added = connection.execute(queries.add_chunks, wanted) if rows else None

    def counts() -> ReplaceCounts:
        places = {(row.chapter, row.ordinal) for row in rows}
        gone = deleted.fetchall() if deleted is not None else []
        lost = sum(place not in places for place in gone)
        return ReplaceCounts(added.rowcount if added is not None else 0, stored.chunks - len(gone), lost)

    return counts


def _rows_from_elsewhere(
    connection: psycopg.Connection[Any], novel: str, stored: _Stored, cut: _Cut, standing: Set[int]
) -> list[_Row]:
    """The rows of chapters that were not cut because equal ones are stored, under other ordinals."""
    by_digest = {digest: chapter for chapter, digest in stored.digests.items()}
    moved = [each for each in cut.chapters if each.chunks is None and each.chapter not in standing]
    if not by_digest.keys() >= {each.digest for each in moved}:
        raise _changed(novel)
    sources: dict[int, list[_Row]] = {by_digest[each.digest]: [] for each in moved}
    if sources:
        wanted = {"number": stored.novel_id, "chapters": list(sources)}
        for row in connection.execute(queries.chunks_of_chapters, wanted):
            sources[row[0]].append(_Row(*row))
    return [row._replace(chapter=each.chapter) for each in moved for row in sources[by_digest[each.digest]]]


def _note(
    connection: psycopg.Connection[Any], stored: _Stored, cut: _Cut, *, chunker: str, config: str, body_digest: str
) -> None:
    connection.execute(
        queries.note_chunks,
        {
            "number": stored.novel_id,
            "chunker": chunker,
            "config": config,
            "text": body_digest,
            "mark": cut.mark,
            "chapters": [each.chapter for each in cut.chapters],
            "digests": [each.digest for each in cut.chapters],
        },
    )


def _changed(novel: str) -> RowsChanged:
    return RowsChanged(f"The chunks of {novel} were changed by another run at the same time; run it again.")
