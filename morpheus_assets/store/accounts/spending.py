"""What embedding cost: one row per novel, space and run, kept also after the space is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.store.database.transactions import Bind, transaction


@dataclass(frozen=True)
class SpendingTotal:
    """What one space cost; `cost` is in US dollars, None when no price was known for any of it."""

    space_key: str
    tokens: int
    inputs: int
    requests: int
    cost: Decimal | None


def record_spending(
    bind: Bind, space: Space | SpaceRow, novel: str | None, *,
    tokens: int, inputs: int, requests: int, cost: Decimal | None, run_id: str | None = None,
) -> None:  # fmt: skip
    """Note what was paid for `inputs` embeddings; `cost` in US dollars, None where the price is not known."""
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO spending (space_key, novel, tokens, inputs, requests, cost, run_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [space.key, novel, tokens, inputs, requests, cost, run_id],
        )


def spending_totals(
    bind: Bind, *, since: datetime | None = None, keys: Sequence[str] | None = None
) -> list[SpendingTotal]:
    """What was paid per space, in all or since a moment, most tokens first."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(SpendingTotal)) as cursor:
        return cursor.execute(
            "SELECT space_key, sum(tokens)::bigint AS tokens, sum(inputs)::bigint AS inputs,"
            " sum(requests)::bigint AS requests, sum(cost) AS cost FROM spending"
            " WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)"
            " AND (%(keys)s::text[] IS NULL OR space_key = ANY(%(keys)s)) GROUP BY space_key ORDER BY 2 DESC, 1",
            {"since": since, "keys": None if keys is None else list(keys)},
        ).fetchall()
