"""The process of `morpheus up`: it owns the database, Dagster and the API of one machine, and stops them together.

It watches them too; see parts.py. What it leaves behind when it is killed is ended by watchdog.py.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import click

from morpheus_assets.cli.environment import child_environment, forget_in_dotenv, remember_in_dotenv
from morpheus_assets.cli.first_ingest import FirstIngest
from morpheus_assets.cli.parts import Child, PostgresPart, Watch
from morpheus_assets.cli.supervisor import Supervisor
from morpheus_assets.cli.watchdog import HOLDER, LOCK, RECORD
from morpheus_assets.cli.worker import check_steps_can_be_handed_out
from morpheus_assets.services.configured_spaces import configured_image_spaces, configured_text_spaces
from morpheus_assets.services.connections import Databases, StartFailed, database_answers, running_database
from morpheus_assets.services.dagster_client import (
    DagsterRefused,
    DagsterUnavailable,
    last_heartbeat,
    set_pool_slots,
)
from morpheus_assets.services.running_parts import API, CODE_SERVER, DAEMON, WEBSERVER, forget_parts, write_parts
from morpheus_assets.services.samples import put_samples_into_empty_content
from morpheus_assets.settings import PROJECT_FOLDER, Settings

LOOK_SECONDS = 0.5
# How long a start waits for the watchdog of one that was killed.
WATCHDOG_SECONDS = 60.0
LEAST_FREE_BYTES = 32 * 1024 * 1024
MOST_LOG_BYTES = 20 * 1024 * 1024
_ROTATE_SECONDS = 60.0
# sun_path holds 108 bytes on Linux and 104 on macOS.
_LONGEST_SOCKET_PATH = 103
LOCATION = "morpheus_assets"
# named in dagster.yaml
_STORAGE = "morpheus_assets.defs.storage"


def up(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM, of which a second one ends everything by force.

    Raises StartFailed, or the store's errors, when something cannot start or go on.
    """
    check_spaces(settings)
    check_steps_can_be_handed_out(settings)
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.data_folder / LOCK), stop_signal() as (stopped, hurried), watchdog(settings.data_folder):
        supervisor = Supervisor(settings.data_folder / RECORD, hurried)
        left_over = supervisor.end_leftovers()
        if left_over:
            say(f"Ended {left_over} processes that an earlier start had left behind.")
        try:
            run_all(settings, supervisor, stopped, say)
        finally:
            forget_parts(settings.data_folder)
    say("Stopped.")


