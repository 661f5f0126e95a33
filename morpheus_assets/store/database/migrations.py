"""Applies the numbered files of sql/ in order, each once, each in its own transaction.

A file that changed after it was applied is an error: it is frozen, and a correction is a new file.
"""

import hashlib
import re
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from morpheus_assets.store.database.engine import explain, raw
from morpheus_assets.store.database.errors import MigrationError

_FILE_NAME = re.compile(r"\d{3}_[a-z0-9_]+\.sql")
_LOCK = "SELECT pg_advisory_lock(hashtext('morpheus migrations'))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtext('morpheus migrations'))"


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
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(_LOCK)
            connection.commit()
            try:
                return _apply(connection, files)
            finally:
                connection.rollback()
                connection.exec_driver_sql(_UNLOCK)
                connection.commit()
    except DBAPIError as fault:
        raise explain(fault, engine.url) from fault


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


def _apply(connection: Connection, files: dict[str, str]) -> list[str]:
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS applied_migrations"
        " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    connection.commit()
    applied = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT name, sha256 FROM applied_migrations")}
    connection.commit()
    _refuse_drift(applied, files)
    done = []
    for name in files:
        if name in applied:
            continue
        try:
            with connection.begin():
                raw(connection).execute(files[name].encode())
                connection.exec_driver_sql(
                    "INSERT INTO applied_migrations (name, sha256) VALUES (%s, %s)", (name, _digest(files[name]))
                )
        except Exception as fault:
            raise MigrationError(f"{name} failed and was rolled back: {str(fault).splitlines()[0]}") from fault
        done.append(name)
    return done


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
    newest = max(applied, default="")
    for name in files:
        if name not in applied and name < newest:
            raise MigrationError(
                f"{name} is new but numbered before {newest}, which was applied; give it a higher number."
            )


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()
