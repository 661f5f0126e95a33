"""Backup and restore of a deployment: the content, and Dagster's runs, in one file; also the move to another server.

A file is a zip of two dumps and what they were taken from. Its directory stands at its end, so one that was cut off is
noticed before anything is changed.
"""

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from morpheus_assets.services.connections import (
    StartFailed,
    content_engine,
    existing_dagster_url,
    own_dagster_url,
    started_server,
)
from morpheus_assets.services.running_parts import running_parts
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.dumps import (
    Contents,
    all_tables,
    is_empty,
    our_tables,
    prepare_vector,
    read_dump,
    what_migrations_make,
    write_dump,
)
from morpheus_assets.store.database.engine import disposing, open_engine, parse_address, shares_sessions
from morpheus_assets.store.database.errors import DatabaseUnusable, DumpError
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets.store.database.ownership import release_dagster_database
from morpheus_assets.store.database.server_checks import check_server, check_start
from morpheus_assets.store.database.statistics import analyze_everything

VERSION = 1
CONTENT, DAGSTER, MANIFEST = "content.dump", "dagster.dump", "manifest.json"
# What a person would miss; the rest of a fresh schema is filled by itself.
_CONTENT_ROWS = ("novels", "panels", "embedding_spaces", "provider_keys", "embedding_results")
_DAGSTER_ROWS = ("runs",)

# Told of the bytes that were written or read since it was called last.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Backup:
    """What a file holds: when it was taken, and of each database what its dump was taken from."""

    taken: str
    content: Contents
    dagster: Contents | None


def backup(settings: Settings, file: Path, progress: Progress, *, content_only: bool = False) -> int:
    """Write everything that is stored to `file`, while it is in use or not; returns the bytes.

    The file is there when it is whole, or not at all. Raises DumpError and what a connection raises.
    """
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with started_server(settings), disposing(content_engine(settings)) as content:
        check_server(content)
        url = None if content_only else existing_dagster_url(settings, content, os.environ.get("DAGSTER_PG_URL"))
        try:
            with open(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as written:
                with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
                    # Dagster's first: of what comes meanwhile the content is what counts
                    runs = _write_dagster(settings, archive, url, progress) if url else None
                    with archive.open(CONTENT, "w", force_zip64=True) as member:
                        address = _direct(settings, content.url, content)
                        stored = write_dump(content, address, our_tables(content), member, progress)
                    manifest = {
                        "version": VERSION,
                        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
                        "content": stored._asdict(),
                        "dagster": runs._asdict() if runs else None,
                    }
                    archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
                written.flush()
                os.fsync(written.fileno())
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
    return file.stat().st_size


def read_backup(file: Path, progress: Progress) -> Backup:
    """What is in a file, which is read whole and checked. Raises DumpError for one that is torn or none of ours."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = json.loads(archive.read(MANIFEST))
            if found["version"] != VERSION:
                raise DumpError(
                    f"{file} was written by another version of this program ({found['version']}): restore it with that."
                )
            held = Backup(
                str(found["taken"]),
                Contents(**found["content"]),
                Contents(**found["dagster"]) if found["dagster"] else None,
            )
            for name in archive.namelist():
                with archive.open(name) as member:
                    # its checksum is looked at when it has been read
                    while piece := member.read(1 << 20):
                        progress(len(piece))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as fault:
        raise DumpError(
            f"{file} is no whole backup ({str(fault).rstrip('.') or type(fault).__name__}): it was cut off or changed,"
            " or was not written by `morpheus backup`. Nothing was changed."
        ) from None
    return held


def restore(
    settings: Settings,
    file: Path,
    held: Backup,
    progress: Progress,
    say: Callable[[str], None],
    *,
    content_only: bool = False,
    overwrite: bool = False,
) -> None:
    """Bring back what `file` holds into the configured databases; each of them is brought back whole or not at all.

    Raises DumpError, and StartFailed while `morpheus up` runs.
    """
    if running_parts(settings) is not None:
        raise StartFailed("`morpheus up` runs over these databases: stop it with Ctrl-C, then restore.")
    if held.dagster is None:
        content_only = True
    with started_server(settings), disposing(content_engine(settings)) as engine, zipfile.ZipFile(file) as archive:
        for note in check_start(engine):
            say(note)
        direct = _direct(settings, engine.url, engine)
        if not overwrite and not is_empty(engine, _CONTENT_ROWS):
            raise _occupied(engine.url)
        if not content_only:
            _make_room(settings, engine, overwrite=overwrite)
        prepare_vector(engine)
        drop = [*(("TABLE", name) for name in our_tables(engine)), *what_migrations_make()]
        with archive.open(CONTENT) as dump:
            read_dump(engine, direct, held.content, dump, drop, progress)
        applied = migrate(engine)
        if applied:
            say(f"Schema: {', '.join(applied)} applied.")
        analyze_everything(engine)
        if not content_only and held.dagster is not None:
            _restore_dagster(settings, engine, archive, held.dagster, progress)


def _write_dagster(settings: Settings, archive: zipfile.ZipFile, url: str, progress: Progress) -> Contents | None:
    with disposing(open_engine(url, pool_size=1)) as dagster:
        tables = all_tables(dagster)
        if not tables:
            return None
        with archive.open(DAGSTER, "w", force_zip64=True) as member:
            return write_dump(dagster, _direct(settings, dagster.url), tables, member, progress)


def _make_room(settings: Settings, content: Engine, *, overwrite: bool) -> None:
    """Check Dagster's database before anything changes; it takes the identity of the restored content afterwards."""
    url = existing_dagster_url(settings, content, os.environ.get("DAGSTER_PG_URL"))
    if url is None:
        return
    with disposing(open_engine(url, pool_size=1)) as dagster:
        if not overwrite and not is_empty(dagster, _DAGSTER_ROWS):
            raise _occupied(dagster.url)
        release_dagster_database(dagster, content)


def _restore_dagster(
    settings: Settings, content: Engine, archive: zipfile.ZipFile, held: Contents, progress: Progress
) -> None:
    url = own_dagster_url(settings, content, os.environ.get("DAGSTER_PG_URL"))
    with disposing(open_engine(url, pool_size=1)) as dagster, archive.open(DAGSTER) as dump:
        drop = [("TABLE", name) for name in sorted({*held.tables, *all_tables(dagster)})]
        read_dump(dagster, _direct(settings, dagster.url), held, dump, drop, progress)
        analyze_everything(dagster)


def _direct(settings: Settings, address: URL, engine: Engine | None = None) -> URL:
    """The address of a database around a pooler, whose sessions Postgres' own programs cannot do without."""
    if settings.direct_database_url is not None:
        return parse_address(settings.direct_database_url.get_secret_value()).set(database=address.database)
    if engine is not None and shares_sessions(engine):
        raise DatabaseUnusable(
            "The database is reached through a transaction pooler, which pg_dump and pg_restore cannot go through: name"
            " its own address in MORPHEUS_DIRECT_DATABASE_URL."
        )
    return address


def _occupied(address: URL) -> DumpError:
    return DumpError(
        f"The database {address.database!r} is not empty: restore into another one, or add --overwrite to delete what"
        " is stored there."
    )
