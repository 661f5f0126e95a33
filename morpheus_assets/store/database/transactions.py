"""One transaction for one store call, whoever has opened it, in as few round trips as it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine

from morpheus_assets.store.database.engine import raw
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

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
def autocommit(bind: Bind) -> Iterator[psycopg.Connection[Any]]:
    """As `transaction`, with an engine each statement by itself: two round trips less for one that stands alone."""
    if not isinstance(bind, Engine):
        with transaction(bind) as connection:
            yield connection
        return
    with bind.connect() as connection:
        yield raw(connection.execution_options(isolation_level="AUTOCOMMIT"))


# For statements that only read and need no common snapshot.
reading = autocommit


@contextmanager
def pipelined(bind: Bind, *, durable: bool = True) -> Iterator[psycopg.Connection[Any]]:
    """As `transaction`, with statements that are sent without waiting for their results.

    With an engine BEGIN goes out with the first of them and COMMIT with the last: a block that fetches nothing is one
    round trip, and each fetch makes one more. COPY is not possible in it, and `rowcount` is known after it, or after a
    fetch of a later statement. Where not `durable`, COMMIT does not wait for the disk: a server that crashes within a
    second forgets it, unless a later durable transaction was committed before that.
    """
    with autocommit(bind) as connection:
        if not isinstance(bind, Engine):
            with connection.pipeline():
                yield connection
            return
        try:
            with connection.pipeline():
                connection.execute(queries.begin)
                if not durable:
                    connection.execute(queries.commit_before_it_is_on_disk)
                yield connection
                connection.execute(queries.commit)
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise
