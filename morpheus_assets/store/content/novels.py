"""Novels: one row each, with the text, its repairs, and the refusal of a later source if there was one."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from psycopg.rows import class_row, dict_row
from psycopg.sql import Composable, Composed
from psycopg.types.json import Jsonb

from morpheus_assets.domain.content import Chapter, HeadingHint, NovelRecord, NovelSummary, StoredStages, StoredText
from morpheus_assets.store.content.full_text import configuration_of
from morpheus_assets.store.content.novel_rows import lock_novel
from morpheus_assets.store.content.passages import delete_unused, parse_as_their_novels
from morpheus_assets.store.database.errors import UnknownNovel
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, pipelined, reading, transaction
from morpheus_assets.text.documents import Document
from morpheus_assets.text.reader_version import reader_version

queries = load_queries(__file__)


@dataclass(frozen=True)
class IngestedDigests:
    """Digests of the last ingested sources of a novel, in hex; None where there was nothing."""

    text: str | None
    refused: str | None
    panels: str | None


@dataclass(frozen=True)
class NovelStages:
    """How far a novel is stored: its text, all chapters and chunks of it; its pages, and all regions of them."""

    novel: str
    text: bool
    chunks: bool
    pages: bool
    cut: bool


def novel_record(novel: str, document: Document, source_path: str, source_digest: str) -> NovelRecord:
    """A novel's row, made of what was read; `source_digest` is the sha256, in hex, of the bytes that were read."""
    return NovelRecord(
        novel=novel,
        title=document.title,
        author=document.author,
        language=document.language,
        format=document.format,
        encoding=document.encoding,
        repairs=document.repairs,
        source_path=source_path,
        source_digest=source_digest,
        text=document.text,
        body_digest=hashlib.sha256(document.text.encode()).hexdigest(),
        reader=reader_version(),
        hints=document.hints,
    )


def store_novel(bind: Bind, record: NovelRecord) -> tuple[StoredText, bool]:
    """Store a novel's text and clear any refusal; False (and no write) when every column is equal already."""
    values = {
        **vars(record),
        "text_config": configuration_of(record.language),
        "repairs": list(record.repairs),
        "hints": Jsonb([vars(hint) for hint in record.hints]),
        "body": record.text,
        "body_length": len(record.text),
    }
    with pipelined(bind) as connection:
        lock_novel(connection, record.novel)
        changed = connection.execute(queries.upsert_novel, values)
        connection.execute(queries.set_reader, values)
        cursor = connection.cursor(row_factory=dict_row)
        query = _stored_text(queries.any_text)
        stored = cursor.execute(query, {"novel": record.novel})
    return _text_of(stored.fetchone() or {}), changed.rowcount == 1


def upsert_novel(bind: Bind, record: NovelRecord) -> bool:
    """As `store_novel`, for who needs no description of what is stored then."""
    return store_novel(bind, record)[1]


def stored_text(bind: Bind, novel: str) -> StoredText:
    """A description of a stored text, without the text. Raises UnknownNovel."""
    query = _stored_text(queries.any_text)
    with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query, {"novel": novel}).fetchone()
    if found is None:
        raise _no_text(novel)
    return _text_of(found)


def text_if_read(bind: Bind, novel: str, source_path: str, source_digest: str, reader: str) -> StoredText | None:
    """The stored text, where reading this file by this reader would store just that, and nothing was refused since."""
    wanted = {"novel": novel, "path": source_path, "digest": source_digest, "reader": reader}
    with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
        query = _stored_text(queries.read_unchanged)
        row = cursor.execute(query, wanted).fetchone()
    if not row or not row["read"]:
        return None
    config = configuration_of(row["language"])
    return _text_of(row) if row["text_config"] == (config if config in row["configs"] else "simple") else None


