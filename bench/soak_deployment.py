"""What the soak stands on: `morpheus up`, its database directly or through a pooler, a small disk, a clock to be set.

The disk needs the right to mount, the clock a C compiler for soak_clock.c; without them `lacks` says so.
"""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import psycopg

from bench.pooled_server import pooled_server
from bench.running_project import RunningProject, run_processes, running_project
from morpheus_assets.services.running_parts import RunningParts, running_parts
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer
from morpheus_assets_tests.fixtures.provider import ProviderServer

TEXT_SPACES = "openai/text-embedding-3-small@256,openai/text-embedding-3-small@128"
FAULTS = "random=429:0.03+500:0.03+reset:0.02"
# The classes of DESIGN's table of faults, each at the far end of a real connection.
PROVIDER_FAULTS = [
    "400", "400_context", "401", "402", "403", "404", "408", "409", "413", "422", "429", "429_quota", "500", "500_nan",
    "502", "503", "504", "529", "azure_calls", "gemini_sentence", "openai_by_the_day", "openai_no_credit",
    "voyage_without_a_card", "html200", "html502", "html429", "empty200", "detail200", "reset", "close", "cut_json",
    "cut_body", "reset_body", "wrong_dims", "wrong_count", "extra_count", "no_data", "repeated_index", "nan", "inf",
    "zero", "bad_base64", "other_model", "slow",
]  # fmt: skip
_CLOCK = Path(__file__).with_name("soak_clock.c")
_AT_WORK = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]


