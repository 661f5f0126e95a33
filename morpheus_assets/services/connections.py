"""Where the databases are, derived from the settings; for the Dagster face and for `serve` alike."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from morpheus_assets.settings import Settings
from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, running_url
from morpheus_assets.store.database.engine import check_server, open_engine, parse_address


class DatabaseNotRunning(Exception):
    """No database is configured and the embedded one does not run."""


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
