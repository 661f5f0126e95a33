"""One transaction for one store call, whoever has opened it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine

from morpheus_assets.store.database.engine import raw

Bind = Engine | Connection


@contextmanager
def transaction(bind: Bind) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection in a transaction: a new one for an engine, the running one of a connection."""
    if isinstance(bind, Engine):
        with bind.begin() as connection:
            yield raw(connection)
    elif bind.in_transaction():
        yield raw(bind)
    else:
        with bind.begin():
            yield raw(bind)


@contextmanager
def reading(bind: Bind) -> Iterator[psycopg.Connection[Any]]:
    """As `transaction`, for statements that only read and need no common one: two round trips less with an engine."""
    if not isinstance(bind, Engine):
        with transaction(bind) as connection:
            yield connection
        return
    with bind.connect() as connection:
        yield raw(connection.execution_options(isolation_level="AUTOCOMMIT"))
