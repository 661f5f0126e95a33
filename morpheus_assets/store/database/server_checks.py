"""The check that a server can be worked with: every fault of its own, at the start, in one sentence with the remedy."""

import re
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row
from psycopg.sql import Identifier
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from morpheus_assets.store.database.engine import explain, raw, shares_sessions
from morpheus_assets.store.database.errors import DatabaseFull, DatabaseTooOld, DatabaseUnusable, PgvectorMissing
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import reading, transaction

queries = load_queries(__file__)

OLDEST_POSTGRES = 15
# halfvec, and scans that go on until enough rows of one novel are found.
OLDEST_PGVECTOR = (0, 8, 0)
BEST_PGVECTOR = (0, 8, 4)
# A lock is waited for while another run works on the same novel, and a large one is deleted in one statement.
TIMEOUTS = ("statement_timeout", "lock_timeout", "transaction_timeout", "idle_in_transaction_session_timeout")
SHORTEST_TIMEOUT_MS = 60_000
# What the product holds at rest.
FEWEST_CONNECTIONS = 8


class Server(NamedTuple):
    """What a server says of itself: `postgres` as in server_version_num; what is None is not there."""

    postgres: int
    offered: str | None
    installed: str | None
    vector_schema: str | None
    halfvec_visible: bool
    schema: str | None
    may_create: bool
    may_extend: bool
    read_only: bool
    standby: bool
    username: str
    connections_left: int
    max_connections: int
    short_timeouts: list[str]


def check_server(engine: Engine) -> None:
    """Raise the one DatabaseUnusable that says why this database cannot be worked with, or return.

    Checked in turn: reachable, login, database exists, its encoding, Postgres 15 or newer, pgvector 0.8.0 or newer and
    visible.
    """
    server = _ask(engine)
    _check_versions(server)
    _check_visible(server)


def check_reachable(engine: Engine) -> None:
    """As `check_server`, as far as a connection tells: reachable, login, database, encoding, version of Postgres.

    For the many processes of a project whose start has checked the rest; one round trip less for each.
    """
    try:
        with engine.connect() as connection:
            version = raw(connection).info.server_version
    except (DBAPIError, psycopg.Error) as fault:
        raise explain(fault, engine.url) from fault
    _check_postgres(version)


def check_start(engine: Engine, *, connections: int = FEWEST_CONNECTIONS) -> list[str]:
    """As `check_server` for who is about to write, and more: rights, read-only, connections, a pooler.

    Returns a sentence for each thing that works but is lost or slower so. `connections` is what the product may hold.
    Where pgvector lies in a schema that this user's connections do not look into, they do from now on.
    """
    server = _ask(engine)
    _check_versions(server)
    shared = _shares_sessions(engine)
    _check_rights(server)
    if server.connections_left < FEWEST_CONNECTIONS:
        raise DatabaseFull(
            f"Of {server.max_connections} connections that this Postgres allows, {server.connections_left} are left and"
            f" {FEWEST_CONNECTIONS} are needed: raise its max_connections, or end what else is connected."
        )
    notes = [_use_schema_of_vector(engine, server)] if server.vector_schema and not server.halfvec_visible else []
    if server.connections_left < connections:
        notes.append(
            f"This Postgres has {server.connections_left} connections left and MORPHEUS_MAX_CONNECTIONS is"
            f" {connections}: raise its max_connections, or lower the setting."
        )
    if server.short_timeouts:
        notes.append(
            f"Below a minute for this user are {', '.join(server.short_timeouts)}: what takes longer is ended by the"
            " server, such as the deletion of a large novel; to lift that, run `"
            + "; ".join(
                f'ALTER ROLE "{server.username}" IN DATABASE "{engine.url.database}" SET {name} = 0'
                for name in server.short_timeouts
            )
            + "`."
        )
    notes += _lost_with(server.installed or server.offered or "")
    if shared and engine.get_execution_options().get("direct_url") is None:
        notes.append(
            "The database is reached through a transaction pooler: all works, but the index of a space in use is built"
            " with the server's own maintenance_work_mem and within the pooler's time limits; name the database's own"
            " address in MORPHEUS_DIRECT_DATABASE_URL."
        )
    return notes