class SoakDeployment:
    """One deployment, and how it is hurt. `pooled` says that it reaches its database through PgBouncer."""

    def __init__(
        self, project: RunningProject, server: EmbeddedPostgres | None, pooler: PgBouncer | None, clock: Path | None
    ) -> None:
        self.project, self.server, self.pooler, self._clock = project, server, pooler, clock
        self.pooled = pooler is not None
        self.provider = ProviderServer(project.provider)
        self.settings = Settings(_env_file=None, data_folder=project.folder / "data", samples=False)
        self.api = f"http://127.0.0.1:{project.environment['MORPHEUS_API_PORT']}"
        self.offset = self.hours_forward = 0
        self.starts = 1

    # --- looking ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The content database itself, never through the pooler."""
        return self.project.database_url()

    def rows(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What a query gives; raises psycopg.Error while the server is away."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def spaces(self, purpose: str = "text") -> dict[str, tuple[str, int, int]]:
        """State, number and dimensions of each space that is not retired, by its key."""
        query = "SELECT key, state, id, dimensions FROM embedding_spaces WHERE purpose = %s AND state <> 'retired'"
        return {key: (state, number, size) for key, state, number, size in self.rows(query, (purpose,))}

    def parts(self) -> RunningParts | None:
        """What `up` runs; None when it has ended."""
        return running_parts(self.settings)

    def run_processes(self) -> list[psutil.Process]:
        """The processes of the runs at work."""
        running, found = self.parts(), []
        for each in running.parts if running else ():
            if each.name == "code server":
                with suppress(psutil.Error):
                    found = run_processes(psutil.Process(each.pid))
        return found

    def at_work(self) -> list[str]:
        """The ids of the runs that have not ended."""
        query = """query($statuses: [RunStatus!]) { runsOrError(filter: {statuses: $statuses}) {
          ... on Runs { results { runId } } } }"""
        return [run["runId"] for run in self.project.ask(query, statuses=_AT_WORK)["runsOrError"]["results"]]

    def journal(self) -> list[Any]:
        """Every request that the provider let in."""
        with urlopen(f"{self.project.provider}/__journal", timeout=20) as answer:
            return list(json.load(answer))

    def said(self) -> str:
        """All that the terminal of `up` showed."""
        return (self.project.folder / "output").read_text()

    # --- hurting ------------------------------------------------------------------------------------------------

    def command(self, *arguments: str) -> bool:
        """Whether a command line of the project succeeded."""
        program = Path(sys.executable).parent / "morpheus"
        environment = {name: value for name, value in self.project.environment.items() if name != "LD_PRELOAD"}
        try:
            done = subprocess.run(
                [program, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def signal(self, part: str, number: int) -> None:
        """Send a signal to the process of a part, of `up` itself, or of what stands outside of it."""
        if part == "up":
            os.kill(self.project.pid, number)
        elif part == "pooler" and self.pooler is not None:
            self.pooler.stop()
            time.sleep(1)
            self.pooler.start()
        elif part == "postgres" and self.server is not None:
            with suppress(psutil.Error):
                psutil.Process(self.server.pid or 0).send_signal(number)
            if number != signal.SIGCONT:
                time.sleep(1)
                self.server.start()
        else:
            running = self.parts()
            for each in running.parts if running else ():
                if each.name == part and each.state != "down":
                    with suppress(ProcessLookupError):
                        os.kill(each.pid, number)

    def start_again(self) -> bool:
        """Start `up` if it has ended, as systemd does; whether it had."""
        if self.project.exit_code is None:
            return False
        self.starts += 1
        self.project.start()
        return True

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leave no byte on the disk of the database while the block runs."""
        place = self._disk()
        for _ in range(50):
            used = shutil.disk_usage(place).used
            with suppress(subprocess.CalledProcessError):
                # refused when something was written in between; what is stored stays
                _mount("-o", f"remount,size={used}", str(place))
                break
        try:
            yield
        finally:
            _mount("-o", f"remount,size={DISK}", str(place))

    def step_clock(self, seconds: int) -> None:
        """Set the clock of all that `up` started, with the embedded Postgres; a server outside keeps its own."""
        self.offset += seconds
        self.hours_forward += seconds >= 600
        if self._clock is not None:
            # in place: the processes have it mapped
            with self._clock.open("r+b") as file:
                file.write(struct.pack("q", self.offset))

    def _disk(self) -> Path:
        return (self.server.data_folder if self.server is not None else self.project.folder / "data").absolute()


DISK = "3G"


def lacks() -> dict[str, str]:
    """Which actions cannot be done on this machine, and why."""
    found = {}
    if not _may_mount():
        found["full_disk"] = "a file system of a given size cannot be mounted here"
    if sys.platform != "linux" or shutil.which("cc") is None:
        found["clock_step"] = "there is no C compiler, or no Linux"
    return found


@contextmanager
def soak_deployment(seed: int, *, pooled: bool, latency_ms: float = 100) -> Iterator[SoakDeployment]:
    """A running deployment with two text spaces and the small image space, and a provider that fails at random."""
    with ExitStack() as stack:
        missing = lacks()
        own = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mps", ignore_cleanup_errors=True)))
        own.chmod(0o711)
        temporary = own / "tmp"
        temporary.mkdir()
        temporary.chmod(0o1777)
        variables = {
            "MORPHEUS_TEXT_SPACES": TEXT_SPACES,
            "MORPHEUS_INPUTS_PER_REQUEST": "8",
            "MORPHEUS_REQUEST_TIMEOUT_SECONDS": "8",
            "TMPDIR": str(temporary),
        }
        clock = None
        if "clock_step" not in missing:
            clock = own / "clock"
            clock.write_bytes(struct.pack("q", 0))
            library = own / "clock.so"
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, _CLOCK, "-ldl"], check=True)
            variables |= {"LD_PRELOAD": str(library), "SOAK_CLOCK": str(clock)}

        def small_disk(folder: Path) -> None:
            folder.mkdir(exist_ok=True)
            if "full_disk" not in missing:
                _mount("-t", "tmpfs", "-o", f"size={DISK},mode=0700", "soak", str(folder))
                stack.callback(_unmount, folder)

        server = pooler = None
        if pooled:
            small_disk(own / "pg")
            server, pooler, addresses = stack.enter_context(pooled_server(own))
            variables |= addresses
        options = f"{FAULTS},seed={seed},journal=1"
        project = stack.enter_context(
            running_project(
                latency_ms=latency_ms,
                options=options,
                prepare=None if pooled else lambda folder: small_disk(folder / "data"),
                **variables,
            )
        )
        yield SoakDeployment(project, server, pooler, clock)


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as place:
        if subprocess.run(["mount", "-t", "tmpfs", "soak", place], capture_output=True, check=False).returncode:
            return False
        _unmount(Path(place))
    return True


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _unmount(place: Path) -> None:
    for _ in range(50):
        if subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.2)
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
