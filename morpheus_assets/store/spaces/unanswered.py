"""Inputs that were sent and not answered within our deadline: how often today, so that no text is paid for for ever."""

from collections.abc import Sequence
from dataclasses import dataclass

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction

queries = load_queries(__file__)


@dataclass(frozen=True)
class SentInVain:
    """How often an input was sent in vain within a day, and how many were together in its last request."""

    tries: int
    together: int


def record_unanswered(bind: Bind, space: SpaceRow, hashes: Sequence[bytes], together: int) -> None:
    """Count one more try for inputs that went out in a request of `together`; what is older than a day is forgotten."""
    with transaction(bind) as connection:
        connection.execute(queries.forget_unanswered, {"space": space.id})
        connection.execute(
            queries.record_unanswered, {"space": space.id, "hashes": sorted(set(hashes)), "together": together}
        )


def unanswered_today(bind: Bind, space: SpaceRow) -> dict[bytes, SentInVain]:
    """The inputs of a space that were sent in vain within a day, by content hash."""
    with autocommit(bind) as connection:
        rows = connection.execute(queries.unanswered_today, {"space": space.id}).fetchall()
    return {bytes(value): SentInVain(tries, together) for value, tries, together in rows}
