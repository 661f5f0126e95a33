"""Inputs that were sent and not answered within our deadline: how often today, so that no text is paid for for ever."""

from collections.abc import Sequence

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)


def record_unanswered(bind: Bind, space: SpaceRow, hashes: Sequence[bytes], together: int) -> None:
    """Count one more try for inputs that went out in a request of `together`; what is older than a day is forgotten."""
    with transaction(bind) as connection:
        connection.execute(queries.forget_unanswered, {"space": space.id})
        connection.execute(
            queries.record_unanswered, {"space": space.id, "hashes": sorted(set(hashes)), "together": together}
        )
