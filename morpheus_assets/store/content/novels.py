"""Novels: one row each, with the text, its repairs, and the refusal of a later source if there was one."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from morpheus_assets.domain.content import HeadingHint, NovelRecord, NovelSummary, StoredText
from morpheus_assets.store.content.full_text import configuration_of
from morpheus_assets.store.content.novel_rows import lock_novel
from morpheus_assets.store.content.passages import delete_unused, parse_as_their_novels
from morpheus_assets.store.database.errors import UnknownNovel
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction
from morpheus_assets.text.documents import Document
from morpheus_assets.text.reader_version import reader_version

queries = load_queries(__file__)


@dataclass(frozen=True)
class IngestedDigests:
    """Digests of the last ingested sources of a novel, in hex; None where there was nothing."""

    text: str | None
    refused: str | None
    panels: str | None


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


def upsert_novel(bind: Bind, record: NovelRecord) -> bool:
    """Store a novel's text and clear any refusal; False (and no write) when every column is equal already."""
    with transaction(bind) as connection:
        lock_novel(connection, record.novel)
        values = {
            **vars(record),
            "text_config": _text_config(connection, record.language),
            "repairs": list(record.repairs),
            "hints": Jsonb([vars(hint) for hint in record.hints]),
            "body": record.text,
            "body_length": len(record.text),
        }
        if connection.execute(queries.upsert_novel, values).rowcount == 1:
            return True
        connection.execute(queries.set_reader, values)
        return False


def stored_text(bind: Bind, novel: str) -> StoredText:
    """A description of a stored text, without the text. Raises UnknownNovel."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(StoredText)) as cursor:
        found = cursor.execute(queries.stored_text, {"novel": novel}).fetchone()
    if found is None:
        raise _no_text(novel)
    return replace(found, repairs=tuple(found.repairs))


def is_read(bind: Bind, novel: str, source_path: str, source_digest: str, reader: str) -> bool:
    """True when reading this file by this reader would store just what is stored, and nothing was refused since.

    The text itself is hashed: one that was changed by hand is not what the file holds.
    """
    with transaction(bind) as connection:
        row = connection.execute(
            queries.read_unchanged,
            {"novel": novel, "path": source_path, "digest": source_digest, "reader": reader},
        ).fetchone()
        return bool(row and row[2] and row[1] == _text_config(connection, row[0]))


def refuse_novel(bind: Bind, novel: str, source_path: str, source_digest: str | None, reason: str) -> None:
    """Note that a source could not be read, with the reason; a text stored before stays as it is."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(
            queries.refuse_novel, {"novel": novel, "path": source_path, "digest": source_digest, "reason": reason}
        )


def refused_before(bind: Bind, novel: str, source_digest: str | None) -> bool:
    """True when just this source is noted as refused, beside a text that was stored before."""
    with transaction(bind) as connection:
        return bool(connection.execute(queries.refused_before, {"novel": novel, "digest": source_digest}).fetchone())


def load_novel(bind: Bind, novel: str) -> NovelRecord:
    """One novel with its text. Raises UnknownNovel, also when only panels or a refusal are stored."""
    for record in iter_novels(bind, [novel]):
        return record
    raise _no_text(novel)


def iter_novels(bind: Bind, novels: Iterable[str]) -> Iterator[NovelRecord]:
    """The texts of many novels, one in memory at a time, in the order asked; those without a text are left out."""
    for name in novels:
        with transaction(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(queries.load_novel, {"novel": name}).fetchone()
        if row is not None:
            hints = tuple(HeadingHint(**hint) for hint in row["hints"])
            yield NovelRecord(**{**row, "repairs": tuple(row["repairs"]), "hints": hints})


def list_novels(bind: Bind, novels: Sequence[str] | None = None) -> list[NovelSummary]:
    """All stored novels (or those named) by name, with counts, without their texts."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(NovelSummary)) as cursor:
        return cursor.execute(queries.list_novels, {"novels": None if novels is None else list(novels)}).fetchall()


def refused_texts(bind: Bind) -> list[str]:
    """The reason of each novel whose latest source could not be read, by novel; reads no text and no chunk."""
    with transaction(bind) as connection:
        return [reason for (reason,) in connection.execute(queries.refused_texts)]


def novels_beside(bind: Bind, kind: str, known: Collection[str]) -> list[str]:
    """The novels with a stored text ("text") or panels ("panel") that are not among the known ones, by name."""
    query = queries.texts_beside if kind == "text" else queries.panels_beside
    with reading(bind) as connection:
        return [row[0] for row in connection.execute(query, {"known": list(known)})]


def novels_without(bind: Bind, kind: str, known: Collection[str]) -> list[str]:
    """The known novels of which nothing of a kind ("text", "panel") is stored."""
    query = queries.without_text if kind == "text" else queries.without_panels
    with reading(bind) as connection:
        return [row[0] for row in connection.execute(query, {"known": list(known)})]


def remove_novel(bind: Bind, novel: str) -> bool:
    """Delete a novel with all that is only its own; its vectors become orphans."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(queries.delete_source_files_of_novel, {"novel": novel})
        connection.execute(queries.delete_tombstones_of_novel, {"novel": novel})
        gone = {bytes(value) for (value,) in connection.execute(queries.delete_chunks, {"novel": novel})}
        removed = connection.execute(queries.delete_novel, {"novel": novel}).rowcount == 1
        left = len(gone) - delete_unused(connection, gone)
    if left:
        parse_as_their_novels(bind, gone)
    return removed


def ingested_digests(bind: Bind) -> dict[str, IngestedDigests]:
    """The digests of every novel's last ingested sources, for a sensor to compare with the files.

    A text whose chunks are not stored yet does not count as read: the run that read it ended too early.
    """
    with transaction(bind) as connection:
        rows = connection.execute(queries.ingested_digests).fetchall()
    return {novel: IngestedDigests(text, refused, panels) for novel, text, refused, panels in rows}


def _text_config(connection: psycopg.Connection[Any], language: str) -> str:
    row = connection.execute(queries.find_text_config, {"name": configuration_of(language)}).fetchone()
    return str(row[0]) if row else "simple"


def _no_text(novel: str) -> UnknownNovel:
    return UnknownNovel(f"No text of a novel named {novel!r} is stored; materialize `novels` for it first.")
