"""Chapters and chunks: a novel's rows replaced in one short transaction, read whole or as a stream.

Vectors are not here: they hang on the content hash (vectors.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import class_row

from morpheus_assets.store.errors import TextChanged
from morpheus_assets.store.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.records import ChapterLike, ChapterRecord, ChunkLike, ChunkRecord, ReplaceCounts
from morpheus_assets.store.transactions import Bind, RowSet, lock_novel, novel_id, replace_rows, transaction

_CHAPTERS = RowSet(
    "chapters",
    key=("ordinal", "integer"),
    values=(
        ("title", "text"), ("kind", "text"), ("char_start", "integer"), ("char_end", "integer"), ("line", "integer"),
    ),
)  # fmt: skip

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


def replace_chapters(
    bind: Bind, novel: str, rows: Iterable[ChapterLike], *, source_digest: str | None = None
) -> ReplaceCounts:
    """Make the novel's chapters equal to `rows`. Raises UnknownNovel.

    `source_digest` is that of the text they were found in; raises TextChanged when another one is stored by now.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = _current_text(connection, novel, source_digest)
        staged = ((row.ordinal, row.title, row.kind, row.char_start, row.char_end, row.line) for row in rows)
        counts = replace_rows(connection, _CHAPTERS, number, staged)
        connection.execute(
            "UPDATE novels SET chapters_of = source_digest"
            " WHERE id = %s AND chapters_of IS DISTINCT FROM source_digest",
            [number],
        )
        return counts


def replace_chunks(
    bind: Bind,
    novel: str,
    rows: Iterable[ChunkLike],
    *,
    chunker: str | None = None,
    source_digest: str | None = None,
) -> ReplaceCounts:
    """Make the novel's chunks equal to `rows`, which may be a generator. Raises UnknownNovel.

    `chunker` is the splitter's version and settings, kept beside the novel. When the novel's language changed since,
    all rows are written again, for their searchable words follow from it. `source_digest` is that of the text they
    are cut from; raises TextChanged when another one is stored by now.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = _current_text(connection, novel, source_digest)
        row = connection.execute(
            "SELECT chunks_config IS DISTINCT FROM text_config FROM novels WHERE id = %s", [number]
        )
        language_changed = bool((row.fetchone() or [True])[0])
        counts = replace_rows(connection, _CHUNKS, number, map(_staged_chunk, rows), rewrite_all=language_changed)
        connection.execute(
            "UPDATE novels SET chunks_config = text_config, chunker = %(chunker)s, chunks_of = source_digest"
            " WHERE id = %(id)s AND (chunks_config, chunker, chunks_of)"
            " IS DISTINCT FROM (text_config, %(chunker)s, source_digest)",
            {"id": number, "chunker": chunker},
        )
        return counts


def chapters_source(bind: Bind, novel: str) -> str | None:
    """The digest of the source that a novel's chapters were found in."""
    with transaction(bind) as connection:
        row = connection.execute("SELECT chapters_of FROM novels WHERE novel = %s", [novel]).fetchone()
    return row[0] if row else None


def load_chapters(bind: Bind, novel: str) -> list[ChapterRecord]:
    """One novel's chapters in order; none when the novel has none. Raises UnknownNovel."""
    with transaction(bind) as connection:
        novel_id(connection, novel)
        return load_chapters_of(bind, [novel])[novel]


def load_chapters_of(bind: Bind, novels: Sequence[str]) -> dict[str, list[ChapterRecord]]:
    """The chapters of many novels; every name asked for is a key."""
    found: dict[str, list[ChapterRecord]] = {name: [] for name in novels}
    with transaction(bind) as connection:
        for novel, *values in connection.execute(
            "SELECT n.novel, c.ordinal, c.title, c.kind, c.char_start, c.char_end, c.line FROM novels n"
            " JOIN chapters c ON c.novel_id = n.id WHERE n.novel = ANY(%s) ORDER BY n.novel, c.ordinal",
            [list(novels)],
        ):
            found[novel].append(ChapterRecord(*values))
    return found


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


def _staged_chunk(row: ChunkLike) -> tuple[Any, ...]:
    return (
        row.ordinal, row.chapter, row.char_start, row.char_end, row.token_count, row.content_hash, row.body,
        with_bigrams(row.body) if has_unspaced(row.body) else None,
    )  # fmt: skip


def _current_text(connection: psycopg.Connection[Any], novel: str, source_digest: str | None) -> int:
    number = novel_id(connection, novel)
    row = connection.execute("SELECT source_digest FROM novels WHERE id = %s", [number]).fetchone()
    if source_digest is not None and row is not None and row[0] != source_digest:
        raise TextChanged(
            f"{novel} was read anew while an older text of it was being worked on; nothing of the older one was stored,"
            " and the run that read it goes on."
        )
    return number
