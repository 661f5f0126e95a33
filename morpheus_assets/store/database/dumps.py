"""Dumps of a database by Postgres' own programs: pg_dump writes one, pg_restore and psql bring it back.

A dump goes into a server of any version from 15 on, older than its origin too, and to where pgvector lies there. It
comes back in one transaction: whole, or not at all.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import psycopg
from psycopg.sql import Composed, Identifier
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from morpheus_assets.store.database.errors import DumpError
from morpheus_assets.store.database.migrations import sql_folder
from morpheus_assets.store.database.server_files import packaged_programs
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import transaction

queries = load_queries(__file__)

_PIECE = 1 << 20
_MADE = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:UNLOGGED )?(?P<kind>TABLE|VIEW|SEQUENCE|FUNCTION) (?:IF NOT EXISTS )?(?P<made>\w+)"
    r"|^ALTER TABLE (?P<old>\w+) RENAME TO (?P<new>\w+)|^DROP TABLE (?P<dropped>[\w, ]+);",
    re.M,
)
_SPACE_TABLE = re.compile(r"embeddings_\d+")
# Of processes that run now, on the machine where they run.
_MOMENTARY = ("leases", "embedding_claims")
# What of a newer pg_restore an older server does not know, and what the schema of the target has already.
_UNWANTED = re.compile(rb"^(SET transaction_timeout |(CREATE|DROP|ALTER) SCHEMA |COMMENT ON SCHEMA )")
_OF_VECTOR = re.compile(rb"\b(\w+)\.(vector|halfvec|sparsevec|binary_quantize|l2_normalize|bit_\w+_ops)(?=\b|_)")


class Contents(NamedTuple):
    """What a dump was taken from: server version as in server_version_num, schema of the tables and of pgvector."""

    postgres: int
    program: int
    schema: str
    vector_schema: str | None
    tables: list[str]


def our_tables(engine: Engine) -> list[str]:
    """The tables of the content that this database has: those of the migrations and those of the spaces."""
    made = {name for kind, name in _made_by_migrations() if kind == "TABLE"}
    with transaction(engine) as connection:
        found = [str(row[0]) for row in connection.execute(queries.tables_of_schema)]
    return [name for name in found if name in made | {"applied_migrations"} or _SPACE_TABLE.fullmatch(name)]


def all_tables(engine: Engine) -> list[str]:
    """The tables of Dagster's database, without the mark of whose it is."""
    with transaction(engine) as connection:
        return [str(row[0]) for row in connection.execute(queries.tables_of_schema) if row[0] != "morpheus_owner"]


