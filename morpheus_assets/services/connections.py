"""Where the databases are, derived from the settings; for the Dagster face and for `serve` alike."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from morpheus_assets.settings import PROJECT_FOLDER, Settings
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


class StartFailed(Exception):
    """A part did not come up; the message says which and where its log is."""


@contextmanager
def running_database(settings: Settings, say: Callable[[str], None]) -> Iterator[str]:
    """A migrated content database and an empty one for Dagster; yields the content database's URL.

    With MORPHEUS_DATABASE_URL set that server is used and left running; else the embedded one runs until the end.
    """
    from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, EmbeddedPostgres
    from morpheus_assets.store.database.engine import check_server, ensure_database, open_engine
    from morpheus_assets.store.database.migrations import migrate

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


def child_environment(settings: Settings, content_url: str) -> dict[str, str]:
    """The environment of the Dagster processes: this one's, and where the databases and dagster.yaml are."""
    environment = dict(os.environ)
    environment["MORPHEUS_DATABASE_URL"] = content_url
    environment.setdefault("DAGSTER_PG_URL", dagster_database_url(content_url))
    if not environment.get("DAGSTER_HOME"):
        environment["DAGSTER_HOME"] = str(dagster_home(settings.data_folder))
    # the events of many novels in a few statements; what waits to be written is a step's last seconds at most
    environment.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")
    return environment


def dagster_home(data_folder: Path) -> Path:
    """The folder that DAGSTER_HOME names, made when it is missing: a link to the project's dagster.yaml.

    Dagster writes beside its dagster.yaml, the output of steps above all: never into the project's own folder.
    """
    home, wanted = data_folder / "dagster", PROJECT_FOLDER / "dagster.yaml"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = home / wanted.name
    # a file of a person's own stays
    if not link.exists() or (link.is_symlink() and link.readlink() != wanted):
        fresh = home / f"{wanted.name}.{os.getpid()}"
        fresh.symlink_to(wanted)
        fresh.replace(link)
    return home
