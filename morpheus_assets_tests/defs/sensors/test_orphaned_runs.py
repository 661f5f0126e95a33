import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG

from morpheus_assets.defs.jobs import lost_runs
from morpheus_assets.defs.jobs.lost_runs import _SEEN, end_lost_runs
from morpheus_assets.defs.run_launcher import PatientRunLauncher
from morpheus_assets.defs.sensors.orphaned_runs import lost_runs_sensor
from morpheus_assets_tests.fixtures.faults import FaultRow


@dg.op
def wait() -> None: ...


@dg.job
def waiting() -> None:
    wait()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def started(
    instance: dg.DagsterInstance, pid: int, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
) -> dg.DagsterRun:
    run = instance.create_run_for_job(waiting, status=status)
    instance.report_engine_event(f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid))
    return run


def tick(instance: dg.DagsterInstance) -> str:
    """A tick, and the run that it asks for; the tick's sentence."""
    with dg.build_sensor_context(instance=instance) as context:
        result = lost_runs_sensor(context)
    if isinstance(result, dg.SkipReason):
        return result.skip_message
    assert end_lost_runs.execute_in_process(instance=instance).success
    return result.tags["morpheus/reason"]


def said_of_its_end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    [failure] = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event is not None
    return str(failure.dagster_event.message)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_run_whose_process_was_killed_is_failed_so_that_it_is_retried(instance, status, fault_row: FaultRow) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run = started(instance, process.pid, status)
    assert tick(instance) == "Every run has its process."
    process.kill()
    with dg.build_sensor_context(instance=instance) as context:
        lost_runs_sensor(context)
    assert instance.get_run_by_id(run.run_id).status == status, "a look ends nothing"
    assert tick(instance) == f"1 runs have lost their process: {run.run_id}", "a zombie executes nothing"
    process.wait()
    failed = instance.get_run_by_id(run.run_id)
    assert failed.status == dg.DagsterRunStatus.FAILURE
    assert failed.tags["dagster/failure_reason"] == "UNEXPECTED_TERMINATION"
    assert tick(instance) == "Every run has its process."
    fault_row(f"kill -9 of the process of a run that is {status.value}", sentence=said_of_its_end(instance, run))


def test_a_process_number_that_was_given_away_since_is_not_mistaken_for_the_run(instance, monkeypatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run = started(instance, process.pid)
    monkeypatch.setattr("morpheus_assets.defs.jobs.lost_runs.SLACK_SECONDS", -1000.0)
    assert tick(instance) == f"1 runs have lost their process: {run.run_id}"
    process.kill()
    process.wait()


def test_a_clock_that_is_set_forward_by_an_hour_ends_no_healthy_run(instance, monkeypatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run = started(instance, process.pid)
    assert tick(instance) == "Every run has its process."
    began = psutil.Process(process.pid).create_time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: began + 3600)
    assert tick(instance) == "Every run has its process."
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.STARTED
    process.kill()
    process.wait()
    assert tick(instance) == f"1 runs have lost their process: {run.run_id}"


def test_a_process_number_that_was_given_away_between_two_looks_is_told_by_the_start_of_the_process(instance) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run = started(instance, process.pid)
    assert tick(instance) == "Every run has its process."
    pid, start = json.loads(instance.daemon_cursor_storage.get_cursor_values({_SEEN})[_SEEN])[run.run_id]
    # the same number, of a process that began a second later
    instance.daemon_cursor_storage.set_cursor_values({_SEEN: json.dumps({run.run_id: [pid, start - 100]})})
    assert tick(instance) == f"1 runs have lost their process: {run.run_id}"
    process.kill()
    process.wait()


def test_nothing_is_kept_of_the_processes_of_runs_that_have_ended(instance) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    first, second = started(instance, process.pid), started(instance, process.pid)
    tick(instance)
    instance.report_run_canceled(first)
    tick(instance)
    assert json.loads(instance.daemon_cursor_storage.get_cursor_values({_SEEN})[_SEEN]).keys() == {second.run_id}
    process.kill()
    process.wait()


def test_a_run_that_has_not_named_its_process_is_left_alone(instance) -> None:
    instance.create_run_for_job(waiting, status=dg.DagsterRunStatus.STARTED)
    assert tick(instance) == "Every run has its process."


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the project's own launcher."""
    launcher = {"module": PatientRunLauncher.__module__, "class": PatientRunLauncher.__name__}
    with dg.instance_for_test({"run_launcher": launcher}, temp_dir=str(tmp_path)) as made:
        yield made


def launched(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    run = instance.create_run_for_job(waiting, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    starting = DagsterEvent(DagsterEventType.PIPELINE_STARTING.value, waiting.name)
    instance.report_dagster_event(starting, run.run_id)
    return run


def test_a_run_whose_launch_was_cut_off_is_failed_with_a_sentence_and_does_not_wait_for_its_time(
    patient, monkeypatch, fault_row: FaultRow
) -> None:
    """A full disk takes the first event of its process, or what the launch itself notes; so does a kill."""
    run = launched(patient)
    assert tick(patient) == "Every run has its process.", "it was launched a moment ago"
    monkeypatch.setattr(lost_runs, "LAUNCH_SECONDS", -1.0)
    assert tick(patient) == f"1 runs have lost their process: {run.run_id}"
    failed = patient.get_run_by_id(run.run_id)
    assert failed.status == dg.DagsterRunStatus.FAILURE
    assert failed.tags["dagster/failure_reason"] == "UNEXPECTED_TERMINATION"
    said = said_of_its_end(patient, run)
    assert "no process has begun: its launch was cut off, as by a full disk" in said
    fault_row("a launch that is cut off, as by a full disk or a kill of the daemon", sentence=said)


def test_a_run_that_was_made_and_never_queued_is_failed_after_a_while(patient, monkeypatch) -> None:
    run = patient.create_run_for_job(waiting, status=dg.DagsterRunStatus.NOT_STARTED)
    assert tick(patient) == "Every run has its process.", "it may be queued yet"
    monkeypatch.setattr(lost_runs, "QUEUE_SECONDS", -1.0)
    assert tick(patient) == f"1 runs have lost their process: {run.run_id}"
    assert "no process has begun" in said_of_its_end(patient, run)


def test_a_launched_run_is_left_alone_while_its_code_server_does_not_answer(patient, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(lost_runs, "LAUNCH_SECONDS", -1.0)
    launched(patient, **{GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(tmp_path / "nobody")})})
    assert tick(patient) == "Every run has its process."


def test_lost_runs_are_asked_for_once_while_a_run_that_is_not_lost_itself_is_at_it(instance) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started(instance, process.pid)
    process.kill()
    process.wait()
    ending = instance.create_run_for_job(end_lost_runs, status=dg.DagsterRunStatus.STARTED)
    assert tick(instance) == f"1 runs have lost their process; the run {ending.run_id} is at it."
    instance.report_run_canceled(ending)
    lost = instance.create_run_for_job(end_lost_runs, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("Started process.", lost, EngineEventData.in_process(process.pid))
    assert "2 runs have lost their process: " in tick(instance)