def write_dump(
    engine: Engine, address: URL, tables: Iterable[str], out: IO[bytes], written: Callable[[int], None]
) -> Contents:
    """Write a dump of some tables, with the functions and views of their schema, to `out`.

    `written` is told of every piece how many bytes it has. Raises DumpError.
    """
    tables = list(tables)
    with transaction(engine) as connection:
        row = connection.execute(queries.place_of_tables).fetchone()
        others = {str(each[0]) for each in connection.execute(queries.tables_of_schema)} - set(tables)
    if row is None:
        raise DumpError("The database says nothing about itself; look at its log.")
    postgres, schema, vector_schema = int(row[0]), str(row[1]), row[2]
    programs, version = _programs(postgres // 10000, "pg_dump")
    command = [str(programs / "pg_dump"), "--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges"]
    command += [f"--schema={_quoted(schema)}", *(f"--exclude-table={_quoted(name)}" for name in sorted(others))]
    command += [f"--exclude-table-data={_quoted(name)}" for name in _MOMENTARY]
    process = subprocess.Popen(
        [*command, f"--dbname={_without_password(address)}"],
        env=_environment(address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said = _Said(process)
    assert process.stdout is not None
    try:
        while piece := process.stdout.read(_PIECE):
            out.write(piece)
            written(len(piece))
    except BaseException:
        process.kill()
        raise
    finally:
        failed = process.wait()
    if failed:
        raise DumpError(f"pg_dump could not read the database: {said.first()}.")
    return Contents(postgres, version, schema, vector_schema, tables)


def read_dump(
    engine: Engine,
    address: URL,
    contents: Contents,
    dump: IO[bytes],
    drop: Iterable[tuple[str, str]],
    read: Callable[[int], None],
) -> None:
    """Bring a dump back in one transaction that first drops what stands in its way, (kind, name) as in `drop`.

    `read` is told of every piece how many bytes it has. Raises DumpError; the database is then as it was.
    """
    with transaction(engine) as connection:
        row = connection.execute(queries.place_of_tables).fetchone()
        statements = "".join(f"{_drop(kind, name).as_string(connection)};\n" for kind, name in drop)
    if row is None or row[1] != contents.schema:
        raise DumpError(
            f"The backup's tables lie in the schema {contents.schema!r} and this database's in"
            f" {row[1] if row else None!r}: give the user a search_path that begins with {contents.schema!r}."
        )
    programs, _ = _programs(contents.program, "pg_restore")
    restore = subprocess.Popen(
        [programs / "pg_restore", "--no-owner", "--no-privileges", "--no-comments", "--file=-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"]
    psql = subprocess.Popen(
        [programs / "psql", *options, f"--dbname={_without_password(address)}"],
        env=_environment(address),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    restore_said, psql_said = _Said(restore), _Said(psql)
    feeder = threading.Thread(target=_feed, args=(dump, restore.stdin, read), daemon=True)
    feeder.start()
    whole = False
    assert restore.stdout is not None
    assert psql.stdin is not None
    try:
        psql.stdin.write(statements.encode())
        for line in _script(restore.stdout, contents.vector_schema, row[2]):
            psql.stdin.write(line)
        whole = restore.wait() == 0
    except BrokenPipeError:
        # what psql said of it is the reason
        pass
    finally:
        if not whole:
            # the end of its input would be a commit
            psql.kill()
        with_end = _close(psql.stdin)
        failed = psql.wait() != 0 or not with_end
        restore.kill()
        restore.wait()
    if failed or not whole:
        said = psql_said.first() or restore_said.first()
        raise DumpError(f"The backup could not be brought back, and the database is as it was: {said}.")


def what_migrations_make() -> list[tuple[str, str]]:
    """Kind and name of everything in the schema, in an order in which it can be dropped."""
    return [*reversed(_made_by_migrations()), ("TABLE", "applied_migrations")]


def _made_by_migrations() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in sorted(sql_folder().glob("*.sql")):
        for said in _MADE.finditer(path.read_text(encoding="utf-8")):
            if said["made"]:
                found.append((said["kind"], said["made"]))
            elif said["old"]:
                found[found.index(("TABLE", said["old"]))] = ("TABLE", said["new"])
            else:
                gone = {("TABLE", name.strip()) for name in said["dropped"].split(",")}
                found = [each for each in found if each not in gone]
    return list(dict.fromkeys(found))


def _drop(kind: str, name: str) -> Composed:
    drop = {
        "TABLE": queries.drop_table,
        "VIEW": queries.drop_view,
        "SEQUENCE": queries.drop_sequence,
        "FUNCTION": queries.drop_function,
    }
    return drop[kind].format(name=Identifier(name))


def _script(lines: Iterable[bytes], was: str | None, now: str | None) -> Iterator[bytes]:
    """The script of pg_restore, for a server that may be older and has pgvector somewhere else."""
    in_rows = False
    moved = was is not None and now is not None and was != now
    for line in lines:
        if in_rows:
            in_rows = line != b"\\.\n"
        elif _UNWANTED.match(line):
            continue
        else:
            in_rows = line.startswith(b"COPY ") and line.endswith(b"FROM stdin;\n")
            if moved:
                line = _OF_VECTOR.sub(
                    lambda found: (
                        b"%s.%s" % (str(now).encode(), found[2]) if found[1] == str(was).encode() else found[0]
                    ),
                    line,
                )
        yield line


def _feed(dump: IO[bytes], into: IO[bytes] | None, read: Callable[[int], None]) -> None:
    assert into is not None
    try:
        while piece := dump.read(_PIECE):
            into.write(piece)
            read(len(piece))
    except OSError:
        # it has ended, and its exit code tells
        pass
    finally:
        _close(into)


def _close(pipe: IO[bytes]) -> bool:
    try:
        pipe.close()
    except OSError:
        return False
    return True


class _Said:
    """What a process writes of its errors, read while it works so that it never waits for us."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._stream = process.stderr
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._stream is not None
        for line in self._stream:
            self._lines.append(line.decode(errors="replace").strip())

    def first(self) -> str:
        """The first line about an error, else the last one."""
        self._reader.join(10)
        errors = [line for line in self._lines if "error" in line.lower()]
        return (errors or self._lines[-1:] or [""])[0].rstrip(".")


def _programs(major: int, name: str) -> tuple[Path, int]:
    """The folder of programs that are at least as new as `major`, and their version: the packaged, or the system's."""
    found = []
    installed = shutil.which(name)
    for folder in [packaged_programs(), *([Path(installed).parent] if installed else [])]:
        done = subprocess.run([folder / name, "--version"], capture_output=True, text=True, check=False)
        version = re.search(r"\) (\d+)", done.stdout)
        if version and int(version[1]) >= major:
            return folder, int(version[1])
        found += [version[1]] if version else []
    raise DumpError(
        f"This needs {name} of Postgres {major} or newer, and here is {', '.join(found) or 'none'}: install the client"
        f" programs of Postgres {major} (postgresql-client-{major}) and run again."
    )


def _quoted(name: str) -> str:
    """A name as pg_dump takes it, which would read a pattern."""
    return '"' + name.replace('"', '""') + '"'


def _without_password(address: URL) -> str:
    plain = URL.create(
        "postgresql", address.username, None, address.host, address.port, address.database, address.query
    )
    return plain.render_as_string(hide_password=False)


def _environment(address: URL) -> dict[str, Any]:
    # never an argument: those stand in every list of processes
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return own | ({"PGPASSWORD": str(address.password)} if address.password else {})


def prepare_vector(engine: Engine) -> None:
    """Have pgvector in a database; a dump of a schema does not hold it."""
    with transaction(engine) as connection:
        connection.execute(queries.create_vector)


def is_empty(engine: Engine, tables: Iterable[str]) -> bool:
    """True when none of some tables has a row; a table that is missing has none."""
    with transaction(engine) as connection:
        for name in tables:
            there = connection.execute(queries.has_table, {"table": name}).fetchone()
            if there and there[0] and _has_rows(connection, name):
                return False
    return True


def _has_rows(connection: psycopg.Connection[Any], table: str) -> bool:
    found = connection.execute(queries.has_rows.format(table=Identifier(table))).fetchone()
    return bool(found and found[0])
