"""Inputs that a provider will not embed: recorded with the reason, listed with where they occur, ignored or retried.

A refused input is not missing: it is not asked for again until somebody retries it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.transactions import Bind, transaction


@dataclass(frozen=True)
class Refusal:
    """One refused input; `places` says where it occurs now, such as "dracula, chapter 3, passage 41"."""

    space_key: str
    content_hash: bytes
    reason: str
    ignored: bool
    first_seen: datetime
    last_seen: datetime
    places: list[str]


def record_refusals(bind: Bind, space: SpaceRow, refusals: Iterable[tuple[bytes, str]]) -> int:
    """Note (content hash, reason) pairs; one known before keeps its first date and whether it is ignored."""
    rows = sorted(dict(refusals).items())
    with transaction(bind) as connection:
        return connection.execute(
            "INSERT INTO refused_inputs (space_id, content_hash, reason) SELECT %s, h, reason"
            " FROM unnest(%s::bytea[], %s::text[]) AS refused (h, reason) ORDER BY h"
            " ON CONFLICT (space_id, content_hash) DO UPDATE SET reason = excluded.reason, last_seen = now()",
            [space.id, [value for value, _ in rows], [reason for _, reason in rows]],
        ).rowcount


def list_refusals(
    bind: Bind, space: SpaceRow | None = None, *, novel: str | None = None, with_ignored: bool = True
) -> list[Refusal]:
    """Refused inputs of one space or all, newest first; of one novel if named."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(Refusal)) as cursor:
        return cursor.execute(
            "SELECT s.key AS space_key, r.content_hash, r.reason, r.ignored, r.first_seen, r.last_seen,"
            " coalesce(array_agg(p.place ORDER BY p.place) FILTER (WHERE p.place IS NOT NULL), '{}') AS places"
            " FROM refused_inputs r JOIN embedding_spaces s ON s.id = r.space_id"
            " LEFT JOIN LATERAL ("
            "   SELECT n.novel, format('%%s, chapter %%s, passage %%s', n.novel, c.chapter, c.ordinal) AS place"
            "   FROM chunks c JOIN novels n ON n.id = c.novel_id"
            "   WHERE s.purpose = 'text' AND c.content_hash = r.content_hash"
            "   UNION ALL SELECT n.novel, format('%%s, %%s', n.novel, c.path)"
            "   FROM panels c JOIN novels n ON n.id = c.novel_id"
            "   WHERE s.purpose = 'image' AND c.content_hash = r.content_hash) p ON true"
            " WHERE (%(space)s::integer IS NULL OR r.space_id = %(space)s) AND (%(ignored)s OR NOT r.ignored)"
            " AND (%(novel)s::text IS NULL OR p.novel = %(novel)s)"
            " GROUP BY s.key, r.space_id, r.content_hash ORDER BY r.last_seen DESC, s.key, r.content_hash",
            {"space": space.id if space else None, "novel": novel, "ignored": with_ignored},
        ).fetchall()


def ignore_refusals(bind: Bind, space: SpaceRow, hashes: Sequence[bytes] | None = None) -> int:
    """Stop warning about some refused inputs of a space, or all; returns how many."""
    with transaction(bind) as connection:
        return connection.execute(
            "UPDATE refused_inputs SET ignored = true WHERE space_id = %(space)s AND NOT ignored"
            " AND (%(hashes)s::bytea[] IS NULL OR content_hash = ANY(%(hashes)s))",
            {"space": space.id, "hashes": None if hashes is None else list(hashes)},
        ).rowcount


def retry_refusals(bind: Bind, space: SpaceRow, hashes: Sequence[bytes] | None = None) -> int:
    """Forget some refusals of a space, or all, so that the next run asks for those inputs again; returns how many."""
    with transaction(bind) as connection:
        return connection.execute(
            "DELETE FROM refused_inputs WHERE space_id = %(space)s"
            " AND (%(hashes)s::bytea[] IS NULL OR content_hash = ANY(%(hashes)s))",
            {"space": space.id, "hashes": None if hashes is None else list(hashes)},
        ).rowcount
