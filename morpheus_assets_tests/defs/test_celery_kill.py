"""Two real Celery workers and a real Redis: each is killed; bench/celery_kill.py does the same at full size."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import psutil
import pytest
from redis import Redis

from morpheus_assets.defs.jobs.lost_runs import lost_runs
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests import python_path
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.redis_server import RedisProcess, redis, redis_program
from morpheus_assets_tests.fixtures.waiting import eventually

__all__ = ["redis", "redis_program"]

pytestmark = [pytest.mark.slow(32), pytest.mark.redis]

NOVELS = [f"novel-{number}" for number in range(6)]
IN_FLIGHT, INPUTS = 2, 8


class Machines:
    """Processes with folders of their own; each is a session, so that it can be killed as a machine is lost."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        home = self.folder / name
        home.mkdir()
        shutil.copy(PROJECT_FOLDER / "deploy" / "dagster.yaml", home / "dagster.yaml")
        own = {"DAGSTER_HOME": str(home), "TMPDIR": str(home), "MORPHEUS_DATA_FOLDER": str(home / "data")}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "morpheus_assets_tests.defs.executor_processes", *arguments],
                env=self.environment | own, cwd=home, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def busy(self, name: str) -> bool:
        """Whether a worker has steps that are not done."""
        log = self.log(name)
        return log.count("] received") > log.count(" succeeded in ")

    def kill_steps(self, name: str) -> None:
        """End the processes of the steps of a worker, as a machine does that has no memory left."""
        for child in psutil.Process(self.running[name].pid).children():
            child.kill()

    def kill(self, name: str) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait()


@pytest.fixture
def machines(
    deployment: Deployment, redis: RedisProcess, tmp_path: Path, dagster_database_url: str
) -> Iterator[Machines]:
    settings = deployment.settings
    assert settings.database_url is not None
    made = Machines(
        tmp_path,
        {
            **os.environ,
            "DAGSTER_PG_URL": dagster_database_url,
            "MORPHEUS_EXECUTOR": "celery",
            "MORPHEUS_CELERY_BROKER": redis.url,
            "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
            "MORPHEUS_CONTENT": str(settings.content),
            "MORPHEUS_SAMPLES": "false",
            "MORPHEUS_TEXT_SPACES": settings.text_spaces,
            "MORPHEUS_IMAGE_SPACES": settings.image_spaces,
            "MORPHEUS_INPUTS_PER_REQUEST": str(INPUTS),
            "MORPHEUS_REQUESTS_IN_FLIGHT": str(IN_FLIGHT),
            "OPENAI_API_KEY": "sk-test-not-a-key",
            "OPENAI_BASE_URL": deployment.server.base_url(latency_ms=700, journal=1),
            "PYTHONPATH": python_path(PROJECT_FOLDER),
        },
    )
    yield made
    for name in made.running:
        made.kill(name)


def committed(deployment: Deployment) -> set[str]:
    """The hashes whose vectors are stored."""
    if not deployment.rows("SELECT 1 FROM pg_tables WHERE tablename = 'embeddings_1'"):
        return set()
    return {row[0] for row in deployment.rows("SELECT encode(content_hash, 'hex') FROM embeddings_1")}


def asked(deployment: Deployment) -> list[tuple[float, list[str]]]:
    """When the provider was asked, and for which hashes."""
    with urllib.request.urlopen(f"{deployment.server.root}/__journal", timeout=100) as answer:
        return [(row[0], row[3]) for row in json.load(answer)]


def take_and_lose(broker: str) -> str:
    """The id of the first task that could be taken from the queue before a worker did."""
    with Redis.from_url(broker, socket_timeout=110) as client:
        _, task = client.brpop("dagster\x06\x163", timeout=100)
    return json.loads(task)["headers"]["id"]


def wait(met: Callable[[], bool], seconds: float, what: str) -> None:
    assert eventually(met, seconds), what


def test_killed_workers_steps_and_brokers_are_made_good_and_nothing_is_paid_twice(
    deployment: Deployment,
    machines: Machines,
    redis: RedisProcess,
    monkeypatch: pytest.MonkeyPatch,
    dagster_database_url: str,
):
    for number, novel in enumerate(NOVELS):
        deployment.drop(f"{novel}.txt", story(chapters=4, paragraphs=6, seed=number))
    for name in ("worker-1", "worker-2"):
        machines.start(name, "worker", f"--hostname={name}@%h", "--concurrency=2", "--loglevel=INFO")
    for number in range(3):
        machines.start(f"run-{number}", "run", *NOVELS[2 * number : 2 * number + 2])
    # as a third worker, which is killed before it could note that it has it
    lost = take_and_lose(machines.environment["MORPHEUS_CELERY_BROKER"])
    embedding = "text_embeddings__openai_3_small_256 - STEP_START"

    def in_the_middle() -> bool:
        log = machines.log("worker-2")
        return log.count(embedding) > log.count(embedding.replace("START", "SUCCESS")) and bool(committed(deployment))

    wait(in_the_middle, 600, "worker 2 embeds")
    machines.kill("worker-2")
    wait(lambda: machines.busy("worker-1"), 600, "worker 1 has something to lose too")
    machines.kill_steps("worker-1")
    taken = machines.log("worker-1").count("] received")
    kept, killed = committed(deployment), time.time()
    monkeypatch.setenv("DAGSTER_PG_URL", dagster_database_url)
    with dg.DagsterInstance.from_config(str(machines.folder / "run-0")) as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        assert runs
        assert not lost_runs(instance)
    wait(lambda: machines.log("worker-1").count("] received") > taken, 600, "worker 1 takes what the broker loses")
    redis.stop()
    time.sleep(1)
    redis.start()
    for number in range(3):
        assert machines.running[f"run-{number}"].wait(600) == 0, machines.log(f"run-{number}")[-3000:]

    assert machines.running["worker-1"].poll() is None, machines.log("worker-1")[-3000:]
    assert f"{lost}] succeeded" in machines.log("worker-1") + machines.log("worker-2")
    chunks = {row[0] for row in deployment.rows("SELECT DISTINCT encode(content_hash, 'hex') FROM chunks")}
    requests = asked(deployment)
    everything = [value for _, hashes in requests for value in hashes]
    assert committed(deployment) == chunks == set(everything)
    assert deployment.rows("SELECT count(DISTINCT novel_id) FROM chunks") == [(len(NOVELS),)]
    assert not kept & {value for at, hashes in requests if at > killed for value in hashes}
    # two steps at a time on each, and what they had sent and not stored
    assert len(everything) - len(chunks) <= 2 * 2 * 2 * IN_FLIGHT * INPUTS
    # between machines nothing is handed on by a file; the slots of connections are locked by a machine, and empty
    left = {path for name in machines.running for path in (machines.folder / name).rglob("*") if path.is_file()}
    assert {path.name for path in left if path.stat().st_size} <= {"dagster.yaml", "weights.json"}
