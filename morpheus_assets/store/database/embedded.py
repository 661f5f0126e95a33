"""The packaged Postgres 18 with pgvector, for when no database is configured: start, adopt, probe, stop.

One process owns a server (it holds a lock on the data folder until it ends); others connect by URL. The server
listens on a private socket only, never on TCP. Folders and accounts are the business of `server_files`.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg.sql import Identifier

from morpheus_assets.store.database import server_files
from morpheus_assets.store.database.errors import EmbeddedServerError
from morpheus_assets.store.database.machine_memory import memory_bytes
from morpheus_assets.store.database.server_files import ServerFiles
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

APPLICATION_DATABASE = "morpheus"
DAGSTER_DATABASE = "dagster"
SERVER_MAJOR = "18"
# A piece of the write-ahead log, without which nothing starts.
_LEAST_FREE_BYTES = 16 * 1024 * 1024

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    # Nothing replicates from an embedded server; without it a bulk load into a new table writes no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
# Of the memory a quarter is usual for a server that has it all; this one shares it with runs and models. At 100,000
# passages of 3072 dimensions a search within a tenth of them took 37 ms with the least and 29 with the most.
_BUFFERS_SHARE, _LEAST_BUFFERS_MB, _MOST_BUFFERS_MB = 1 / 8, 256, 2048


class EmbeddedPostgres:
    """The packaged server over one data folder.

    `start` starts it, adopts one that a killed owner left running, or joins one whose owner lives. `stop` stops it
    when this process owns it and does nothing otherwise. Also a context manager. Raises EmbeddedServerError.
    """

    def __init__(self, data_folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self.data_folder = data_folder.absolute()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._lock: IO[str] | None = None
        self._files: ServerFiles | None = None

    @property
    def pid(self) -> int | None:
        """The number of the server's process while it lives; it must have been started by `start`."""
        process = _postmaster(self._files) if self._files is not None else None
        return process.pid if process is not None else None

    @property
    def log(self) -> Path:
        """The server's own log file."""
        return server_files.home_of(self.data_folder) / server_files.LOG_NAME

    @property
    def owned(self) -> bool:
        """True when this process is the one that will stop the server."""
        return self._lock is not None

    @property
    def holds_data(self) -> bool:
        """True when a server was ever set up over the data folder."""
        return (server_files.home_of(self.data_folder) / "pgdata" / "PG_VERSION").exists()

    def start(self, *, timeout_seconds: float = 120.0) -> None:
        """Return once a real connection succeeds; recovery after a crash may take a while and is waited for."""
        owned_before = self.owned
        try:
            self._start(time.monotonic() + timeout_seconds)
        except BaseException:
            if not owned_before:
                self._release()
            raise

    def _start(self, deadline: float) -> None:
        files = self._files = server_files.prepare(self.data_folder)
        while True:
            if self._lock is None:
                self._lock = _try_lock(self.data_folder / "owner.lock")
            state = _probe(files)
            if state == "ready":
                server_files.check_private(files.socket_folder, server_files.server_uid(files))
                return
            if self._lock is not None and state == "absent":
                self._initialise(files)
                if _postmaster(files) is None:
                    (files.data / "postmaster.pid").unlink(missing_ok=True)
                self._launch(files, deadline)
            if time.monotonic() > deadline:
                full = shutil.disk_usage(files.data).free < _LEAST_FREE_BYTES
                why = " Its disk is full: free some room on it." if full else ""
                raise EmbeddedServerError(
                    f"The embedded Postgres in {self.data_folder} did not answer in time; its log is {files.log}.{why}"
                )
            time.sleep(0.2)

    def stop(self, *, timeout_seconds: float = 60.0) -> None:
        """Stop the server if this process owns it; connected clients are disconnected, nothing committed is lost."""
        if self._lock is None:
            return
        try:
            files = server_files.prepare(self.data_folder)
            if _postmaster(files) is not None:
                _run(files, "pg_ctl", "-D", str(files.data), "-m", "fast", "-w", "-t", f"{timeout_seconds:.0f}", "stop")
        finally:
            self._release()

    def stop_orphan(self) -> bool:
        """Stop a server whose owner was killed; True when there was one. One with a living owner is left alone."""
        self._lock = _try_lock(self.data_folder / "owner.lock")
        if self._lock is None:
            return False
        found = _postmaster(server_files.prepare(self.data_folder)) is not None
        self.stop()
        return found

    def url(self, database: str = APPLICATION_DATABASE, driver: str = "postgresql+psycopg") -> str:
        """An SQLAlchemy URL of one database; for dagster-postgres ask for driver "postgresql+psycopg2"."""
        data = server_files.home_of(self.data_folder) / "pgdata"
        return _url(server_files.socket_folder_of(data), database, driver)

    def ensure_databases(self) -> None:
        """Create the databases `morpheus` and `dagster` where they are missing; the server must run."""
        with psycopg.connect(self.url("postgres", driver="postgresql"), autocommit=True) as connection:
            for database in (APPLICATION_DATABASE, DAGSTER_DATABASE):
                if connection.execute(queries.find_database, {"name": database}).rowcount == 0:
                    # Another process may make it at this moment.
                    with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                        connection.execute(queries.create_database.format(name=Identifier(database)))
            connection.execute(queries.commit_without_waiting.format(name=Identifier(DAGSTER_DATABASE)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _initialise(self, files: ServerFiles) -> None:
        version = files.data / "PG_VERSION"
        if version.exists():
            found = version.read_text(encoding="ascii").strip()
            if found != SERVER_MAJOR:
                raise EmbeddedServerError(
                    f"The data in {files.data} was written by Postgres {found}, the packaged one is {SERVER_MAJOR};"
                    " move the folder away, or dump it with the old version and restore it."
                )
            return
        # Full text asks the C library which characters are letters, so the locale must know UTF-8; macOS lacks C.UTF-8.
        faults = []
        for locale in ("C.UTF-8", "en_US.UTF-8"):
            options = [
                "--encoding=UTF8",
                f"--locale={locale}",
                "--username=postgres",
                "--auth=peer",
                "--no-instructions",
            ]
            try:
                _run(files, "initdb", *options, "-D", str(files.data))
            except EmbeddedServerError as fault:
                faults.append(fault)
            else:
                _write_access_rules(files)
                return
        raise faults[0]

    def _launch(self, files: ServerFiles, deadline: float) -> None:
        server_files.make_socket_folder(files)
        buffers = {"shared_buffers": f"{_buffers_mb(memory_bytes())}MB"}
        settings = {**buffers, **self._settings, "unix_socket_directories": str(files.socket_folder)}
        if _small_shared_memory():
            settings["dynamic_shared_memory_type"] = "mmap"
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        wait = max(1, int(deadline - time.monotonic()))
        try:
            _run(
                files,
                "pg_ctl",
                "-D",
                str(files.data),
                "-l",
                str(files.log),
                "-w",
                "-t",
                str(wait),
                "-o",
                options,
                "start",
            )
        except EmbeddedServerError:
            # Backends of a killed server may still hold its shared memory for a moment: the caller tries again.
            if time.monotonic() > deadline - 1:
                raise

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _buffers_mb(memory: int) -> int:
    """What the server keeps of its pages at most, in MB, where there are so many bytes of memory."""
    return min(max(int(_BUFFERS_SHARE * memory / 2**20), _LEAST_BUFFERS_MB), _MOST_BUFFERS_MB)


def running_url(
    data_folder: Path, database: str = APPLICATION_DATABASE, driver: str = "postgresql+psycopg"
) -> str | None:
    """The URL of the server over `data_folder` if a real connection to it succeeds, else None.

    The pid in `postmaster.pid` is not asked: after a crash it may belong to a stranger.
    """
    data = server_files.home_of(data_folder.absolute()) / "pgdata"
    socket_folder = server_files.socket_folder_of(data)
    if not (socket_folder / server_files.SOCKET_NAME).exists():
        return None
    server_files.check_private(socket_folder, data.stat().st_uid)
    return _url(socket_folder, database, driver) if _probe_socket(socket_folder, data) == "ready" else None


def _url(socket_folder: Path, database: str, driver: str) -> str:
    # The port is named so that a stray PGPORT in the environment cannot redirect the connection.
    return f"{driver}://postgres@/{quote(database)}?host={quote(str(socket_folder), safe='')}&port=5432"


def _probe(files: ServerFiles) -> str:
    return _probe_socket(files.socket_folder, files.data)


def _probe_socket(socket_folder: Path, data: Path) -> str:
    """One of "ready", "starting" (it answers, but is recovering or stopping) or "absent"."""
    try:
        with psycopg.connect(_url(socket_folder, "postgres", "postgresql"), connect_timeout=3) as connection:
            row = connection.execute(queries.data_folder).fetchone()
    except psycopg.OperationalError as fault:
        # libpq gives no SQLSTATE for a refused start-up, but always this wording (lc_messages is C).
        return "starting" if "the database system is" in str(fault) or "too many clients" in str(fault) else "absent"
    if row is None or Path(row[0]).resolve() != data.resolve():
        raise EmbeddedServerError(
            f"Another Postgres answers on the socket in {socket_folder}; stop it and start again."
        )
    return "ready"


def _postmaster(files: ServerFiles) -> psutil.Process | None:
    """The living server process over the data folder, by `postmaster.pid`; None when that names a stranger or a corpse.

    A recycled number blocks every start, and so does a killed server that a container's first process never reaps.
    """
    try:
        number = int((files.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        process = psutil.Process(number)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return None
        return process if Path(process.cwd()) == files.data.resolve() else None
    except (FileNotFoundError, ValueError, IndexError, psutil.Error):
        return None


def _write_access_rules(files: ServerFiles) -> None:
    """Let in by socket only, and there only the server's own account and the one that made it (root, if so)."""
    import pwd

    names = {pwd.getpwuid(server_files.server_uid(files)).pw_name, pwd.getpwuid(os.geteuid()).pw_name}
    rules = files.data / "pg_hba.conf"
    rules.write_text("local all postgres peer map=morpheus\n", encoding="utf-8")
    mapping = "".join(f'morpheus "{name}" postgres\n' for name in sorted(names))
    (files.data / "pg_ident.conf").write_text(mapping, encoding="utf-8")


def _try_lock(path: Path) -> IO[str] | None:
    # flock: the kernel lets go of it however the owner dies, and programs started later do not inherit it.
    handle = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def _small_shared_memory() -> bool:
    # Containers often have 64 MB of /dev/shm, and a parallel index build asks for maintenance_work_mem of it.
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return False
    return found.f_frsize * found.f_blocks < 512 * 1024 * 1024


def _run(files: ServerFiles, program: str, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    environment["LC_ALL"] = "C.UTF-8"
    # Output goes to a file, not a pipe: the server inherits it, and a pipe would keep this call waiting for ever.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        done = subprocess.run(
            [str(files.programs / program), *arguments],
            user=files.user, cwd="/", env=environment, check=False,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        output.seek(0)
        said = output.read().strip()
    if done.returncode != 0:
        last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        raise EmbeddedServerError(f"The embedded Postgres could not run {program}: {last} (log: {files.log}).")
