"""Whose database Dagster's is: its name follows that of the content, and it carries the content's identity.

Two projects on one server that share one run each other's jobs.
"""

import psycopg
from psycopg.sql import Identifier
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from morpheus_assets.store.database.engine import disposing, ensure_database, explain, open_engine, session_engine
from morpheus_assets.store.database.errors import DatabaseUnusable
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import autocommit, transaction

queries = load_queries(__file__)

FORMER_NAME = "dagster"
_LONGEST_NAME = 63


def own_dagster_database(content: Engine, wanted: URL | None = None) -> URL:
    """The address of Dagster's database for this content, made where it is missing, and marked as this content's.

    `wanted` names one; else it is `<content>_dagster` on the same server, or the former `dagster` where this content
    has used that. The content must be migrated. Raises DatabaseUnusable for one that belongs to another project.
    """
    address = wanted or _choose(content)
    if (address.host, address.port, address.query) == (content.url.host, content.url.port, content.url.query):
        name = address.database or ""
        if ensure_database(content, name):
            with autocommit(content) as connection:
                connection.execute(queries.commit_without_waiting.format(name=Identifier(name)))
    with disposing(open_engine(address.render_as_string(hide_password=False), pool_size=1)) as engine:
        try:
            _mark(engine, _identity(content))
        except (DBAPIError, psycopg.Error) as fault:
            raise explain(fault, engine.url) from fault
    return address


def find_dagster_database(content: Engine, wanted: URL | None = None) -> URL | None:
    """The address that `own_dagster_database` would give, where the database is there; nothing is made or marked."""
    address = wanted or _choose(content)
    same_server = (address.host, address.port, address.query) == (content.url.host, content.url.port, content.url.query)
    return address if not same_server or _exists(content, address.database or "") else None


def release_dagster_database(dagster: Engine, content: Engine) -> None:
    """Take this content's mark from Dagster's database, for a content of another identity that takes its place.

    Raises DatabaseUnusable for the database of another project.
    """
    try:
        identity = _identity(content)
    except psycopg.errors.UndefinedTable:
        identity = None
    with transaction(dagster) as connection:
        owner = _owner(connection)
        if owner is not None and owner != identity:
            raise _foreign(dagster, owner)
        connection.execute(queries.owner_is_gone)


def check_direct_address(content: Engine) -> None:
    """Raise DatabaseUnusable when an engine's direct address leads to another database."""
    with session_engine(content) as direct:
        if direct is content:
            return
        try:
            same = _identity(direct) == _identity(content)
        except psycopg.errors.UndefinedTable:
            same = False
        except (DBAPIError, psycopg.Error) as fault:
            raise explain(fault, direct.url) from fault
    if not same:
        raise DatabaseUnusable(
            "MORPHEUS_DIRECT_DATABASE_URL and MORPHEUS_DATABASE_URL lead to different databases; name the same in both."
        )


def _choose(content: Engine) -> URL:
    own = content.url.set(database=f"{_name(content)}_dagster"[-_LONGEST_NAME:])
    former = content.url.set(database=FORMER_NAME)
    if _exists(content, own.database) or not _exists(content, FORMER_NAME):
        return own
    return former if _was_used(content, former) else own


def _was_used(content: Engine, former: URL) -> bool:
    """True when the database of the former name is this content's: by its mark, or by the novels that both know."""
    own = open_engine(former.render_as_string(hide_password=False), pool_size=1)
    try:
        with disposing(own) as engine, transaction(engine) as connection:
            owner = _owner(connection)
            if owner is not None:
                return owner == _identity(content)
            found = connection.execute(queries.has_partitions).fetchone()
            if not (found and found[0]):
                return False
            novels = [row[0] for row in connection.execute(queries.some_partitions)]
    except (DBAPIError, psycopg.Error) as fault:
        raise explain(fault, former) from fault
    with autocommit(content) as connection:
        known = connection.execute(queries.any_of_these_novels, {"novels": novels}).fetchone()
    return bool(known and known[0])


def _exists(content: Engine, name: str | None) -> bool:
    # Asked of the server: a pooler lets one wait that asks for a database which is not there.
    with autocommit(content) as connection:
        return connection.execute(queries.find_database, {"name": name}).rowcount > 0


def _name(content: Engine) -> str:
    # Asked of the server: an address with a service file need not say it. What is restored into is still empty.
    with autocommit(content) as connection:
        return str(connection.execute(queries.name_of_database).fetchall()[0][0])


def _identity(content: Engine) -> tuple[str, str]:
    with autocommit(content) as connection:
        row = connection.execute(queries.identity).fetchone()
    if row is None:
        raise DatabaseUnusable("The content database has lost its identity (the table `project` is empty).")
    return str(row[0]), str(row[1])


def _owner(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[str, str] | None:
    owned = connection.execute(queries.is_owned).fetchone()
    row = connection.execute(queries.owner).fetchone() if owned and owned[0] else None
    return (str(row[0]), str(row[1])) if row else None


def _mark(engine: Engine, identity: tuple[str, str]) -> None:
    with transaction(engine) as connection:
        owner = _owner(connection)
        if owner is None:
            connection.execute(queries.create_owner)
            connection.execute(queries.own, {"identity": identity[0], "content_database": identity[1]})
            owner = _owner(connection)
    if owner != identity:
        raise _foreign(engine, owner)


def _foreign(engine: Engine, owner: tuple[str, str] | None) -> DatabaseUnusable:
    return DatabaseUnusable(
        f"Dagster's database {engine.url.database!r} belongs to another project, that of the content database"
        f" {owner[1] if owner else ''!r}: name one for this project in MORPHEUS_DAGSTER_DATABASE_URL."
    )
