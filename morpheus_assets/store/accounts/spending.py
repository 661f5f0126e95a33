"""The cost of embedding: one row per novel, space and run, kept also after the space is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from morpheus_assets.domain.spaces import Space
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit

queries = load_queries(__file__)


@dataclass(frozen=True)
class SpendingTotal:
    """The cost of one space; `cost` is in US dollars, None when no price was known for any of it.

    What is uncertain was sent and not answered in time: perhaps paid for, and in none of the other sums but `requests`.
    """

    space_key: str
    tokens: int
    inputs: int
    requests: int
    cost: Decimal | None
    uncertain_tokens: int
    uncertain_inputs: int
    uncertain_cost: Decimal | None


@dataclass(frozen=True)
class Spent:
    """The sum of what runs recorded as spent; `cost` in US dollars, None when no price was known."""

    tokens: int
    requests: int
    cost: float | None


def record_spending(
    bind: Bind, space: Space, novel: str | None, *,
    tokens: int, inputs: int, requests: int, cost: Decimal | None, run_id: str | None = None,
) -> None:  # fmt: skip
    """Record the cost of `inputs` embeddings, `cost` in US dollars; None where the price is not known."""
    with autocommit(bind) as connection:
        connection.execute(
            queries.record_spending,
            {
                "space_key": space.key, "novel": novel, "tokens": tokens, "inputs": inputs, "requests": requests,
                "cost": cost, "run_id": run_id, "uncertain_tokens": 0, "uncertain_inputs": 0, "uncertain_cost": None,
            },
        )  # fmt: skip


def record_uncertain_spending(
    bind: Bind, space: Space, novel: str | None, *,
    tokens: int, inputs: int, requests: int, cost: Decimal | None, run_id: str | None = None,
) -> None:  # fmt: skip
    """Record requests that were not answered in time, and what their inputs cost if they are paid for."""
    with autocommit(bind) as connection:
        connection.execute(
            queries.record_spending,
            {
                "space_key": space.key, "novel": novel, "tokens": 0, "inputs": 0, "requests": requests,
                "cost": None, "run_id": run_id, "uncertain_tokens": tokens, "uncertain_inputs": inputs,
                "uncertain_cost": cost,
            },
        )  # fmt: skip


def spending_totals(bind: Bind, *, since: datetime | None = None) -> list[SpendingTotal]:
    """The costs by space, in all or since a moment, most tokens first."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(SpendingTotal)) as cursor:
        return cursor.execute(queries.spending_totals, {"since": since}).fetchall()


def uncertain_since(bind: Bind, since: datetime) -> tuple[int, Decimal]:
    """Tokens and US dollars that are perhaps paid since a moment, for requests without an answer in time."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.uncertain_since, {"since": since}).fetchone()
    return (int(row[0]), Decimal(row[1])) if row else (0, Decimal(0))


def last_spending(bind: Bind) -> int:
    """The number of the newest spending, 0 where there is none."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.last_spending).fetchone()
    return int(row[0]) if row else 0


def spent_since(bind: Bind, space_key: str, novels: Sequence[str], after: int) -> Spent:
    """The sum spent on some novels in a space after the spending with the number `after`."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(Spent)) as cursor:
        found = cursor.execute(queries.spent_since, {"space_key": space_key, "novels": list(novels), "after": after})
        return found.fetchone() or Spent(0, 0, None)
