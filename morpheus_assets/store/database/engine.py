"""The engine that everything in the store works through, and the sentence for a connection that fails."""

import re
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import psycopg
import sqlalchemy
from psycopg.sql import Identifier
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.pool import QueuePool

from morpheus_assets.store.database.connection_slots import ConnectionSlots
from morpheus_assets.store.database.errors import (
    DatabaseDown,
    DatabaseFull,
    DatabaseLoginRefused,
    DatabaseMissing,
    DatabaseUnusable,
)
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.vector_parameters import take_vectors

queries = load_queries(__file__)

_TOO_MANY = "53300"
# What a server says of a connection that it refuses: the severity, two blanks, the reason; in the server's language.
_REFUSED = re.compile(r"failed: [^:\n]{1,40}:  ")
# Firewalls and load balancers forget a connection after some minutes at rest.
_SURE_SECONDS = 60.0
# A refused connection has no code, only what the server or a pooler says.
_SAID_WHEN_FULL = re.compile(
    r"too many (clients|connections)|connection slots are reserved|no more connections allowed", re.IGNORECASE
)


def open_engine(
    url: str,
    *,
    application_name: str = "morpheus",
    pool_size: int = 2,
    direct_url: str | None = None,
    slots: ConnectionSlots | None = None,
) -> Engine:
    """An engine over psycopg 3 for one database; no connection is made yet.

    `url` may say postgresql:// or postgres://; another driver than psycopg 3 is replaced by it. Work is
    READ COMMITTED: the store serialises by advisory locks and unique keys. Nothing outlasts a transaction, so `url` may
    lead through a pooler; `direct_url` leads around it, for `session_engine`. `slots` bound the connections. Raises
    DatabaseUnusable for a bad URL.
    """
    address = parse_address(url)
    if direct_url is not None:
        parse_address(direct_url)
    connect_args: dict[str, Any] = {"application_name": application_name, "connect_timeout": 10}
    engine = sqlalchemy.create_engine(
        address,
        connect_args=connect_args,
        poolclass=slots.pool if slots is not None else QueuePool,
        pool_size=pool_size,
        max_overflow=10,
        pool_recycle=1800,
        hide_parameters=True,
        execution_options={"direct_url": direct_url},
    )
    if slots is not None:
        slots.watch(engine)
    engine.dialect.initialize = _initialize  # type: ignore[method-assign]
    event.listen(engine, "connect", _work_as_promised)
    notice_lost_connections(engine)
    # Before SQLAlchemy's own first look, which fails on bytes in the place of text.
    event.listen(engine, "connect", _refuse_other_encodings, insert=True)
    return engine


def notice_lost_connections(engine: Engine) -> None:
    """Have the pool connect anew in place of a connection that the server has ended, without a round trip each time.

    The engine may be over psycopg 2 too.
    """
    event.listen(engine, "checkin", _note_time)
    event.listen(engine, "checkout", partial(_refuse_lost, engine.dialect.loaded_dbapi.Error))


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    """The same engine, whose connections are closed at the end of the block."""
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def session_engine(engine: Engine) -> Iterator[Engine]:
    """The same database for work that needs a session of the server: by the direct address where the engine has one."""
    direct_url = engine.get_execution_options().get("direct_url")
    if direct_url is None:
        yield engine
        return
    with disposing(open_engine(direct_url, pool_size=1)) as direct:
        yield direct


def through_pooler(connection: psycopg.Connection[Any]) -> bool:
    """True when something stands between: it tells its clients other numbers of processes than the server's own."""
    row = connection.execute(queries.backend_process).fetchone()
    return bool(row and row[0] != connection.info.backend_pid)


def shares_sessions(engine: Engine) -> bool:
    """True when a pooler gives each transaction any session of the server, as PgBouncer's transaction mode does."""
    with engine.connect() as first, engine.connect() as second:
        own = raw(first.execution_options(isolation_level="AUTOCOMMIT"))
        if not through_pooler(own):
            return False
        before = own.execute(queries.backend_process).fetchone()
        # In a transaction: what was free is taken, so that the first one must be given another.
        taken = raw(second).execute(queries.backend_process).fetchone()
        return taken == before or own.execute(queries.backend_process).fetchone() != before