def check_spaces(settings: Settings) -> None:
    """Raise ConfigurationError for a space that the definitions would refuse to load, before anything starts."""
    configured_text_spaces(settings)
    configured_image_spaces(settings)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel lets go of however this process ends; raises StartFailed when another holds it."""
    deadline = time.monotonic() + WATCHDOG_SECONDS
    with path.open("a", encoding="utf-8") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if path.read_text(encoding="utf-8") == HOLDER and time.monotonic() < deadline:
                    time.sleep(0.2)
                    continue
                raise StartFailed(
                    f"`morpheus up` already runs over {path.parent}: use that one, or stop it with Ctrl-C first."
                ) from None
            break
        handle.truncate(0)
        yield


@contextmanager
def watchdog(data_folder: Path) -> Iterator[None]:
    """While the block runs, a process stands by that ends everything when this one is killed."""
    command = [sys.executable, "-m", "morpheus_assets.cli.watchdog", str(data_folder)]
    # the project's folder, for a checkout that is not installed
    beside = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=PROJECT_FOLDER, start_new_session=True)
    try:
        yield
    finally:
        beside.communicate()


def run_all(settings: Settings, supervisor: Supervisor, stopped: threading.Event, say: Callable[[str], None]) -> None:
    """The database, Dagster and the API, until `stopped` is set or one of them dies too often."""
    copied = put_samples_into_empty_content(settings)
    with running_database(settings, say, os.environ.get("DAGSTER_PG_URL")) as databases:
        of_the_project = settings.data_folder == PROJECT_FOLDER / ".morpheus"
        parts = Parts(settings, supervisor, databases)
        watch = Watch(
            say,
            partial(write_parts, settings.data_folder, parts.dagster_url, parts.api_url),
            partial(database_answers, databases.content),
        )
        try:
            if of_the_project:
                remember_in_dotenv(PROJECT_FOLDER / ".env", settings, databases)
            if databases.server is not None:
                watch.adopt(PostgresPart(databases.server), databases.server.pid or 0)
            code_server, webserver, daemon, api = parts.code_server(), parts.webserver(), parts.daemon(), parts.api()
            watch.start(code_server)
            watch.wait_for(code_server, stopped.wait)
            if not stopped.is_set():
                watch.start(webserver)
                watch.start(daemon)
                watch.wait_for(webserver, stopped.wait)
            if not stopped.is_set():
                give_slots(settings, parts.dagster_url, say)
                watch.start(api)
                watch.wait_for(api, stopped.wait)
            if not stopped.is_set():
                say(banner(settings, parts.dagster_url, parts.api_url, copied))
            # nobody watches a file
            watched = copied and sys.stdout.isatty()
            first = FirstIngest(settings, databases.content, _show_line) if watched else None
            logs = [each.log for each in (code_server, api)]
            keep_watch(watch, stopped, settings.data_folder, logs, first, say)
        finally:
            say("Stopping …")
            supervisor.stop()
            if of_the_project and settings.database_url is None:
                # its address ends with the server
                forget_in_dotenv(PROJECT_FOLDER / ".env")


def _show_line(line: str, last: bool) -> None:
    click.echo(f"\r{line}", nl=last)


def keep_watch(
    watch: Watch,
    stopped: threading.Event,
    folder: Path,
    logs: list[Path],
    first: FirstIngest | None,
    say: Callable[[str], None],
) -> None:
    """Look at the parts until `stopped` is set, keep their logs small, and show how far the first ingest is.

    `say` is told when the disk of `folder` gets full, and when it has room again. Raises StartFailed when the folder is
    gone.
    """
    rotated, was_full = time.monotonic(), False
    while not stopped.wait(LOOK_SECONDS):
        watch.look()
        if (full := _free_bytes(folder) < LEAST_FREE_BYTES) != was_full:
            was_full = full
            say(
                f"The disk of {folder} is full: free some room on it, for nothing can be stored; what is stored stays."
                if full
                else f"The disk of {folder} has room again; what had failed is tried again by itself."
            )
        if first is not None:
            first.look()
        if time.monotonic() - rotated > _ROTATE_SECONDS:
            rotated = time.monotonic()
            for log in logs:
                # without room for the copy it grows on
                with suppress(OSError):
                    rotate(log)


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError as fault:
        raise StartFailed(
            f"The data folder {folder} cannot be reached any more ({fault.strerror}), and nothing can go on without it:"
            " put it back, from a backup if it was deleted, and start again."
        ) from fault


def rotate(log: Path, most_bytes: int = MOST_LOG_BYTES) -> None:
    """Move a log that has grown large to `<name>.1` and go on with an empty one, to which its writers append."""
    if log.exists() and log.stat().st_size > most_bytes:
        # copied and not renamed: the processes hold it open
        log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)


class Parts:
    """The processes of a deployment: their commands, addresses and logs. Nothing is started here."""

    def __init__(self, settings: Settings, supervisor: Supervisor, databases: Databases) -> None:
        self._settings, self._supervisor = settings, supervisor
        # not the project's folder: Dagster would let the `.env` there win over this environment
        self._folder = settings.data_folder
        self._environment = child_environment(settings, databases)
        self._ui_port = free_port(settings.ui_port)
        self._api_port = free_port(settings.api_port, "MORPHEUS_API_PORT")
        self.dagster_url = f"http://127.0.0.1:{self._ui_port}"
        self.api_url = f"http://127.0.0.1:{self._api_port}"
        self._socket = _socket_in(settings.data_folder)
        self._workspace = settings.data_folder / "workspace.yaml"
        self._workspace.write_text(_workspace(self._socket), encoding="utf-8")

    def code_server(self) -> Child:
        """Loads the definitions, for the webserver and the daemon, and starts the runs; the UI can have it reload."""
        module = ["--module-name", "morpheus_assets.definitions", "--working-directory", str(PROJECT_FOLDER)]
        address = ["--socket", str(self._socket), "--location-name", LOCATION, "--log-level", "warning"]
        command = _part(["dagster._cli"], "code-server", "start", *module, *address)
        return self._dagster(CODE_SERVER, "Dagster code server", command, self._code_server_answers, has_child=True)

    def webserver(self) -> Child:
        """Dagster's UI, on loopback."""
        address = ["--host", "127.0.0.1", "--port", str(self._ui_port)]
        command = _part([_STORAGE, "dagster_webserver.cli"], *address, "--workspace", str(self._workspace))
        return self._dagster(WEBSERVER, "Dagster webserver", command, self._webserver_answers)

    def daemon(self) -> Child:
        """Sensors, schedules, the queue of runs, backfills, retries."""
        command = _part([_STORAGE, "dagster._daemon.cli"], "run", "--workspace", str(self._workspace))
        return self._dagster(DAEMON, "Dagster daemon", command, self._daemon_answers)

    def api(self) -> Child:
        """`morpheus serve` beside the UI."""
        environment = self._environment | {
            "MORPHEUS_DAGSTER_URL": self.dagster_url,
            "MORPHEUS_API_PORT": str(self._api_port),
        }
        command = _part(["morpheus_assets.api.server", "morpheus_assets.cli.main"], "serve")
        log = self._settings.data_folder / "api.log"
        return Child(API, "API", self._supervisor, command, environment, self._folder, log, self._api_answers)

    def _dagster(
        self, name: str, title: str, command: list[str], answers: Callable[[float], bool], *, has_child: bool = False
    ) -> Child:
        # as `dagster dev` has it: faults in the definitions are said shortly
        environment = self._environment | {"DAGSTER_IS_DEV_CLI": "1"}
        log = self._settings.data_folder / "dagster.log"
        return Child(
            name, title, self._supervisor, command, environment, self._folder, log, answers, has_child=has_child
        )

    def _code_server_answers(self, _started: float) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            try:
                # it listens when the definitions are loaded
                probe.connect(str(self._socket))
            except OSError:
                return False
        return True

    def _webserver_answers(self, _started: float) -> bool:
        return _is_success(f"{self.dagster_url}/server_info")

    def _api_answers(self, _started: float) -> bool:
        return _is_success(f"{self.api_url}/healthz")

    def _daemon_answers(self, started: float) -> bool:
        return last_heartbeat(self.dagster_url) >= started


