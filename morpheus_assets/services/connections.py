"""Connections to the databases of a deployment: their addresses, an engine for a command, the embedded server."""

import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from morpheus_assets.settings import Settings
from morpheus_assets.store.database.connection_slots import ConnectionSlots
from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, EmbeddedPostgres, running_url
from morpheus_assets.store.database.engine import disposing, open_engine, parse_address
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets.store.database.outages import ping
from morpheus_assets.store.database.ownership import (
    check_direct_address,
    find_dagster_database,
    own_dagster_database,
)
from morpheus_assets.store.database.server_checks import check_server, check_start


class DatabaseNotRunning(Exception):
    """No database is configured and the embedded one does not run."""


class Databases(NamedTuple):
    """The addresses of a deployment's databases: `content` for SQLAlchemy, `dagster` for dagster-postgres.

    `server` is the embedded server where there is one.
    """

    content: str
    dagster: str
    server: EmbeddedPostgres | None = None


class StartFailed(Exception):
    """A part did not come up; the message says which and where its log is."""


def database_url(settings: Settings) -> str:
    """The SQLAlchemy URL of the content database; raises DatabaseNotRunning, or DatabaseUnusable for no URL."""
    if settings.database_url is not None:
        given = parse_address(settings.database_url.get_secret_value())
        return given.render_as_string(hide_password=False)
    url = running_url(settings.data_folder)
    if url is None:
        raise DatabaseNotRunning(
            "The embedded database is not running: start it with `make up` (or `morpheus up`) in another terminal,"
            " or set MORPHEUS_DATABASE_URL to a Postgres with pgvector."
        )
    return url


def for_dagster(address: URL) -> str:
    """An address as dagster-postgres takes it."""
    return address.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def dagster_database_url(content_url: str) -> str:
    """The URL, for dagster-postgres, of Dagster's own database beside the content of an embedded server."""
    return for_dagster(make_url(content_url).set(database=DAGSTER_DATABASE))


def connection_slots(settings: Settings, **options: Any) -> ConnectionSlots:
    """The slots that the processes of a deployment share on one machine; `options` as ConnectionSlots takes them."""
    return ConnectionSlots(settings.data_folder / "connections", settings.max_connections, **options)


def content_engine(settings: Settings, **options: Any) -> Engine:
    """An engine over the content database, not checked yet; `options` as `open_engine` takes them.

    Raises DatabaseNotRunning, or DatabaseUnusable for no URL.
    """
    direct = settings.direct_database_url
    return open_engine(
        database_url(settings),
        direct_url=direct.get_secret_value() if direct is not None else None,
        slots=connection_slots(settings),
        **options,
    )


@contextmanager
def connected_engine(settings: Settings, *, start: bool = False) -> Iterator[Engine]:
    """A checked engine for one command; raises DatabaseNotRunning or the store's DatabaseUnusable.

    With `start` an embedded server that holds something and does not run is started for as long as the block runs.
    """
    with _started(settings) if start else nullcontext(), disposing(content_engine(settings)) as engine:
        check_server(engine)
        yield engine


@contextmanager
def _started(settings: Settings) -> Iterator[None]:
    """Run the embedded server, its schema up to date, while nothing else does; nothing for a new data folder."""
    if settings.database_url is not None or running_url(settings.data_folder) is not None:
        yield
        return
    server = EmbeddedPostgres(settings.data_folder)
    if not server.holds_data:
        raise DatabaseNotRunning(
            f"Nothing is stored yet in {settings.data_folder}: start `make up` (or `morpheus up`) in another terminal,"
            " or set MORPHEUS_DATABASE_URL to a Postgres with pgvector."
        )
    server.start()
    try:
        with disposing(open_engine(server.url())) as engine:
            migrate(engine)
        yield
    finally:
        server.stop()


def database_answers(url: str) -> bool:
    """True when the database at this URL takes a connection now."""
    with disposing(open_engine(url, pool_size=1)) as engine:
        try:
            ping(engine)
        except (DBAPIError, psycopg.Error):
            return False
    return True


def own_dagster_url(settings: Settings, engine: Engine, given: str | None = None) -> str:
    """The URL of Dagster's database for a migrated content database: `given`, the configured one, or one of its own.

    It is made where it is missing. Raises DatabaseUnusable for one that belongs to another project.
    """
    if given is None and settings.dagster_database_url is not None:
        given = settings.dagster_database_url.get_secret_value()
    if given is not None:
        return for_dagster(own_dagster_database(engine, parse_address(given)))
    if settings.database_url is None:
        # Nobody else uses an embedded server.
        return dagster_database_url(engine.url.render_as_string(hide_password=False))
    return for_dagster(own_dagster_database(engine))


def existing_dagster_url(settings: Settings, engine: Engine, given: str | None = None) -> str | None:
    """As `own_dagster_url`, with nothing made or marked; None where the database is missing."""
    if given is None and settings.dagster_database_url is not None:
        given = settings.dagster_database_url.get_secret_value()
    if given is None and settings.database_url is None:
        return dagster_database_url(engine.url.render_as_string(hide_password=False))
    found = find_dagster_database(engine, parse_address(given) if given else None)
    return for_dagster(found) if found is not None else None


def dagster_address(settings: Settings) -> str:
    """The URL of Dagster's database for a process that was told none; see `own_dagster_url`.

    An embedded server that does not run is started, and runs as long as this process does.
    """
    if settings.database_url is None and running_url(settings.data_folder) is None:
        server = EmbeddedPostgres(settings.data_folder)
        server.start()
        atexit.register(server.stop)
        server.ensure_databases()
    with disposing(content_engine(settings)) as engine:
        migrate(engine)
        return own_dagster_url(settings, engine)


@contextmanager
def started_server(settings: Settings) -> Iterator[None]:
    """While the block runs the embedded server does, started where it did not; nothing where a database is configured.

    What is stored there is not brought up to date. Raises EmbeddedServerError.
    """
    if settings.database_url is not None:
        yield
        return
    with EmbeddedPostgres(settings.data_folder) as server:
        server.ensure_databases()
        yield


@contextmanager
def running_database(
    settings: Settings, say: Callable[[str], None], dagster_url: str | None = None
) -> Iterator[Databases]:
    """A migrated content database and one for Dagster, which is this content's own; yields their addresses.

    With MORPHEUS_DATABASE_URL set that server is used and left running; else the embedded one runs until the end.
    `dagster_url` outranks MORPHEUS_DAGSTER_DATABASE_URL. What a server lacks without being unusable is said.
    """
    server = None
    if settings.database_url is None:
        server = EmbeddedPostgres(settings.data_folder)
        server.start()
        server.ensure_databases()
        url = server.url()
    else:
        url = database_url(settings)
    try:
        direct = settings.direct_database_url
        direct_url = direct.get_secret_value() if direct is not None else None
        with disposing(open_engine(url, direct_url=direct_url)) as engine:
            for note in check_start(engine, connections=settings.max_connections):
                say(note)
            applied = migrate(engine)
            check_direct_address(engine)
            dagster_url = own_dagster_url(settings, engine, dagster_url)
        if applied:
            say(f"Schema: {', '.join(applied)} applied.")
        yield Databases(url, dagster_url, server)
    finally:
        if server is not None:
            server.stop()
