"""Connections to the databases of a deployment: their addresses, an engine for a command, the embedded server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from morpheus_assets.settings import Settings
from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, EmbeddedPostgres, running_url
from morpheus_assets.store.database.engine import check_server, ensure_database, open_engine, parse_address
from morpheus_assets.store.database.migrations import migrate


class DatabaseNotRunning(Exception):
    """No database is configured and the embedded one does not run."""


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


def dagster_database_url(content_url: str) -> str:
    """The URL of Dagster's own database, on the same server, for dagster-postgres."""
    url = make_url(content_url).set(drivername="postgresql+psycopg2", database=DAGSTER_DATABASE)
    return url.render_as_string(hide_password=False)


@contextmanager
def connected_engine(settings: Settings) -> Iterator[Engine]:
    """A checked engine for one command; raises DatabaseNotRunning or the store's DatabaseUnusable."""
    engine = open_engine(database_url(settings))
    try:
        check_server(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def running_database(settings: Settings, say: Callable[[str], None]) -> Iterator[str]:
    """A migrated content database and an empty one for Dagster; yields the content database's URL.

    With MORPHEUS_DATABASE_URL set that server is used and left running; else the embedded one runs until the end.
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
        engine = open_engine(url)
        try:
            check_server(engine)
            if server is None:
                ensure_database(engine, DAGSTER_DATABASE)
            applied = migrate(engine)
        finally:
            engine.dispose()
        if applied:
            say(f"Schema: {', '.join(applied)} applied.")
        yield url
    finally:
        if server is not None:
            server.stop()
