import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._cli.job import job_launch_command
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._grpc.client import DEFAULT_GRPC_TIMEOUT, DagsterGrpcClient

from morpheus_assets.defs.run_launcher import PatientRunLauncher
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests import python_path
from morpheus_assets_tests.fixtures.ports import free_port
from morpheus_assets_tests.fixtures.waiting import answers, eventually

JOB = """
import time
import dagster as dg

@dg.op
def work():
    time.sleep(12)

@dg.job(executor_def=dg.in_process_executor)
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


@pytest.fixture
def launcher() -> str:
    return f"{{module: {PatientRunLauncher.__module__}, class: {PatientRunLauncher.__name__}}}"


@pytest.fixture
def instance(tmp_path: Path, launcher: str) -> Iterator[dg.DagsterInstance]:
    """One whose runs are queued, as the daemon has it."""
    (tmp_path / "dagster.yaml").write_text(
        f"run_launcher: {launcher}\nrun_monitoring: {{enabled: true}}\ntelemetry: {{enabled: false}}\n"
        "run_queue: {max_user_code_failure_retries: 3, user_code_failure_retry_delay: 1}\n"
        "compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}\n"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


@pytest.fixture
def code_server(instance: dg.DagsterInstance, tmp_path: Path) -> Iterator[int]:
    """The port of a code server whose runs' processes take longer to report than anybody waits."""
    (tmp_path / "slow.py").write_text(JOB)
    (tmp_path / "sitecustomize.py").write_text(BUSY)
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "api", "grpc", "-f", "slow.py", "-p", str(port)],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": python_path(tmp_path, PROJECT_FOLDER)},
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        assert eventually(lambda: answers(port) or process.poll() is not None, 600)
        yield port
    finally:
        process.terminate()
        process.wait(120)


@pytest.mark.slow(25)
def test_a_run_whose_process_takes_longer_to_start_than_is_waited_for_is_launched_once_and_succeeds(
    instance: dg.DagsterInstance, code_server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    # in place of sixty; where another test has made Dagster import its client, the environment says nothing any more
    defaults = [4 if each == DEFAULT_GRPC_TIMEOUT else each for each in DagsterGrpcClient._query.__defaults__ or ()]
    monkeypatch.setattr(DagsterGrpcClient._query, "__defaults__", tuple(defaults))
    asked = CliRunner().invoke(job_launch_command, ["--grpc-port", str(code_server), "-j", "slow"])
    assert asked.exit_code == 0, asked.output
    [run] = instance.get_runs()
    assert run.status == dg.DagsterRunStatus.QUEUED
    target = GrpcServerTarget(host="localhost", port=code_server, socket=None, location_name=None)
    with WorkspaceProcessContext(instance, target) as workspace, QueuedRunCoordinatorDaemon(1) as queue:

        def is_finished() -> bool:
            # what the daemon does again and again
            deque(queue.run_iteration(workspace), maxlen=0)
            deque(execute_run_monitoring_iteration(workspace, logging.getLogger(__name__)), maxlen=0)
            found = instance.get_run_by_id(run.run_id)
            assert found is not None
            return found.is_finished

        assert eventually(is_finished, 600, every=1)
    said = [event.message for event in instance.all_logs(run.run_id)]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.is_success, "\n".join(said)
    assert any("takes long to start" in message for message in said), "its launch did take too long"
    assert sum("Started process for run" in message for message in said) == 1, "\n".join(said)
