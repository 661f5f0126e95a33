"""Which passages or panels have a vector in a space, which were refused, which are missing; per novel and in all.

Only reads. A hash that occurs in several novels counts in each of them, and once in the totals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Composed, Identifier

from morpheus_assets.domain.content import NovelNames
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.transactions import Bind, transaction

_PAGE = 500

_SOURCES = {
    "text": SQL("SELECT novel_id, content_hash, token_count FROM chunks"),
    "image": SQL("SELECT novel_id, content_hash, 0 AS token_count FROM panels WHERE state = 'stored'"),
}

_PAGES = {
    "text": SQL(
        "SELECT DISTINCT ON (c.content_hash) c.content_hash, n.novel, c.body AS content, c.token_count"
        " FROM chunks c JOIN novels n ON n.id = c.novel_id"
        " WHERE n.novel = %(novel)s AND c.content_hash > %(after)s AND {lacking}"
        " ORDER BY c.content_hash, c.ordinal LIMIT %(limit)s"
    ),
    "image": SQL(
        "SELECT DISTINCT ON (c.content_hash) c.content_hash, n.novel, c.path AS content, 0 AS token_count"
        " FROM panels c JOIN novels n ON n.id = c.novel_id"
        " WHERE n.novel = %(novel)s AND c.state = 'stored' AND c.content_hash > %(after)s AND {lacking}"
        " ORDER BY c.content_hash, c.path LIMIT %(limit)s"
    ),
}


@dataclass(frozen=True)
class MissingInput:
    """Something that lacks a vector: `content` is a passage's body, or a panel's path within `novel`'s folder."""

    content_hash: bytes
    novel: str
    content: str
    token_count: int


@dataclass(frozen=True)
class NovelCoverage:
    """Distinct hashes of one novel in one space; `missing_tokens` is by the chunker's own count (0 for panels)."""

    novel: str
    needed: int
    present: int
    refused: int
    missing: int
    missing_tokens: int


@dataclass(frozen=True)
class Coverage:
    """A space's coverage: totals over distinct hashes, and each novel's own."""

    key: str
    needed: int
    present: int
    refused: int
    missing: int
    missing_tokens: int
    novels: tuple[NovelCoverage, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing; what was refused does not count as missing."""
        return self.missing == 0


def coverage(bind: Bind, space: SpaceRow, novels: Sequence[str] | None = None) -> Coverage:
    """What of all novels, or of those named, has a vector in a space."""
    with transaction(bind) as connection:
        wanted = {"space": space.id, "novels": None if novels is None else list(novels)}
        with connection.cursor(row_factory=class_row(NovelCoverage)) as cursor:
            rows = cursor.execute(_counts(space, per_novel=True), wanted).fetchall()
        total = connection.execute(_counts(space, per_novel=False), wanted).fetchone()
    return Coverage(space.key, *(*(total or (0, 0, 0, 0, 0)), tuple(rows)))


def missing_count(connection: psycopg.Connection[Any], space: SpaceRow) -> int:
    """How many distinct hashes lack a vector in a space and were not refused."""
    row = connection.execute(_counts(space, per_novel=False), {"space": space.id, "novels": None}).fetchone()
    return int(row[3]) if row else 0


def missing_hashes(bind: Bind, space: SpaceRow, novels: NovelNames) -> Iterator[MissingInput]:
    """Everything of the given novels that lacks a vector, each hash once a novel; read in pages, so memory stays flat.

    Nothing is reserved: whoever is going to pay takes `embedding_lock` (embedding_sessions.py) and asks there.
    """
    for novel in [novels] if isinstance(novels, str) else novels:
        after = b""
        while True:
            with transaction(bind) as connection:
                page = missing_page(connection, space, novel, after)
            yield from page
            if len(page) < _PAGE:
                break
            after = page[-1].content_hash


def missing_page(
    connection: psycopg.Connection[Any], space: SpaceRow, novel: str, after: bytes, limit: int = _PAGE
) -> list[MissingInput]:
    """The next `limit` inputs of one novel that lack a vector, by content hash."""
    query = _PAGES[space.purpose].format(lacking=_lacking(space, "c"))
    with connection.cursor(row_factory=class_row(MissingInput)) as cursor:
        wanted = {"novel": novel, "after": after, "limit": limit, "space": space.id}
        return cursor.execute(query, wanted).fetchall()


def _lacking(space: SpaceRow, alias: str) -> Composed:
    return SQL(
        "NOT EXISTS (SELECT FROM {table} e WHERE e.content_hash = {alias}.content_hash)"
        " AND NOT EXISTS (SELECT FROM refused_inputs r WHERE r.space_id = %(space)s"
        " AND r.content_hash = {alias}.content_hash)"
    ).format(table=Identifier(space.table), alias=Identifier(alias))


def _counts(space: SpaceRow, *, per_novel: bool) -> Composed:
    group = SQL("n.novel") if per_novel else SQL("0")
    return SQL(
        "WITH needed AS (SELECT {group} AS novel, s.content_hash, max(s.token_count) AS tokens FROM ({source}) s"
        " JOIN novels n ON n.id = s.novel_id WHERE %(novels)s::text[] IS NULL OR n.novel = ANY(%(novels)s)"
        " GROUP BY 1, 2)"
        " SELECT {columns} count(*) AS needed, count(e.content_hash) AS present,"
        " count(r.content_hash) FILTER (WHERE e.content_hash IS NULL) AS refused,"
        " count(*) FILTER (WHERE e.content_hash IS NULL AND r.content_hash IS NULL) AS missing,"
        " coalesce(sum(tokens) FILTER (WHERE e.content_hash IS NULL AND r.content_hash IS NULL), 0)::bigint"
        " AS missing_tokens FROM needed"
        " LEFT JOIN {table} e ON e.content_hash = needed.content_hash"
        " LEFT JOIN refused_inputs r ON r.space_id = %(space)s AND r.content_hash = needed.content_hash {grouped}"
    ).format(
        group=group, source=_SOURCES[space.purpose], table=Identifier(space.table),
        columns=SQL("needed.novel,") if per_novel else SQL(""),
        grouped=SQL("GROUP BY needed.novel ORDER BY needed.novel") if per_novel else SQL(""),
    )  # fmt: skip
