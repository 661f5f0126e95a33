"""Re-embeddings as they were launched: what they were for, and their size and price as planned."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit

queries = load_queries(__file__)
_INTENTION = "intention-"


@dataclass(frozen=True)
class Launch:
    """One re-embedding as it was launched; `cost` in US dollars, None where no price is known.

    `backfill_id` is a name of our own (`new_intention`) from before the launch until Dagster has answered.
    """

    space_key: str
    reason: str
    backfill_id: str
    novels: int
    inputs: int
    tokens: int
    cost: Decimal | None
    launched_at: datetime

    @property
    def intended(self) -> bool:
        """True while it is not known what became of the launch."""
        return self.backfill_id.startswith(_INTENTION)


def new_intention() -> str:
    """A name for a launch that is about to be made; never a backfill's id."""
    return _INTENTION + uuid.uuid4().hex


def record_launch(bind: Bind, launch: Launch) -> None:
    """Store a launch; its `launched_at` is kept as given."""
    with autocommit(bind) as connection:
        connection.execute(queries.record_launch, vars(launch))


def confirm_launch(bind: Bind, intention: str, backfill_id: str) -> None:
    """Put the backfill's id in place of the intention's name."""
    with autocommit(bind) as connection:
        connection.execute(queries.confirm_launch, {"intention": intention, "backfill_id": backfill_id})


def withdraw_launch(bind: Bind, intention: str) -> None:
    """Forget an intention of which nothing came: it takes nothing from the night's budget."""
    with autocommit(bind) as connection:
        connection.execute(queries.withdraw_launch, {"intention": intention})


def amend_launch(bind: Bind, name: str, *, tokens: int, cost: Decimal | None) -> None:
    """Put what was charged in the place of what was planned."""
    with autocommit(bind) as connection:
        connection.execute(queries.amend_launch, {"name": name, "tokens": tokens, "cost": cost})


def launches_since(bind: Bind, since: datetime) -> list[Launch]:
    """The re-embeddings launched since a moment, the latest first."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(Launch)) as cursor:
        return cursor.execute(queries.launches_since, {"since": since}).fetchall()