def refuse_novel(bind: Bind, novel: str, source_path: str, source_digest: str | None, reason: str) -> None:
    """Note that a source could not be read, with the reason; a text stored before stays as it is."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(
            queries.refuse_novel, {"novel": novel, "path": source_path, "digest": source_digest, "reason": reason}
        )


def refused_before(bind: Bind, novel: str, source_digest: str | None) -> bool:
    """True when just this source is noted as refused, beside a text that was stored before."""
    with autocommit(bind) as connection:
        return bool(connection.execute(queries.refused_before, {"novel": novel, "digest": source_digest}).fetchone())


def load_novel(bind: Bind, novel: str) -> NovelRecord:
    """One novel with its text. Raises UnknownNovel, also when only panels or a refusal are stored."""
    for record in iter_novels(bind, [novel]):
        return record
    raise _no_text(novel)


def iter_novels(bind: Bind, novels: Iterable[str]) -> Iterator[NovelRecord]:
    """The texts of many novels, one in memory at a time, in the order asked; those without a text are left out."""
    for name in novels:
        with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(queries.load_novel, {"novel": name}).fetchone()
        if row is not None:
            yield _record_of(row)


def text_with_chapters(bind: Bind, novel: str) -> tuple[NovelRecord | None, list[Chapter]]:
    """One novel with its text, None where there is none, and its chapters in order, in one round trip."""
    with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(queries.load_novel_with_chapters, {"novel": novel}).fetchone()
    chapters = [Chapter(*values) for values in (row.pop("chapters") if row else None) or ()]
    return (_record_of(row) if row and row["text"] is not None else None), chapters


def _record_of(row: dict[str, Any]) -> NovelRecord:
    hints = tuple(HeadingHint(**hint) for hint in row["hints"])
    return NovelRecord(**{**row, "repairs": tuple(row["repairs"]), "hints": hints})


def list_novels(bind: Bind, novels: Sequence[str] | None = None) -> list[NovelSummary]:
    """All stored novels (or those named) by name, with counts, without their texts."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(NovelSummary)) as cursor:
        return cursor.execute(queries.list_novels, {"novels": None if novels is None else list(novels)}).fetchall()


def novels_beside_and_without(bind: Bind, kind: str, known: Collection[str]) -> tuple[list[str], list[str]]:
    """Stored novels that are not among the known ones, and known ones of which nothing is stored; both by name.

    Stored is a text ("text") or panels ("panel").
    """
    text = kind == "text"
    wanted = {"known": list(known)}
    with reading(bind) as connection, connection.pipeline():
        query = queries.texts_beside if text else queries.panels_beside
        beside = connection.execute(query, wanted)
        query = queries.without_text if text else queries.without_panels
        without = connection.execute(query, wanted)
    return [name for (name,) in beside], [name for (name,) in without]


def remove_novel(bind: Bind, novel: str, *, only_text: bool = False) -> bool:
    """Delete a novel with all that is only its own; its vectors become orphans.

    With `only_text` its pages stay, in a row of their own; all that hangs on the text goes with the other one.
    """
    asked = {"novel": novel, "kind": "text" if only_text else None}
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(queries.delete_source_files_of_novel, asked)
        connection.execute(queries.delete_tombstones_of_novel, asked)
        gone = {bytes(value) for (value,) in connection.execute(queries.delete_chunks, asked)}
        row = novel
        if only_text and connection.execute(queries.set_novel_aside, asked).rowcount:
            row = f"{novel}\n"
            added = connection.execute(queries.add_novel_of_pages, {"novel": novel, "aside": row}).fetchone()
            moved = {"number": added and added[0], "aside": row}
            connection.execute(queries.move_pages, moved)
            connection.execute(queries.move_comic_books, moved)
        removed = connection.execute(queries.delete_novel, {"novel": row}).rowcount == 1
        left = len(gone) - delete_unused(connection, gone)
    if left:
        parse_as_their_novels(bind, gone)
    return removed


def ingested_digests(bind: Bind) -> dict[str, IngestedDigests]:
    """The digests of every novel's last ingested sources, for a sensor to compare with the files.

    A text whose chunks are not stored yet does not count as read: the run that read it ended too early.
    """
    with autocommit(bind) as connection:
        rows = connection.execute(queries.ingested_digests).fetchall()
    return {novel: IngestedDigests(text, refused, panels) for novel, text, refused, panels in rows}


def stored_stages(bind: Bind, after: str, limit: int) -> list[NovelStages]:
    """How far the next `limit` novels behind `after` are stored, by name."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(NovelStages)) as cursor:
        return cursor.execute(queries.stored_stages, {"after": after, "limit": limit}).fetchall()


def _stored_text(read: Composable) -> Composed:
    return queries.stored_text.format(
        read=read,
        rows=queries.rows_of_chapters,
        chunks_whole=queries.chunks_whole.format(mark=queries.places_of_chapters),
    )


def _text_of(row: Mapping[str, Any]) -> StoredText:
    stages = StoredStages(**{each.name: row[each.name] for each in fields(StoredStages)})
    known = {each.name: row[each.name] for each in fields(StoredText) if each.name != "stages"}
    return StoredText(**{**known, "repairs": tuple(row["repairs"])}, stages=stages)


def _no_text(novel: str) -> UnknownNovel:
    return UnknownNovel(f"No text of a novel named {novel!r} is stored; materialize `novels` for it first.")