def _part(modules: list[str], *arguments: str) -> list[str]:
    """The command of a part, `main` of the last module, after those that it loads anyway as soon as it runs."""
    return [sys.executable, "-m", "morpheus_assets.cli.part_process", ",".join(modules), *arguments]


def give_slots(settings: Settings, dagster_url: str, say: Callable[[str], None]) -> None:
    """Give the pool of the API's jobs their slots."""
    try:
        set_pool_slots(dagster_url, "generate_embedding", settings.generate_slots)
    except (DagsterRefused, DagsterUnavailable) as error:
        # two at a time, the default of all pools, is no reason not to start
        say(str(error))


def banner(settings: Settings, address: str, api_address: str, copied: bool) -> str:
    """The text that a person reads when everything runs."""
    samples = " The sample story is being embedded now." if copied else ""
    morpheus = _display_path(Path(sys.executable).parent / "morpheus")
    return f"""
Morpheus Assets is running.{samples}
  search page   {api_address}/
  HTTP API      {api_address}/docs
  Dagster UI    {address}
  novels        drop .txt .md .html .epub .docx .odt .rtf .fb2 .pdf into {_display_content(settings, "novels")}
  panels        drop images into {_display_content(settings, "panels")}<novel>/
  search        {morpheus} search "who keeps the lamp burning at night"
  panels        {morpheus} search --panels "a sleeping orange cat in the desert"
  log           {_display_path(settings.data_folder / "dagster.log")}
Ctrl-C stops everything, Postgres too; what is stored stays in {_display_path(settings.data_folder)}/.
"""


def _display_content(settings: Settings, name: str) -> str:
    """The folder or the address of novels or panels, to drop files into."""
    return f"{settings.content if isinstance(settings.content, str) else _display_path(settings.content)}/{name}/"


def _display_path(path: Path) -> str:
    """A path as a person in the project's folder would type it."""
    return str(path.relative_to(PROJECT_FOLDER)) if path.is_relative_to(PROJECT_FOLDER) else str(path)


def _socket_in(folder: Path) -> Path:
    """A path for the code server's socket that only this account can reach, and that is short enough."""
    path = folder.absolute() / "code.sock"
    return path if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH else Path(tempfile.mkdtemp()) / path.name


def _workspace(code_server: Path) -> str:
    """A workspace file as JSON, which YAML includes."""
    origin = {"module_name": "morpheus_assets.definitions", "working_directory": str(PROJECT_FOLDER)}
    server = {"socket": str(code_server), "location_name": LOCATION, "additional_metadata": origin}
    return json.dumps({"load_from": [{"grpc_server": server}]}, indent=1)


def _is_success(url: str) -> bool:
    address = urlsplit(url)
    # asked five times a second until it answers: an HTTP client would read all certificates each time
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=2)) as connection:
        try:
            connection.request("GET", address.path)
            return 200 <= connection.getresponse().status < 300
        except (OSError, HTTPException):
            return False


def free_port(wanted: int, setting: str = "MORPHEUS_UI_PORT") -> int:
    """`wanted` if nothing listens there, else the next free one."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartFailed(f"No free port between {wanted} and {wanted + 49}; set {setting}.")


@contextmanager
def stop_signal() -> Iterator[tuple[threading.Event, threading.Event]]:
    """An event that SIGINT and SIGTERM set, for as long as the block runs, and one that the next of them sets."""
    stopped, hurried = threading.Event(), threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: hurried.set() if stopped.is_set() else stopped.set())
    try:
        yield stopped, hurried
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
