"""The last look at whether a space's model still gives the vectors that are stored."""

from datetime import timedelta

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)


def model_check_due(bind: Bind, space: SpaceRow, every: timedelta) -> bool:
    """True when the last check that went well, or the making of the space, is so long ago by the server's clock."""
    with reading(bind) as connection:
        row = connection.execute(queries.model_check_due, {"space": space.id, "every": every}).fetchone()
    return bool(row and row[0])


def record_model_check(bind: Bind, space: SpaceRow, lowest_cosine: float) -> None:
    """Note that the vectors came out as they are stored; one that did not is asked for again by the next run."""
    with transaction(bind) as connection:
        connection.execute(queries.record_model_check, {"space": space.id, "lowest_cosine": lowest_cosine})