def _check_rights(server: Server) -> None:
    """Raise the DatabaseUnusable that says why this user may not write here, or return."""
    if server.standby:
        raise DatabaseUnusable(
            "This Postgres is a standby, which only allows reading: name the primary in MORPHEUS_DATABASE_URL."
        )
    if server.read_only:
        raise DatabaseUnusable(
            "This database only allows reading (default_transaction_read_only): switch that off, or use another user."
        )
    if server.schema is None:
        raise DatabaseUnusable(
            f"The user {server.username!r} may use no schema that its search_path names: run `GRANT CREATE, USAGE ON"
            f' SCHEMA public TO "{server.username}"` as the owner of that, or `ALTER ROLE "{server.username}" SET'
            ' search_path = "$user", public`.'
        )
    if not server.may_create:
        schema = server.schema
        raise DatabaseUnusable(
            f"The user {server.username!r} may not create tables in the schema {schema!r}: run `GRANT CREATE, USAGE ON"
            f' SCHEMA {schema} TO "{server.username}"` as its owner.'
        )
    if not server.installed and not server.may_extend:
        raise PgvectorMissing(
            f"pgvector is not in this database and the user {server.username!r} may not put it there: run `CREATE"
            " EXTENSION vector` in it as a user who may."
        )


def _shares_sessions(engine: Engine) -> bool:
    try:
        return shares_sessions(engine)
    except (DBAPIError, psycopg.Error) as fault:
        raise explain(fault, engine.url) from fault


def _ask(engine: Engine) -> Server:
    try:
        with reading(engine) as connection, connection.cursor(row_factory=class_row(Server)) as cursor:
            limits = {"timeouts": list(TIMEOUTS), "least": SHORTEST_TIMEOUT_MS}
            server = cursor.execute(queries.server_state, limits).fetchone()
    except (DBAPIError, psycopg.Error) as fault:
        raise explain(fault, engine.url) from fault
    if server is None:
        raise DatabaseUnusable("The database says nothing about itself; look at its log.")
    return server


def _check_postgres(version: int) -> None:
    if version < OLDEST_POSTGRES * 10000:
        raise DatabaseTooOld(
            f"Postgres {version // 10000} is too old: version {OLDEST_POSTGRES} or newer is needed; upgrade the"
            " server or unset MORPHEUS_DATABASE_URL to use the embedded one."
        )


def _check_versions(server: Server) -> None:
    _check_postgres(server.postgres)
    wanted = ".".join(map(str, BEST_PGVECTOR))
    version = server.installed or server.offered
    if version is None:
        raise PgvectorMissing(
            f"This Postgres has no pgvector; install pgvector {wanted} or newer on the server or unset"
            " MORPHEUS_DATABASE_URL to use the embedded one."
        )
    if _parts(version) < OLDEST_PGVECTOR:
        outdated = server.installed and server.installed != server.offered
        remedy = "run ALTER EXTENSION vector UPDATE" if outdated else "upgrade it on the server"
        oldest = ".".join(map(str, OLDEST_PGVECTOR))
        raise PgvectorMissing(f"pgvector {version} is too old: {oldest} or newer is needed; {remedy}.")


def _check_visible(server: Server) -> None:
    if server.installed and not server.halfvec_visible:
        raise PgvectorMissing(
            f"pgvector lies in the schema {server.vector_schema!r}, which this user's connections do not look into: run"
            f' `ALTER ROLE "{server.username}" SET search_path = "$user", public, {server.vector_schema}`, and connect'
            " anew (a pooler: RECONNECT)."
        )


def _use_schema_of_vector(engine: Engine, server: Server) -> str:
    """Let this user's connections to this database look into the schema of pgvector; returns what was done."""
    schema = server.vector_schema or ""
    try:
        with transaction(engine) as connection:
            connection.execute(queries.extend_search_path, {"schema": schema})
            role, database = Identifier(server.username), Identifier(connection.info.dbname)
            connection.execute(queries.keep_search_path.format(role=role, database=database))
    except psycopg.errors.InsufficientPrivilege:
        _check_visible(server)
    engine.dispose()
    _check_visible(_ask(engine))
    return (
        f"pgvector lies in the schema {schema!r}: connections of the user {server.username!r} to this database look"
        " into it from now on (search_path)."
    )


def _lost_with(version: str) -> list[str]:
    if _parts(version) >= BEST_PGVECTOR:
        return []
    lost = ["the fixes since"]
    if _parts(version) < (0, 8, 1):
        lost.insert(0, "the faster search by signs")
    if _parts(version) < (0, 8, 2):
        lost.insert(0, "safe parallel builds of a graph index (they are built by one process)")
    best = ".".join(map(str, BEST_PGVECTOR))
    return [
        f"pgvector {version} works, without {' and '.join(lost)}: upgrade it to {best}, then ALTER EXTENSION vector"
        " UPDATE."
    ]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
