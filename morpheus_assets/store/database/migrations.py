"""Applies the numbered files of sql/ in order, each once, each in its own transaction.

A file that changed after it was applied is an error: it is frozen, and a correction is a new file. One that came later
than a higher number, from another branch, is applied then: files that are made side by side do not build on each other.
"""

import hashlib
import re
from pathlib import Path

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from morpheus_assets.store.database.engine import explain
from morpheus_assets.store.database.errors import MigrationError
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import transaction

queries = load_queries(__file__)

_FILE_NAME = re.compile(r"\d{3}_[a-z0-9_]+\.sql")


def sql_folder() -> Path:
    """The folder of SQL files: beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).resolve().parents[2]
    beside = package.parent / "sql"
    return beside if beside.is_dir() else package / "sql"


def migrate(engine: Engine, folder: Path | None = None) -> list[str]:
    """Bring the schema up to date and return the names of the files applied now.

    Safe to call from many processes at once: they wait for each other. Raises MigrationError, DatabaseUnusable.
    """
    files = _read_files(folder or sql_folder())
    done: list[str] = []
    try:
        # Each file is a transaction of its own, and the lock belongs to that: the next one finds what was applied.
        while (name := _apply_next(engine, files)) is not None:
            done.append(name)
    except (DBAPIError, psycopg.Error) as fault:
        raise explain(fault, engine.url) from fault
    return done


def _read_files(folder: Path) -> dict[str, str]:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}
    if not files:
        raise MigrationError(f"There are no SQL files in {folder}; the checkout or the installation is incomplete.")
    for name in files:
        if not _FILE_NAME.fullmatch(name):
            raise MigrationError(f"{name} in {folder} must be named like 001_what_it_makes.sql.")
    if len({name[:3] for name in files}) != len(files):
        raise MigrationError(f"Two SQL files in {folder} have the same number; renumber the one not yet applied.")
    return files


def _apply_next(engine: Engine, files: dict[str, str]) -> str | None:
    with transaction(engine) as connection:
        connection.execute(queries.no_time_limits)
        connection.execute(queries.lock_migrations)
        connection.execute(queries.create_applied_migrations)
        applied: dict[str, str] = dict(connection.execute(queries.applied_migrations).fetchall())
        _refuse_drift(applied, files)
        name = next((each for each in files if each not in applied), None)
        if name is None:
            return None
        try:
            connection.execute(files[name].encode())
            connection.execute(queries.record_migration, {"name": name, "sha256": _digest(files[name])})
        except Exception as fault:
            raise MigrationError(f"{name} failed and was rolled back: {str(fault).splitlines()[0]}") from fault
        return name


def _refuse_drift(applied: dict[str, str], files: dict[str, str]) -> None:
    for name, digest in sorted(applied.items()):
        if name not in files:
            raise MigrationError(
                f"{name} was applied to this database but is not in sql/; this checkout is older than the database,"
                " update it."
            )
        if _digest(files[name]) != digest:
            raise MigrationError(
                f"{name} was changed after it was applied; restore it and put the change into a new file."
            )


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()
