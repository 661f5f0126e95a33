"""What a space lacks, novel by novel in the order in which they came, and which re-embeddings were launched for it.

Only counts and sizes; tokens, prices and what is launched are decided outside the store.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row
from psycopg.sql import SQL, Composable, Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.transactions import Bind, transaction

_NEEDED = {
    "text": SQL(
        "SELECT novel_id, content_hash, token_count, length(body) AS characters, octet_length(body) AS octets"
        " FROM chunks c"
    ),
    "image": SQL(
        "SELECT novel_id, content_hash, 0 AS token_count, 0 AS characters, 0 AS octets"
        " FROM panels c WHERE state = 'stored'"
    ),
}


@dataclass(frozen=True)
class NovelGap:
    """One novel that is not whole in a space: how many distinct inputs lack a vector, and their size.

    An input that several novels lack is counted with the one that came first, so `inputs` may be 0. `word_pieces`
    is by the chunker's own count, `octets` by UTF-8; all sizes are 0 for panels.
    """

    novel: str
    inputs: int
    word_pieces: int
    characters: int
    octets: int


@dataclass(frozen=True)
class Launch:
    """One re-embedding as it was launched; `cost` in US dollars, None where no price is known."""

    space_key: str
    reason: str
    backfill_id: str
    novels: int
    inputs: int
    tokens: int
    cost: Decimal | None
    launched_at: datetime


def gaps(bind: Bind, purpose: str, space: SpaceRow | None) -> list[NovelGap]:
    """The novels that lack vectors in a space, the oldest first; all of them for a space that is not stored yet."""
    lacking: Composable = SQL("true")
    if space is not None:
        lacking = SQL(
            "NOT EXISTS (SELECT FROM {} e WHERE e.content_hash = c.content_hash) AND NOT EXISTS"
            " (SELECT FROM refused_inputs r WHERE r.space_id = {} AND r.content_hash = c.content_hash)"
        ).format(Identifier(space.table), space.id)
    query = SQL(
        "WITH lacking AS ("
        "  SELECT DISTINCT novel_id, content_hash, token_count, characters, octets FROM ({needed}) c WHERE {lacking}"
        "), first AS ("
        "  SELECT DISTINCT ON (content_hash) * FROM lacking ORDER BY content_hash, novel_id"
        ") SELECT n.novel, count(f.content_hash) AS inputs, coalesce(sum(f.token_count), 0)::bigint AS word_pieces,"
        " coalesce(sum(f.characters), 0)::bigint AS characters, coalesce(sum(f.octets), 0)::bigint AS octets"
        " FROM (SELECT DISTINCT novel_id FROM lacking) l JOIN novels n ON n.id = l.novel_id"
        " LEFT JOIN first f ON f.novel_id = n.id GROUP BY n.id, n.novel ORDER BY n.id"
    ).format(needed=_NEEDED[purpose], lacking=lacking)
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(NovelGap)) as cursor:
        return cursor.execute(query).fetchall()


def holds_vectors(bind: Bind, space: SpaceRow) -> bool:
    """Whether anything was ever embedded in a space."""
    with transaction(bind) as connection:
        row = connection.execute(SQL("SELECT EXISTS (SELECT FROM {})").format(Identifier(space.table))).fetchone()
    return bool(row and row[0])


def other_chunkers(bind: Bind, chunker: str) -> list[tuple[str, int, int]]:
    """(chunker, novels, word pieces) of the novels that were cut by another chunker than the one given."""
    with transaction(bind) as connection:
        return connection.execute(
            "SELECT n.chunker, count(DISTINCT n.id), sum(c.token_count)::bigint FROM novels n"
            " JOIN chunks c ON c.novel_id = n.id WHERE n.chunker IS NOT NULL AND n.chunker <> %s"
            " GROUP BY n.chunker ORDER BY n.chunker",
            [chunker],
        ).fetchall()


def record_launch(bind: Bind, launch: Launch) -> None:
    """Note a launch; its `launched_at` is kept as given."""
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO reembeddings (space_key, reason, backfill_id, novels, inputs, tokens, cost, launched_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                launch.space_key, launch.reason, launch.backfill_id, launch.novels, launch.inputs, launch.tokens,
                launch.cost, launch.launched_at,
            ],
        )  # fmt: skip


def launches_since(bind: Bind, since: datetime) -> list[Launch]:
    """What was launched since a moment, the latest first."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(Launch)) as cursor:
        return cursor.execute(
            "SELECT space_key, reason, backfill_id, novels, inputs, tokens, cost, launched_at FROM reembeddings"
            " WHERE launched_at >= %s ORDER BY launched_at DESC, id DESC",
            [since],
        ).fetchall()
