"""A whole project for the benchmarks: `morpheus up` in a folder of its own, a fake provider, and what one asks of them.

Nothing is shared with the developer's own project: ports, Postgres, content and Dagster's storage are temporary.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import psycopg
from sqlalchemy.engine import make_url

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database.embedded import APPLICATION_DATABASE, DAGSTER_DATABASE, running_url

SPACE = "openai/text-embedding-3-small@256"
TEXT_ASSETS = ("novels", "chapters", "chunks", "text_embeddings/openai-3-small-256")
SENSORS = ("new_novels_sensor", "new_panels_sensor", "failed_ingests_sensor")
FINISHED = ("COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED")


class RunningProject:
    """What a benchmark does to a running project, through the doors that a person has, and what it may look at."""

    def __init__(self, folder: Path, environment: Mapping[str, str], provider: str) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.provider = provider
        self._up: subprocess.Popen[bytes] | None = None
        self.address = f"http://127.0.0.1:{environment['MORPHEUS_UI_PORT']}"
        self.novels_folder = folder / "content" / "novels"

    @property
    def dagster_home(self) -> Path:
        """The folder that DAGSTER_HOME names."""
        return self.folder / "data" / "dagster"

    @property
    def pid(self) -> int:
        """The number of the process of `morpheus up`."""
        assert self._up is not None
        return self._up.pid

    @property
    def exit_code(self) -> int | None:
        """How `morpheus up` ended; None while it runs."""
        return self._up.poll() if self._up is not None else None

    def start(self, seconds: float = 180) -> None:
        """Start `morpheus up`, for the first time or again, and return when it says that it runs."""
        output = self.folder / "output"
        said_before = len(output.read_text()) if output.exists() else 0
        with output.open("ab") as said:
            program = Path(sys.executable).parent / "morpheus"
            self._up = up = subprocess.Popen(
                [program, "up"], env=self.environment, cwd=PROJECT_FOLDER, stdout=said, stderr=subprocess.STDOUT
            )
        until(
            lambda: "is running" in output.read_text()[said_before:] or up.poll() is not None,
            seconds,
            "the start of the project",
        )
        if up.poll() is not None:
            raise SystemExit(output.read_text()[said_before:])

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        if self._up is not None and self._up.poll() is None:
            self._up.send_signal(signal.SIGINT)
            self._up.wait(90)

    def cpu(self) -> float:
        """Seconds of CPU that the project's processes and its Postgres have used, with those that have ended."""
        pid_file = next((self.folder / "data").rglob("postmaster.pid"))
        roots = [psutil.Process(self.pid), psutil.Process(int(pid_file.read_text().split()[0]))]
        spent = 0.0
        for process in [each for root in roots for each in (root, *root.children(recursive=True))]:
            with suppress(psutil.NoSuchProcess):
                # what has ended and was waited for stands with its parent
                spent += sum(process.cpu_times()[:4])
        return spent

    def database_url(self, database: str = APPLICATION_DATABASE, driver: str = "postgresql") -> str:
        """The URL of the content database, or of another on the same server; never that of a pooler.

        Raises psycopg.OperationalError while the embedded one is away.
        """
        direct = self.environment.get("MORPHEUS_DIRECT_DATABASE_URL")
        if direct is not None:
            return make_url(direct).set(drivername=driver, database=database).render_as_string(hide_password=False)
        url = running_url(self.folder / "data", database, driver)
        if url is None:
            raise psycopg.OperationalError("The embedded server of the project is away.")
        return url

    def rows(
        self, query: str, parameters: Sequence[Any] = (), database: str = APPLICATION_DATABASE
    ) -> list[tuple[Any, ...]]:
        """What a query on the content database (or another) gives."""
        with psycopg.connect(self.database_url(database), autocommit=True) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def dagster_rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query on Dagster's own database gives."""
        return self.rows(query, parameters, DAGSTER_DATABASE)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """An answer of the UI's own API."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            found = json.load(answer)
        assert not found.get("errors"), found["errors"]
        return dict(found["data"])

    def provider_stats(self) -> dict[str, Any]:
        """What the fake provider counted."""
        with urlopen(f"{self.provider}/__stats", timeout=10) as answer:
            return dict(json.load(answer)["total"])

    def switch_sensors(self, *, on: bool) -> None:
        """Start or stop the sensors that ingest what is dropped."""
        for name in SENSORS:
            selector = {
                "repositoryName": "__repository__",
                "repositoryLocationName": "morpheus_assets",
                "sensorName": name,
            }
            if on:
                self.ask(_START_SENSOR, selector=selector)
            else:
                found = self.ask(_SENSOR, selector=selector)["sensorOrError"]["sensorState"]
                self.ask(_STOP_SENSOR, id=found["id"])

    def add_partitions(self, novels: Sequence[str]) -> None:
        """Register novels as partitions, in this order."""
        command = [sys.executable, "-c", _ADD_PARTITIONS]
        environment = self.environment | {
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_PG_URL": self.database_url(DAGSTER_DATABASE, "postgresql+psycopg2"),
        }
        subprocess.run(command, input="\n".join(novels), text=True, env=environment, cwd=self.folder, check=True)

    def launch_backfill(self, novels: Sequence[str], assets: Sequence[str] = TEXT_ASSETS) -> str:
        """Launch a backfill with the request that the UI's dialog makes; returns its id."""
        keys = [{"path": asset.split("/")} for asset in assets]
        params = {"assetSelection": keys, "partitionNames": list(novels), "tags": [], "fromFailure": False}
        answer = self.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def backfill(self, backfill_id: str) -> dict[str, Any]:
        """Status of a backfill and, by asset, how many of its partitions are in which state: what its page shows."""
        found = self.ask(_BACKFILL, id=backfill_id)["partitionBackfillOrError"]
        statuses = (found["assetBackfillData"] or {}).get("assetBackfillStatuses", [])
        return {**found, "assets": {"/".join(row["assetKey"]["path"]): row for row in statuses if "assetKey" in row}}

    def launch_job(self, job: str) -> str:
        """Launch a job without configuration; returns the run's id."""
        selector = {"jobName": job, "repositoryName": "__repository__", "repositoryLocationName": "morpheus_assets"}
        answer = self.ask(_LAUNCH_JOB, params={"selector": selector, "runConfigData": {}})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def latest_backfill(self) -> str:
        """The id of the backfill that was launched last."""
        return str(self.ask(_LATEST)["partitionBackfillsOrError"]["results"][0]["id"])

    def cancel(self, backfill_id: str) -> None:
        """Cancel a backfill, as its page does."""
        self.ask(_CANCEL, id=backfill_id)


