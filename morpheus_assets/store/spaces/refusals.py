"""Inputs that a provider will not embed: recorded with the reason, listed with where they occur, ignored or retried.

A refused input is not missing: it is not asked for again until somebody retries it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit

queries = load_queries(__file__)


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
    with autocommit(bind) as connection:
        return connection.execute(
            queries.record_refusals,
            {"space": space.id, "hashes": [value for value, _ in rows], "reasons": [reason for _, reason in rows]},
        ).rowcount


def list_refusals(
    bind: Bind, space: SpaceRow | None = None, *, novel: str | None = None, with_ignored: bool = True
) -> list[Refusal]:
    """Refused inputs of one space or all, newest first; of one novel if named."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(Refusal)) as cursor:
        return cursor.execute(
            queries.list_refusals, {"space": space.id if space else None, "novel": novel, "ignored": with_ignored}
        ).fetchall()


def ignore_refusals(bind: Bind, space: SpaceRow, hashes: Sequence[bytes] | None = None) -> int:
    """Stop warning about some refused inputs of a space, or all; returns how many."""
    with autocommit(bind) as connection:
        return connection.execute(
            queries.ignore_refusals, {"space": space.id, "hashes": None if hashes is None else list(hashes)}
        ).rowcount


def retry_refusals(bind: Bind, space: SpaceRow, hashes: Sequence[bytes] | None = None) -> int:
    """Forget some refusals of a space, or all, so that the next run asks for those inputs again; returns how many."""
    with autocommit(bind) as connection:
        return connection.execute(
            queries.delete_refusals, {"space": space.id, "hashes": None if hashes is None else list(hashes)}
        ).rowcount
