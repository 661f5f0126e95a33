"""Novels: one row each, with the text, what was repaired, and the refusal of a later source if there was one.

Their chapters, chunks and panels have modules of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from morpheus_assets.domain.content import HeadingRecord, NovelRecord, NovelSummary, StoredText
from morpheus_assets.store.content.full_text import configuration_of
from morpheus_assets.store.database.errors import UnknownNovel
from morpheus_assets.store.database.transactions import Bind, lock_novel, transaction

_COLUMNS = (
    "title", "author", "language", "text_config", "format", "encoding", "repairs",
    "source_path", "source_digest", "hints", "body", "body_length", "body_digest",
)  # fmt: skip

_SUMMARIES = """
SELECT n.novel, n.title, n.author, n.language, n.format, n.encoding, n.repairs, n.source_path, n.source_digest,
       n.body_digest, n.body_length AS characters, n.chunker, n.panels_digest,
       n.refused_path, n.refused_digest, n.refused_reason,
       (SELECT count(*) FROM chapters c WHERE c.novel_id = n.id) AS chapters,
       coalesce(k.chunks, 0) AS chunks, coalesce(k.tokens, 0) AS tokens,
       coalesce(p.panels, 0) AS panels, coalesce(p.refused_panels, 0) AS refused_panels, n.updated_at
FROM novels n
LEFT JOIN LATERAL (SELECT count(*) AS chunks, sum(token_count)::bigint AS tokens
                   FROM chunks c WHERE c.novel_id = n.id) k ON true
LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE state = 'stored') AS panels,
                          count(*) FILTER (WHERE state = 'refused') AS refused_panels
                   FROM panels q WHERE q.novel_id = n.id) p ON true
"""


@dataclass(frozen=True)
class IngestedDigests:
    """What of a novel's sources was read last: hex digests, None where there was nothing."""

    text: str | None
    refused: str | None
    panels: str | None


def upsert_novel(bind: Bind, record: NovelRecord) -> bool:
    """Store a novel's text and clear any refusal; False (and no write) when every column is equal already."""
    values = {
        "novel": record.novel, "title": record.title, "author": record.author, "language": record.language,
        "format": record.format, "encoding": record.encoding, "repairs": list(record.repairs),
        "source_path": record.source_path, "source_digest": record.source_digest, "body": record.text,
        "hints": Jsonb([asdict(hint) for hint in record.hints]),
        "body_length": len(record.text), "body_digest": record.body_digest, "reader": record.reader,
    }  # fmt: skip
    new = ", ".join("excluded." + name for name in _COLUMNS)
    old = ", ".join("novels." + name for name in _COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in (*_COLUMNS, "reader"))
    with transaction(bind) as connection:
        lock_novel(connection, record.novel)
        values["text_config"] = _text_config(connection, record.language)
        names = ["novel", "reader", *_COLUMNS]
        statement = (
            f"INSERT INTO novels ({', '.join(names)}) VALUES ({', '.join(f'%({name})s' for name in names)})"  # noqa: S608
            f" ON CONFLICT (novel) DO UPDATE SET {changes}, refused_path = NULL, refused_digest = NULL,"
            " refused_reason = NULL, refused_at = NULL, updated_at = now()"
            f" WHERE ({old}) IS DISTINCT FROM ({new}) OR novels.refused_reason IS NOT NULL"
        )
        if connection.execute(statement.encode(), values).rowcount == 1:
            return True
        connection.execute(
            "UPDATE novels SET reader = %(reader)s WHERE novel = %(novel)s AND reader IS DISTINCT FROM %(reader)s",
            values,
        )
        return False


