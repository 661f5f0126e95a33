"""Machines of a deployment that share nothing but Postgres, Redis, the provider and the content: network namespaces.

Each worker lives in a namespace of its own, joined to a bridge where the servers listen, with folders of its own.
Needs root and iproute2; without them all is on loopback, and only folders are apart (`namespaces` says which).
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from bench.deployment import migrated_server
from bench.running_project import RunningProject, free_port, project_environment, until
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database.embedded import APPLICATION_DATABASE

PROGRAMS = Path(sys.executable).parent


class Network:
    """A bridge with an address of its own, and namespaces joined to it; loopback where that is not allowed."""

    def __init__(self) -> None:
        self.name = f"mb{os.getpid() % 100000}"
        self.prefix = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.namespaces = shutil.which("ip") is not None and os.geteuid() == 0 and self._bridge()
        self.host = f"{self.prefix}.1" if self.namespaces else "127.0.0.1"
        self.made: list[str] = []

    def join(self, number: int) -> list[str]:
        """A new namespace with the address `.number`; what to put before a command that shall run in it."""
        if not self.namespaces:
            return []
        name = f"{self.name}n{number}"
        _ip("netns", "add", name)
        self.made.append(name)
        _ip("link", "add", f"{self.name}v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"{self.name}v{number}", "master", self.name, "up")
        _ip("-n", name, "addr", "add", f"{self.prefix}.{number}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", name, "link", "set", device, "up")
        return ["ip", "netns", "exec", name]

    def close(self) -> None:
        """Take everything away again."""
        for name in self.made:
            _ip("netns", "del", name)
        if self.namespaces:
            _ip("link", "del", self.name)

    def _bridge(self) -> bool:
        try:
            _ip("link", "add", self.name, "type", "bridge")
            _ip("addr", "add", f"{self.prefix}.1/24", "dev", self.name)
            _ip("link", "set", self.name, "up")
        except subprocess.CalledProcessError:
            return False
        return True


class Cluster(RunningProject):
    """Webserver and daemon on one machine, workers on others; databases are reached over TCP."""

    def __init__(self, folder: Path, environment: dict[str, str], provider: str, network: Network, url: str) -> None:
        super().__init__(folder, environment, provider)
        self.network = network
        self.url = url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def dagster_home(self) -> Path:
        """That of the webserver's machine."""
        return self.folder / "web"

    def database_url(self, database: str = APPLICATION_DATABASE, driver: str = "postgresql") -> str:
        """The URL of a database, over TCP."""
        made = make_url(self.url).set(drivername=driver, database=database)
        return made.render_as_string(hide_password=False)

    def start_program(self, name: str, command: list[str], prefix: list[str] | None = None, **variables: str) -> None:
        """Start a program of one machine, in a session and with folders of its own."""
        home = self.folder / name
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_FOLDER / "deploy" / "dagster.yaml", home / "dagster.yaml")
        own = {"DAGSTER_HOME": str(home), "TMPDIR": str(home / "tmp"), "HOME": str(home)}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*(prefix or []), *command],
                env=self.environment | own | {"MORPHEUS_DATA_FOLDER": str(home / "data")} | variables,
                cwd=home, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def start_dagster(self) -> None:
        """The webserver, and then the daemon, with the sensors of dropped files off from its first look on."""
        workspace = str(PROJECT_FOLDER / "workspace.yaml")
        port = self.environment["MORPHEUS_UI_PORT"]
        self.start_program("web", [str(PROGRAMS / "dagster-webserver"), "-w", workspace, "-h", "127.0.0.1", "-p", port])
        until(self._answers, 180, "the webserver")
        self.switch_sensors(on=False)
        self.start_program("daemon", [str(PROGRAMS / "dagster-daemon"), "run", "-w", workspace])

    def start_worker(self, number: int, concurrency: int = 2, **variables: str) -> None:
        """A worker on a machine of its own; returns when it takes steps."""
        name = f"worker{number}"
        prefix = self.network.join(number + 1) if name not in self.processes else self._namespace(number)
        log = self.folder / f"{name}.log"
        seen = len(log.read_bytes()) if log.exists() else 0
        command = [str(PROGRAMS / "morpheus"), "worker", "--concurrency", str(concurrency)]
        self.start_program(name, command, prefix, **variables)
        until(lambda: b" ready." in log.read_bytes()[seen:], 120, f"the start of {name}")

    def kill(self, name: str) -> None:
        """kill -9 of everything that a machine runs."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def stop_machine(self, name: str) -> None:
        """End a machine's processes as their supervisor would."""
        process = self.processes[name]
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _namespace(self, number: int) -> list[str]:
        return ["ip", "netns", "exec", f"{self.network.name}n{number + 1}"] if self.network.namespaces else []

    def _answers(self) -> bool:
        try:
            return bool(self.ask("{ version }"))
        except OSError:
            return False