def server_time(engine: Engine) -> datetime:
    """The server's clock, with its zone."""
    with engine.connect() as connection:
        [now] = raw(connection).execute(queries.server_time).fetchone() or [datetime.now(UTC)]
    return cast("datetime", now)


def ensure_database(engine: Engine, name: str) -> bool:
    """Create another database on the engine's server where it is missing; True when it was made.

    Raises DatabaseUnusable when this user may not create databases.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        cursor = raw(connection)
        if cursor.execute(queries.find_database, {"name": name}).rowcount:
            return False
        try:
            cursor.execute(queries.create_database.format(name=Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as fault:
            raise DatabaseUnusable(
                f"The database {name!r} is missing and this user may not create it; run `createdb {name}` on the server"
                " as a user who may."
            ) from fault
        except psycopg.errors.DuplicateDatabase:
            return False
        return True


def explain(fault: DBAPIError | psycopg.Error, url: URL) -> DatabaseUnusable:
    """The sentence for a failed connection; passwords are never part of it."""
    place = f"{url.host or url.query.get('host', 'the local socket')}, database {url.database!r}, user {url.username!r}"
    origin = fault.orig if isinstance(fault, DBAPIError) else fault
    said = str(origin)
    state = state_of(origin) or ""
    if state == _TOO_MANY:
        return DatabaseFull(
            f"Postgres at {place} has no connection left: raise its max_connections, lower MORPHEUS_MAX_CONNECTIONS, or"
            " end what else is connected."
        )
    if state == "08P01" and "statement pooling" in said:
        return DatabaseUnusable(
            f"The pooler at {place} gives a connection for one statement only: set its pool_mode to transaction or"
            " session for this database."
        )
    if state == "3D000" or re.search(r'database ".*" does not exist', said):
        return DatabaseMissing(
            f"The database {url.database!r} does not exist at {place}; create it (createdb {url.database}) or correct"
            " MORPHEUS_DATABASE_URL."
        )
    if "no pg_hba.conf entry" in said:
        return DatabaseLoginRefused(
            f"Postgres at {place} lets nobody in from here as this user: its pg_hba.conf needs an entry, or the address"
            f" another sslmode (MORPHEUS_DATABASE_URL; {_first_line(said)})."
        )
    if state.startswith("28") or re.search(r"authentication failed|role .* does not exist|no password", said):
        return DatabaseLoginRefused(
            f"Postgres refuses the login at {place}; correct user and password in MORPHEUS_DATABASE_URL."
        )
    if isinstance(fault, OperationalError | psycopg.OperationalError):
        # these are libpq's own, which are English
        if not state and re.search(r"\bSSL\b|certificate", said):
            return DatabaseUnusable(
                f"Postgres at {place} and MORPHEUS_DATABASE_URL do not agree on encryption: correct sslmode or"
                f" sslrootcert in it ({_first_line(said)})."
            )
        # its words are English only where the server's are, and a refused connection has no code
        if not state and _REFUSED.search(said) and _takes_connections(url):
            return DatabaseLoginRefused(
                f"Postgres at {place} answers and refuses this connection ({_first_line(said)}): correct"
                " MORPHEUS_DATABASE_URL, or the server's rules."
            )
        return DatabaseDown(
            f"No Postgres answers at {place}; start it or correct MORPHEUS_DATABASE_URL ({_first_line(said)})."
        )
    return DatabaseUnusable(f"The database at {place} cannot be used: {_first_line(said)}.")


def state_of(fault: BaseException | None) -> str | None:
    """The SQLSTATE of a driver's error; "53300" also where a connection was refused because all are taken."""
    if not isinstance(fault, psycopg.Error):
        return None
    if fault.sqlstate is None and _SAID_WHEN_FULL.search(str(fault)):
        return _TOO_MANY
    return fault.sqlstate


