"""What requests over HTTP cost, added up and written to Postgres now and then: one row a space, not one a query."""

import asyncio
import logging
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from morpheus_assets.api.database import Database
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.store.accounts.spending import record_spending
from morpheus_assets.store.database.errors import StoreError

WRITE_SECONDS = 60.0
_log = logging.getLogger("morpheus.api")


@dataclass
class _Sum:
    tokens: int = 0
    inputs: int = 0
    requests: int = 0
    cost: Decimal | None = None


class Spending:
    """Sums that are not written yet; they are kept while the database is down."""

    def __init__(self) -> None:
        self._sums: dict[Space, _Sum] = {}

    def add(self, space: Space, tokens: int, inputs: int, requests: int, cost: Decimal | None) -> None:
        """Note one answer of a provider."""
        found = self._sums.setdefault(space, _Sum())
        found.tokens += tokens
        found.inputs += inputs
        found.requests += requests
        if cost is not None:
            found.cost = (found.cost or Decimal(0)) + cost

    async def keep_writing(self, database: Database) -> None:
        """Write once a minute, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write(database)

    async def write(self, database: Database) -> None:
        """Write what has come together; local models cost nothing and are left out."""
        sums, self._sums = self._sums, {}
        paid = {space: each for space, each in sums.items() if each.cost != 0}
        if not paid:
            return

        def record(engine: Engine) -> None:
            with engine.begin() as connection:
                for space, each in paid.items():
                    record_spending(
                        connection, space, None, tokens=each.tokens, inputs=each.inputs, requests=each.requests,
                        cost=each.cost,
                    )  # fmt: skip

        try:
            await database.call(record)
        except (StoreError, DatabaseNotRunning) as error:
            _log.warning("what requests cost is not written yet: %s", error)
            for space, each in paid.items():
                self.add(space, each.tokens, each.inputs, each.requests, each.cost)