@contextmanager
def cluster(*, options: str = "journal=1,latency_ms=200", **variables: str) -> Iterator[Cluster]:
    """Servers on the bridge, Dagster beside them, no worker yet; `variables` are settings of all machines."""
    folder = Path(tempfile.mkdtemp(prefix="mmm"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(_remove, folder)
        network = Network()
        stack.callback(network.close)
        url = stack.enter_context(_postgres(folder, network))
        redis_port = free_port()
        redis = ["redis-server", "--bind", network.host, "--port", str(redis_port), "--protected-mode", "no"]
        _child(stack, [*redis, "--save", "", "--dir", str(folder)])
        module = "morpheus_assets_tests.fixtures.provider_server"
        provider = _child(stack, [sys.executable, "-m", module, "--host", network.host], stdout=subprocess.PIPE)
        assert provider.stdout is not None
        root = provider.stdout.readline().decode().strip()
        for name in ("novels", "panels"):
            (folder / "content" / name).mkdir(parents=True)
        of_the_cluster = {
            "MORPHEUS_EXECUTOR": "celery",
            "MORPHEUS_CELERY_BROKER": f"redis://{network.host}:{redis_port}/0",
            "MORPHEUS_DATABASE_URL": url,
            "OPENAI_BASE_URL": f"{root}/{options}/v1",
            "OMP_NUM_THREADS": "1",
        }
        environment = project_environment(folder, **of_the_cluster | variables)
        made = Cluster(folder, environment, root, network, url)
        made.environment["DAGSTER_PG_URL"] = made.database_url("dagster", "postgresql+psycopg2")
        stack.callback(lambda: [made.stop_machine(name) for name in made.processes])
        made.start_dagster()
        yield made


@contextmanager
def _postgres(folder: Path, network: Network) -> Iterator[str]:
    settings = {"track_commit_timestamp": "on", "max_connections": "400"}
    # the port names the socket too, so a server on loopback, where it may be taken, is reached by socket instead
    listen = {"listen_addresses": network.host} if network.namespaces else {}
    with migrated_server(folder / "pg", settings | listen) as server:
        if not network.namespaces:
            yield server.url()
            return
        with (server.data_folder / "pgdata" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all postgres {network.prefix}.0/24 scram-sha-256\n")
        with psycopg.connect(server.url("postgres", "postgresql"), autocommit=True) as connection:
            connection.execute("ALTER USER postgres PASSWORD 'bench'")
            connection.execute("SELECT pg_reload_conf()")
        yield f"postgresql://postgres:bench@{network.host}:5432/{APPLICATION_DATABASE}"


def _child(stack: ExitStack, command: list[str], stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, cwd=PROJECT_FOLDER, stdout=stdout, start_new_session=True)
    stack.callback(lambda: (process.kill(), process.wait()))
    return process


def _remove(folder: Path) -> None:
    if os.environ.get("BENCH_KEEP"):
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