def raw(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection inside an SQLAlchemy transaction: COPY runs there at 30 times the speed of binds."""
    found = connection.connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError(f"the store needs psycopg 3 connections, not {type(found).__module__}")
    return found


def parse_address(url: str) -> URL:
    """A Postgres URL, over psycopg 3 whatever driver it names; raises DatabaseUnusable without repeating it."""
    # The text is not repeated, nor the parser's complaint: either may hold a part of the password.
    if url.count("@") > 1:
        raise DatabaseUnusable(
            "The database address holds more than one @: in its password write @ as %40, and % as %25"
            " (MORPHEUS_DATABASE_URL)."
        )
    try:
        address = make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise DatabaseUnusable(
            "The database address is not a URL; MORPHEUS_DATABASE_URL looks like postgresql://user:password@host/name."
        ) from None
    if address.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseUnusable(
            f"The database address begins with {address.drivername!r}; only postgresql:// is supported"
            " (MORPHEUS_DATABASE_URL)."
        )
    return address.set(drivername="postgresql+psycopg")


def _takes_connections(url: URL) -> bool:
    """True when a server is there that neither starts nor stops, whoever it lets in."""
    address = url.set(drivername="postgresql").update_query_dict({"connect_timeout": "3"})
    conninfo = address.render_as_string(hide_password=False).encode()
    return psycopg.pq.PGconn.ping(conninfo) == psycopg.pq.Ping.OK


def _work_as_promised(connection: psycopg.Connection[Any], _record: object) -> None:
    # A plan prepared for one novel is wrong for the next (its filter decides the path), and poolers lose them.
    connection.prepare_threshold = None
    # said with each BEGIN: a user or a database may have another default
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    take_vectors(connection)
    status = connection.info.parameter_status
    if not (status("DateStyle") or "ISO").startswith("ISO") or status("standard_conforming_strings") == "off":
        # the driver reads and writes no other; PgBouncer keeps them for this client
        connection.execute(queries.what_the_driver_speaks)
        connection.commit()


def _initialize(connection: Connection) -> None:
    """In place of SQLAlchemy's own look at the server: nine round trips for what only its query builder asks."""
    dialect: Any = connection.dialect
    dialect.server_version_info = divmod(raw(connection).info.server_version, 10000)
    # Where a connection goes back to after AUTOCOMMIT; open_engine promises it.
    dialect.default_isolation_level = "READ COMMITTED"


def _note_time(_connection: Any, record: Any) -> None:
    record.info["at_rest_since"] = time.monotonic()


def _refuse_lost(dbapi_error: type[Exception], connection: Any, record: Any, _proxy: object) -> None:
    """It has said so by now: an open connection at rest has nothing to read.

    One that was at rest for long is asked, for what lies between may have forgotten it and nobody said so.
    """
    rested = time.monotonic() - record.info.get("at_rest_since", time.monotonic())
    lost = connection.closed or _has_something_to_read(connection)
    if not lost and rested > _SURE_SECONDS:
        try:
            with connection.cursor() as cursor:
                cursor.execute(queries.ping.as_string())
            connection.rollback()
        except dbapi_error:
            lost = True
    if lost:
        raise DisconnectionError("The server has ended this connection.")


def _has_something_to_read(connection: Any) -> bool:
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))


def _refuse_other_encodings(connection: psycopg.Connection[Any], _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in (None, "UTF8"):
        name = connection.info.dbname
        raise DatabaseUnusable(
            f"The database {name!r} is encoded in {encoding}, which cannot hold every text: make one with `createdb"
            f" --encoding=UTF8 --template=template0 {name}_utf8` and name it in MORPHEUS_DATABASE_URL."
        )


def _first_line(said: str) -> str:
    return said.strip().splitlines()[0].rstrip(".") if said.strip() else "no reason given"
