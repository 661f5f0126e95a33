"""What the sensors saw of the content folder, and tombstones for what vanished from it.

Nothing here looks at a file system: observations come in as values.
"""

from collections.abc import Iterable

from psycopg.rows import class_row

from morpheus_assets.domain.content import SourceFile, Tombstone
from morpheus_assets.store.database.transactions import Bind, transaction


def load_source_files(bind: Bind, kind: str) -> dict[str, SourceFile]:
    """All observations of one kind ("text" or "panel") by path."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(SourceFile)) as cursor:
        rows = cursor.execute(
            "SELECT kind, path, novel, size_bytes, mtime_ns, digest, observed_at FROM source_files WHERE kind = %s",
            [kind],
        ).fetchall()
    return {row.path: row for row in rows}


def source_files_between(bind: Bind, kind: str, after: str | None, until: str | None) -> dict[str, SourceFile]:
    """Observations of one kind whose path lies behind `after` and not behind `until`, in the order of the bytes."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(SourceFile)) as cursor:
        rows = cursor.execute(
            "SELECT kind, path, novel, size_bytes, mtime_ns, digest, observed_at FROM source_files WHERE kind = %s"
            ' AND path COLLATE "C" > %s AND (%s::text IS NULL OR path COLLATE "C" <= %s)',
            [kind, after or "", until, until],
        ).fetchall()
    return {row.path: row for row in rows}


def path_bounds(bind: Bind, kind: str, after: str | None, every: int) -> list[str]:
    """Every so many-th known path behind `after`, in the order of the bytes."""
    with transaction(bind) as connection:
        rows = connection.execute(
            'SELECT path FROM (SELECT path, row_number() OVER (ORDER BY path COLLATE "C") AS place FROM source_files'
            ' WHERE kind = %s AND path COLLATE "C" > %s) known WHERE place %% %s = 0',
            [kind, after or "", every],
        ).fetchall()
    return [path for (path,) in rows]


def changed_panel_sets(bind: Bind) -> list[tuple[str, str, int]]:
    """(novel, digest, latest mtime_ns) of each novel whose panel files are not those that were ingested.

    The digest is ingest_plan's `panels_digest`, made by the server, so that what is known of a million files stays
    there. Novels with a file that has no digest yet are left out.
    """
    with transaction(bind) as connection:
        return connection.execute(
            "SELECT s.novel, s.digest, s.latest FROM (SELECT novel, max(mtime_ns) AS latest,"
            " encode(sha256(string_agg(convert_to(path, 'UTF8') || '\\x00' || convert_to(digest || chr(10), 'UTF8'),"
            """ '' ORDER BY path COLLATE "C")), 'hex') AS digest"""
            " FROM source_files WHERE kind = 'panel' GROUP BY novel HAVING bool_and(digest IS NOT NULL)) s"
            " LEFT JOIN novels n USING (novel) WHERE n.panels_digest IS DISTINCT FROM s.digest ORDER BY s.novel"
        ).fetchall()


def save_source_files(bind: Bind, files: Iterable[SourceFile]) -> int:
    """Insert or change observations, 20,000 in well under a second; equal ones are not written. Returns those written.

    `observed_at` is when this size and time of the file were first seen, by the server's clock.
    """
    with transaction(bind) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staged_files (LIKE source_files INCLUDING DEFAULTS) ON COMMIT DROP")
        with cursor.copy("COPY staged_files (kind, path, novel, size_bytes, mtime_ns, digest) FROM STDIN") as copy:
            for file in files:
                copy.write_row((file.kind, file.path, file.novel, file.size_bytes, file.mtime_ns, file.digest))
        written = cursor.execute(
            "INSERT INTO source_files AS old (kind, path, novel, size_bytes, mtime_ns, digest)"
            " SELECT kind, path, novel, size_bytes, mtime_ns, digest FROM staged_files ORDER BY kind, path"
            " ON CONFLICT (kind, path) DO UPDATE SET novel = excluded.novel, size_bytes = excluded.size_bytes,"
            " mtime_ns = excluded.mtime_ns, digest = excluded.digest, observed_at = CASE WHEN"
            " (old.size_bytes, old.mtime_ns) = (excluded.size_bytes, excluded.mtime_ns)"
            " THEN old.observed_at ELSE now() END"
            " WHERE (old.novel, old.size_bytes, old.mtime_ns, old.digest)"
            " IS DISTINCT FROM (excluded.novel, excluded.size_bytes, excluded.mtime_ns, excluded.digest)"
        ).rowcount
        cursor.execute("DROP TABLE staged_files")
    return written


def forget_source_files(bind: Bind, kind: str, paths: Iterable[str]) -> int:
    """Drop observations, of files that are gone for good; returns how many there were."""
    with transaction(bind) as connection:
        return connection.execute(
            "DELETE FROM source_files WHERE kind = %s AND path = ANY(%s)", [kind, sorted(paths)]
        ).rowcount


def note_missing(bind: Bind, kind: str, missing: Iterable[tuple[str, str]]) -> int:
    """Set a tombstone for each (novel, path) whose file vanished; one that stands keeps its time. Returns the new."""
    pairs = sorted(set(missing))
    with transaction(bind) as connection:
        return connection.execute(
            "INSERT INTO tombstones (novel, kind, path) SELECT novel, %s, path"
            " FROM unnest(%s::text[], %s::text[]) AS gone (novel, path) ON CONFLICT DO NOTHING",
            [kind, [novel for novel, _ in pairs], [path for _, path in pairs]],
        ).rowcount


def note_returned(bind: Bind, kind: str, paths: Iterable[str]) -> int:
    """Remove the tombstones of files that are back; returns how many there were."""
    with transaction(bind) as connection:
        return connection.execute(
            "DELETE FROM tombstones WHERE kind = %s AND path = ANY(%s)", [kind, sorted(paths)]
        ).rowcount


def tombstones(bind: Bind, novel: str | None = None) -> list[Tombstone]:
    """The vanished source files of one novel, or all, oldest first."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(Tombstone)) as cursor:
        return cursor.execute(
            "SELECT novel, kind, path, noticed_at FROM tombstones WHERE %(novel)s::text IS NULL OR novel = %(novel)s"
            " ORDER BY noticed_at, novel, kind, path",
            {"novel": novel},
        ).fetchall()
