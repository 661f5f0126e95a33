"""The sensors' observations of the source files, and tombstones for files that vanished. Reads no file system."""

from collections.abc import Iterable

from psycopg.rows import class_row

from morpheus_assets.domain.content import SourceFile, SourceSummary, Tombstone
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction

queries = load_queries(__file__)


def load_source_files(bind: Bind, kind: str) -> dict[str, SourceFile]:
    """All observations of one kind ("text" or "panel") by path."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(SourceFile)) as cursor:
        rows = cursor.execute(queries.source_files, {"kind": kind}).fetchall()
    return {row.path: row for row in rows}


def summarize_source_files(bind: Bind, kind: str) -> SourceSummary:
    """How many files of one kind are known, and how large and how new they are."""
    with transaction(bind) as connection:
        row = connection.execute(queries.summary_of_source_files, {"kind": kind}).fetchone()
    return SourceSummary(*(row or (0, 0, 0, None)))


def source_files_between(bind: Bind, kind: str, after: str | None, until: str | None) -> dict[str, SourceFile]:
    """Observations of one kind whose path lies behind `after` and not behind `until`, in the order of the bytes."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(SourceFile)) as cursor:
        rows = cursor.execute(
            queries.source_files_between, {"kind": kind, "after": after or "", "until": until}
        ).fetchall()
    return {row.path: row for row in rows}


def path_bounds(bind: Bind, kind: str, after: str | None, every: int) -> list[str]:
    """Every so many-th known path behind `after`, in the order of the bytes."""
    with autocommit(bind) as connection:
        rows = connection.execute(queries.path_bounds, {"kind": kind, "after": after or "", "every": every}).fetchall()
    return [path for (path,) in rows]


def changed_panel_sets(bind: Bind, cut_version: str) -> list[tuple[str, str, int, bool]]:
    """(novel, digest, latest mtime_ns, whether only its pages are to be cut) of each novel with something to do.

    Its panel files are not those that were ingested; or some pages were not cut by `cut_version`.

    The digest is that of sources.names.files_digest, made by the server, so that what is known of a million files stays
    there. Novels with a file that has no digest yet are left out.
    """
    with autocommit(bind) as connection:
        return connection.execute(queries.changed_panel_sets, {"version": cut_version}).fetchall()


def save_source_files(bind: Bind, files: Iterable[SourceFile]) -> int:
    """Insert or change observations, 20,000 in well under a second; equal ones are not written. Returns those written.

    `observed_at` is when this size and time of the file were first seen, by the server's clock.
    """
    changed = list(files)
    if not changed:
        return 0
    with transaction(bind) as connection, connection.cursor() as cursor:
        cursor.execute(queries.stage_source_files)
        with cursor.copy(queries.copy_source_files) as copy:
            for file in changed:
                copy.write_row((file.kind, file.path, file.novel, file.size_bytes, file.mtime_ns, file.digest))
        written = cursor.execute(queries.save_source_files).rowcount
        cursor.execute(queries.unstage_source_files)
    return written


def forget_source_files(bind: Bind, kind: str, paths: Iterable[str]) -> int:
    """Drop observations, of files that are gone for good; returns how many there were."""
    with autocommit(bind) as connection:
        return connection.execute(queries.delete_source_files, {"kind": kind, "paths": sorted(paths)}).rowcount


def note_missing(bind: Bind, kind: str, missing: Iterable[tuple[str, str]]) -> int:
    """Set a tombstone for each (novel, path) whose file vanished; one that stands keeps its time. Returns the new."""
    pairs = sorted(set(missing))
    with autocommit(bind) as connection:
        return connection.execute(
            queries.add_tombstones,
            {"kind": kind, "novels": [novel for novel, _ in pairs], "paths": [path for _, path in pairs]},
        ).rowcount


def note_returned(bind: Bind, kind: str, paths: Iterable[str]) -> int:
    """Remove the tombstones of files that are back; returns how many there were."""
    with autocommit(bind) as connection:
        return connection.execute(queries.delete_tombstones, {"kind": kind, "paths": sorted(paths)}).rowcount


def tombstones(bind: Bind, *, still_stored: bool = False) -> list[Tombstone]:
    """The vanished source files, oldest first; `still_stored`: without the panels that are no longer stored either."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(Tombstone)) as cursor:
        return cursor.execute(queries.tombstones, {"still_stored": still_stored}).fetchall()
