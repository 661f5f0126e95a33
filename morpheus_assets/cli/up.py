"""The process of `morpheus up`: it owns the database, Dagster and the API of one machine, and stops them together."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from morpheus_assets.cli.environment import child_environment, forget_in_dotenv, remember_in_dotenv
from morpheus_assets.cli.supervisor import Supervisor
from morpheus_assets.cli.worker import check_steps_can_be_handed_out
from morpheus_assets.services.configured_spaces import configured_image_spaces, configured_text_spaces
from morpheus_assets.services.connections import Databases, StartFailed, running_database
from morpheus_assets.services.dagster_client import DagsterRefused, DagsterUnavailable, set_pool_slots
from morpheus_assets.services.samples import put_samples_into_empty_content
from morpheus_assets.settings import PROJECT_FOLDER, Settings

START_SECONDS = 120.0


def up(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM; raises StartFailed, or the store's errors, when something cannot start."""
    check_spaces(settings)
    check_steps_can_be_handed_out(settings)
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.data_folder / "up.lock"), stop_signal() as stopped:
        supervisor = Supervisor(settings.data_folder / "processes.json")
        left_over = supervisor.end_leftovers()
        if left_over:
            say(f"Ended {left_over} processes that an earlier start had left behind.")
        run_all(settings, supervisor, stopped, say)
    say("Stopped.")


def check_spaces(settings: Settings) -> None:
    """Raise ConfigurationError for a space that the definitions would refuse to load, before anything starts."""
    configured_text_spaces(settings)
    configured_image_spaces(settings)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel lets go of however this process ends; raises StartFailed when another holds it."""
    with path.open("a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartFailed(
                f"`morpheus up` already runs over {path.parent}: use that one, or stop it with Ctrl-C first."
            ) from None
        yield


def run_all(settings: Settings, supervisor: Supervisor, stopped: threading.Event, say: Callable[[str], None]) -> None:
    """The database, Dagster and the API, until `stopped` is set or one of them ends."""
    copied = put_samples_into_empty_content(settings)
    with running_database(settings, say, os.environ.get("DAGSTER_PG_URL")) as databases:
        of_the_project = settings.data_folder == PROJECT_FOLDER / ".morpheus"
        port = free_port(settings.ui_port)
        log = settings.data_folder / "dagster.log"
        try:
            if of_the_project:
                remember_in_dotenv(PROJECT_FOLDER / ".env", settings, databases)
            child = supervisor.start(
                dagster_dev(port),
                child_environment(settings, databases),
                # not the project's folder: Dagster would let the `.env` there win over this environment
                settings.data_folder,
                log,
            )
            address = f"http://127.0.0.1:{port}"
            wait_for_ui(address, child.poll, stopped, log)
            api_log = settings.data_folder / "api.log"
            if not stopped.is_set():
                api, api_address = start_api(supervisor, settings, address, databases, api_log, say)
                say(banner(settings, address, api_address, copied))
            while not stopped.wait(1):
                if child.poll() is not None:
                    raise StartFailed(f"Dagster ended by itself (exit code {child.returncode}); its log is {log}.")
                if api.poll() is not None:
                    raise StartFailed(f"The API ended by itself (exit code {api.returncode}); its log is {api_log}.")
        finally:
            say("Stopping …")
            supervisor.stop()
            if of_the_project and settings.database_url is None:
                # its address ends with the server
                forget_in_dotenv(PROJECT_FOLDER / ".env")


def start_api(
    supervisor: Supervisor,
    settings: Settings,
    dagster_address: str,
    databases: Databases,
    log: Path,
    say: Callable[[str], None],
) -> tuple[subprocess.Popen[bytes], str]:
    """Start `morpheus serve` beside the UI and give the pool of its jobs their slots; its process and address."""
    port = free_port(settings.api_port, "MORPHEUS_API_PORT")
    environment = child_environment(settings, databases) | {
        "MORPHEUS_DAGSTER_URL": dagster_address,
        "MORPHEUS_API_PORT": str(port),
    }
    try:
        set_pool_slots(dagster_address, "generate_embedding", settings.generate_slots)
    except (DagsterRefused, DagsterUnavailable) as error:
        # two at a time, the default of all pools, is no reason not to start
        say(str(error))
    command = [sys.executable, "-m", "morpheus_assets.cli.main", "serve"]
    return supervisor.start(command, environment, settings.data_folder, log), f"http://127.0.0.1:{port}"


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


def dagster_dev(port: int) -> list[str]:
    """The command that starts Dagster's UI, daemon and code server on loopback."""
    program = Path(sys.executable).parent / "dagster"
    if not program.exists():
        raise StartFailed("The program `dagster` is not in this environment; run `make up` once to set it up.")
    workspace = str(PROJECT_FOLDER / "workspace.yaml")
    return [str(program), "dev", "--host", "127.0.0.1", "--port", str(port), "--workspace", workspace]


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
def stop_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, for as long as the block runs."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_ui(address: str, exit_code: Callable[[], int | None], stopped: threading.Event, log: Path) -> None:
    """Return when the UI answers; raises StartFailed when Dagster ends first or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not stopped.is_set():
        if exit_code() is not None:
            raise StartFailed(f"Dagster could not start (exit code {exit_code()}); its log is {log}.")
        try:
            if httpx.get(f"{address}/server_info", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    if not stopped.is_set():
        raise StartFailed(f"The Dagster UI did not answer within {START_SECONDS:.0f} seconds; its log is {log}.")