def project_environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a project in `folder`, with nothing of the developer's own; `variables` come last."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MORPHEUS_", "DAGSTER_"))}
    return {
        **kept,
        "MORPHEUS_CONTENT": str(folder / "content"),
        "MORPHEUS_DATA_FOLDER": str(folder / "data"),
        "MORPHEUS_DOTENV": os.devnull,
        "MORPHEUS_UI_PORT": str(free_port()),
        "MORPHEUS_API_PORT": str(free_port()),
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_TEXT_SPACES": SPACE,
        "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
        "OPENAI_API_KEY": "sk-bench",
        **variables,
    }


@contextmanager
def running_project(
    *, latency_ms: float = 50, options: str = "", prepare: Callable[[Path], None] | None = None, **variables: str
) -> Iterator[RunningProject]:
    """`morpheus up` with a fake OpenAI behind it; `options` are the fake's (see its module), `variables` settings.

    `prepare` is given the project's folder before anything starts.
    """
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    folder.chmod(0o711)
    provider = subprocess.Popen(
        [sys.executable, "-m", "morpheus_assets_tests.fixtures.provider_server", "--latency-ms", str(latency_ms)],
        cwd=PROJECT_FOLDER,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert provider.stdout is not None
    root = provider.stdout.readline().strip()
    address = f"{root}/{options}/v1" if options else f"{root}/v1"
    project = RunningProject(folder, project_environment(folder, OPENAI_BASE_URL=address, **variables), root)
    try:
        if prepare is not None:
            prepare(folder)
        project.start()
        yield project
    finally:
        project.stop()
        provider.terminate()
        provider.wait()
        if os.environ.get("BENCH_KEEP"):
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def run_processes(code_server: psutil.Process) -> list[psutil.Process]:
    """The processes of runs: started by the process behind the code server, or forked by one that it started."""
    behind = {child.pid for child in code_server.children()}
    family = [each for each in code_server.children(recursive=True) if not _is_tracker(each)]
    parents = {parent for each in family if (parent := _parent_of(each)) is not None}
    return [each for each in family if each.pid not in behind | parents and not _is_template(each, behind)]


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return True


def _is_template(process: psutil.Process, behind: set[int]) -> bool:
    """Whether it is the one that runs are forked from, which has the command line that they have too."""
    try:
        return process.ppid() in behind and "forkserver" in " ".join(process.cmdline())
    except psutil.Error:
        return True


def _parent_of(process: psutil.Process) -> int | None:
    try:
        return int(process.ppid())
    except psutil.Error:
        return None


def until(met: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> float:
    """Wait until something is so; returns the seconds that it took."""
    started = time.monotonic()
    while not met():
        if time.monotonic() - started > seconds:
            raise SystemExit(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - started


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_ADD_PARTITIONS = (
    "import sys, dagster as dg\n"
    "with dg.DagsterInstance.get() as instance: instance.add_dynamic_partitions('novels', sys.stdin.read().split())"
)
_SENSOR = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
  ... on Sensor { sensorState { id } } } }"""
_STOP_SENSOR = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
_START_SENSOR = "mutation($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }"
_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) { __typename
  ... on LaunchBackfillSuccess { backfillId } ... on Error { message } } }"""
_BACKFILL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status
  numCancelable partitionStatusCounts { runStatus count } assetBackfillData { assetBackfillStatuses {
  ... on AssetPartitionsStatusCounts { assetKey { path } numPartitionsTargeted numPartitionsInProgress
    numPartitionsMaterialized numPartitionsFailed } } } } } }"""
_LAUNCH_JOB = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
_LATEST = "{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }"
_CANCEL = "mutation($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename ... on Error { message } } }"
