"""Re-embeddings as they were launched: what they were for, and their size and price as planned."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)


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


def record_launch(bind: Bind, launch: Launch) -> None:
    """Store a launch; its `launched_at` is kept as given."""
    with transaction(bind) as connection:
        connection.execute(queries.record_launch, vars(launch))


def launches_since(bind: Bind, since: datetime) -> list[Launch]:
    """The re-embeddings launched since a moment, the latest first."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(Launch)) as cursor:
        return cursor.execute(queries.launches_since, {"since": since}).fetchall()
