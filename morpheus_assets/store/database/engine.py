"""The engine that everything in the store works through, and the check that a server can be worked with."""

import re
from typing import Any

import psycopg
import sqlalchemy
from psycopg.sql import Identifier
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from morpheus_assets.store.database.errors import (
    DatabaseDown,
    DatabaseLoginRefused,
    DatabaseMissing,
    DatabaseTooOld,
    DatabaseUnusable,
    PgvectorMissing,
)
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

OLDEST_POSTGRES = 15
OLDEST_PGVECTOR = (0, 8, 4)


def open_engine(url: str, *, application_name: str = "morpheus", pool_size: int = 5) -> Engine:
    """An engine over psycopg 3 for one database; no connection is made yet.

    `url` may say postgresql:// or postgres://; another driver than psycopg 3 is replaced by it. Work is
    READ COMMITTED: the store serialises by advisory locks and unique keys. Raises DatabaseUnusable for a bad URL.
    """
    address = parse_address(url)
    connect_args: dict[str, Any] = {"application_name": application_name, "connect_timeout": 10}
    engine = sqlalchemy.create_engine(
        address,
        connect_args=connect_args,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=10,
        pool_recycle=1800,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _forget_prepared_plans)
    return engine


def check_server(engine: Engine) -> None:
    """Raise the one DatabaseUnusable that says why this database cannot be worked with, or return.

    Checked in turn: reachable, login, database exists, Postgres 15 or newer, pgvector 0.8.4 or newer.
    """
    try:
        with engine.connect() as connection:
            cursor = raw(connection)
            version = cursor.execute(queries.server_version).fetchone()
            _check_versions(int((version or ["0"])[0]), cursor.execute(queries.pgvector_version).fetchone())
    except (DBAPIError, psycopg.Error) as fault:
        raise explain(fault, engine.url) from fault


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
    state = getattr(origin, "sqlstate", None) or ""
    if state == "3D000" or re.search(r'database ".*" does not exist', said):
        return DatabaseMissing(
            f"The database {url.database!r} does not exist at {place}; create it (createdb {url.database}) or correct"
            " MORPHEUS_DATABASE_URL."
        )
    if state.startswith("28") or re.search(
        r"authentication failed|no pg_hba.conf entry|role .* does not exist|no password", said
    ):
        return DatabaseLoginRefused(
            f"Postgres refuses the login at {place}; correct user and password in MORPHEUS_DATABASE_URL."
        )
    if isinstance(fault, OperationalError | psycopg.OperationalError):
        return DatabaseDown(
            f"No Postgres answers at {place}; start it or correct MORPHEUS_DATABASE_URL ({_first_line(said)})."
        )
    return DatabaseUnusable(f"The database at {place} cannot be used: {_first_line(said)}.")


def raw(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection inside an SQLAlchemy transaction: COPY runs there at 30 times the speed of binds."""
    found = connection.connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError(f"the store needs psycopg 3 connections, not {type(found).__module__}")
    return found


def parse_address(url: str) -> URL:
    """A Postgres URL, over psycopg 3 whatever driver it names; raises DatabaseUnusable without repeating it."""
    try:
        address = make_url(url)
    except sqlalchemy.exc.ArgumentError:
        # The text is not repeated: it may hold a password.
        raise DatabaseUnusable(
            "The database address is not a URL; MORPHEUS_DATABASE_URL looks like postgresql://user:password@host/name."
        ) from None
    if address.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseUnusable(
            f"The database address begins with {address.drivername!r}; only postgresql:// is supported"
            " (MORPHEUS_DATABASE_URL)."
        )
    return address.set(drivername="postgresql+psycopg")


def _check_versions(postgres: int, pgvector: tuple[str, str | None] | None) -> None:
    """`postgres` as in server_version_num; the default and the installed version of pgvector, if there is any."""
    if postgres < OLDEST_POSTGRES * 10000:
        raise DatabaseTooOld(
            f"Postgres {postgres // 10000} is too old: version {OLDEST_POSTGRES} or newer is needed; upgrade the"
            " server or unset MORPHEUS_DATABASE_URL to use the embedded one."
        )
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    if pgvector is None:
        raise PgvectorMissing(
            f"This Postgres has no pgvector; install pgvector {wanted} or newer on the server or unset"
            " MORPHEUS_DATABASE_URL to use the embedded one."
        )
    default, installed = pgvector
    version = installed or default
    if tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < OLDEST_PGVECTOR:
        outdated = installed and installed != default
        remedy = "run ALTER EXTENSION vector UPDATE" if outdated else "upgrade it on the server"
        raise PgvectorMissing(f"pgvector {version} is too old: {wanted} or newer is needed; {remedy}.")


def _forget_prepared_plans(connection: psycopg.Connection[Any], _record: object) -> None:
    # A plan prepared for one novel is wrong for the next (its filter decides the path), and poolers lose them.
    connection.prepare_threshold = None


def _first_line(said: str) -> str:
    return said.strip().splitlines()[0].rstrip(".") if said.strip() else "no reason given"