def stored_text(bind: Bind, novel: str) -> StoredText:
    """What is told of a stored text, without the text. Raises UnknownNovel."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(StoredText)) as cursor:
        found = cursor.execute(
            "SELECT title, author, language, format, encoding, repairs, source_path, source_digest, body_digest,"
            " body_length AS characters, md5(concat_ws(' ', body_digest, hints::text)) AS mark"
            " FROM novels WHERE novel = %s AND body IS NOT NULL",
            [novel],
        ).fetchone()
    if found is None:
        raise _no_text(novel)
    return replace(found, repairs=tuple(found.repairs))


def is_read(bind: Bind, novel: str, source_path: str, source_digest: str, reader: str) -> bool:
    """Whether reading this file by this reader would store just what is stored, and nothing was refused since.

    The text itself is looked at: one that was changed by hand is not what the file holds.
    """
    with transaction(bind) as connection:
        row = connection.execute(
            "SELECT language, text_config, encode(sha256(convert_to(body, 'UTF8')), 'hex') = body_digest FROM novels"
            " WHERE novel = %s AND source_path = %s AND source_digest = %s AND reader = %s AND refused_reason IS NULL"
            " AND body_length = length(body)",
            [novel, source_path, source_digest, reader],
        ).fetchone()
        return bool(row and row[2] and row[1] == _text_config(connection, row[0]))


def refuse_novel(bind: Bind, novel: str, source_path: str, source_digest: str | None, reason: str) -> None:
    """Note that a source could not be read, with its sentence; a text stored before stays as it is."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(
            "INSERT INTO novels (novel, refused_path, refused_digest, refused_reason, refused_at)"
            " VALUES (%s, %s, %s, %s, now()) ON CONFLICT (novel) DO UPDATE SET refused_path = excluded.refused_path,"
            " refused_digest = excluded.refused_digest, refused_reason = excluded.refused_reason, refused_at = now()",
            [novel, source_path, source_digest, reason],
        )


def load_novel(bind: Bind, novel: str) -> NovelRecord:
    """One novel with its text. Raises UnknownNovel, also when only panels or a refusal are stored."""
    for record in iter_novels(bind, [novel]):
        return record
    raise _no_text(novel)


def iter_novels(bind: Bind, novels: Iterable[str]) -> Iterator[NovelRecord]:
    """The texts of many novels, one in memory at a time, in the order asked; those without a text are left out."""
    for name in novels:
        with transaction(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "SELECT novel, title, author, language, format, encoding, repairs, source_path, source_digest,"
                " hints, body AS text, body_digest, reader FROM novels WHERE novel = %s AND body IS NOT NULL",
                [name],
            ).fetchone()
        if row is not None:
            hints = tuple(HeadingRecord(**hint) for hint in row["hints"])
            yield NovelRecord(**{**row, "repairs": tuple(row["repairs"]), "hints": hints})


def list_novels(bind: Bind, novels: Sequence[str] | None = None) -> list[NovelSummary]:
    """All stored novels (or those named) by name, with counts, without their texts."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(NovelSummary)) as cursor:
        wanted = None if novels is None else list(novels)
        return cursor.execute(
            _SUMMARIES.encode() + b" WHERE %(wanted)s::text[] IS NULL OR n.novel = ANY(%(wanted)s) ORDER BY n.novel",
            {"wanted": wanted},
        ).fetchall()


def refused_texts(bind: Bind) -> list[str]:
    """The sentence of each novel whose latest source could not be read, by novel; no text and no chunk is looked at."""
    with transaction(bind) as connection:
        rows = connection.execute("SELECT refused_reason FROM novels WHERE refused_reason IS NOT NULL ORDER BY novel")
        return [row[0] for row in rows]


def remove_novel(bind: Bind, novel: str) -> bool:
    """Delete a novel with its chapters, chunks, panels, observations and tombstones; its vectors become orphans."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute("DELETE FROM source_files WHERE novel = %s", [novel])
        connection.execute("DELETE FROM tombstones WHERE novel = %s", [novel])
        return connection.execute("DELETE FROM novels WHERE novel = %s", [novel]).rowcount == 1


def ingested_digests(bind: Bind) -> dict[str, IngestedDigests]:
    """What was read last of every novel's sources, for a sensor to compare with the files.

    A text whose chunks are not stored yet does not count as read: the run that read it ended too early.
    """
    with transaction(bind) as connection:
        rows = connection.execute(
            "SELECT novel, CASE WHEN chunks_of = source_digest THEN source_digest END, refused_digest, panels_digest"
            " FROM novels"
        ).fetchall()
    return {novel: IngestedDigests(text, refused, panels) for novel, text, refused, panels in rows}


def _text_config(connection: psycopg.Connection[Any], language: str) -> str:
    row = connection.execute(
        "SELECT cfgname FROM pg_ts_config WHERE cfgname = %s", [configuration_of(language)]
    ).fetchone()
    return str(row[0]) if row else "simple"


def _no_text(novel: str) -> UnknownNovel:
    return UnknownNovel(f"No text of a novel named {novel!r} is stored; materialize `novels` for it first.")
