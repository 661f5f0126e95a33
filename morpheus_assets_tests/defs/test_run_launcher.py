import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from morpheus_assets.defs.run_launcher import PatientRunLauncher
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests import python_path
from morpheus_assets_tests.fixtures.ports import free_port

JOB = """
import time
import dagster as dg

@dg.op
def work():
    time.sleep(12)

@dg.job
def slow():
    work()

defs = dg.Definitions(jobs=[slow])
"""
# a machine so busy that a run's process reports only after nine seconds
BUSY = """
import gc, sys, time
gc.set_threshold(50_000, 5, 10)
if any("spawn_main" in argument for argument in sys.orig_argv):
    time.sleep(9)
"""
LAUNCH = """mutation { launchRun(executionParams: {mode: "default", selector: {jobName: "slow",
  repositoryName: "__repository__", repositoryLocationName: "slow.py"}})
  { ... on LaunchRunSuccess { run { runId } } } }"""
RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status } }
  logsForRun(runId: $id) { ... on EventConnection { events { __typename ... on MessageEvent { message } } } } }"""


@pytest.fixture
def launcher() -> str:
    return f"{{module: {PatientRunLauncher.__module__}, class: {PatientRunLauncher.__name__}}}"


@pytest.fixture
def busy_dagster(tmp_path: Path, launcher: str) -> Iterator[str]:
    """`dagster dev`, whose daemon waits four seconds for a run's process in place of sixty."""
    (tmp_path / "slow.py").write_text(JOB)
    (tmp_path / "sitecustomize.py").write_text(BUSY)
    (tmp_path / "dagster.yaml").write_text(
        f"run_launcher: {launcher}\nrun_monitoring: {{enabled: true}}\ntelemetry: {{enabled: false}}\n"
        "run_queue: {max_user_code_failure_retries: 3, user_code_failure_retry_delay: 1, dequeue_interval_seconds: 1}\n"
    )
    port = free_port()
    environment = os.environ | {
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_GRPC_TIMEOUT_SECONDS": "4",
        "PYTHONPATH": python_path(tmp_path, PROJECT_FOLDER),
    }
    program = str(Path(sys.executable).parent / "dagster")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "dev", "-f", "slow.py", "-p", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            # Dagster ends by SIGTERM as by SIGINT, which a shell lets its background jobs ignore
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(2000):
            try:
                if httpx.get(f"{address}/server_info", timeout=60).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.3)
        yield f"{address}/graphql"
    finally:
        process.terminate()
        process.wait(120)


@pytest.mark.slow(42)
def test_a_run_whose_process_takes_longer_to_start_than_is_waited_for_is_launched_once_and_succeeds(
    busy_dagster: str,
) -> None:
    run_id = httpx.post(busy_dagster, json={"query": LAUNCH}, timeout=300).json()["data"]["launchRun"]["run"]["runId"]
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        answer = httpx.post(busy_dagster, json={"query": RUN, "variables": {"id": run_id}}, timeout=300).json()["data"]
        if answer["runOrError"]["status"] in ("SUCCESS", "FAILURE"):
            break
        time.sleep(0.5)
    said = [event.get("message", "") for event in answer["logsForRun"]["events"]]
    assert answer["runOrError"]["status"] == "SUCCESS", "\n".join(said)
    assert any("takes long to start" in message for message in said), "its launch did take too long"
    assert sum("Started process for run" in message for message in said) == 1, "\n".join(said)
