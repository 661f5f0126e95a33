"""The job that ends runs whose process is gone, so that Dagster tries them again; the sensor asks for it."""

import json
import math
import time

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason

from morpheus_assets.defs.run_launcher import PatientRunLauncher

# Between the start of a process and its event, and between two clocks' readings.
SLACK_SECONDS = 60.0
# From the launch of a run until the code server holds its process, and of one that is in no queue from the first look.
LAUNCH_SECONDS, QUEUE_SECONDS = 10.0, 12.0
# In Dagster's storage: the processes of the runs at work as they were last seen, and when one without was seen first.
_SEEN = "morpheus/run_processes"


@dg.op(description="Marks every run as failed whose process on this machine has ended without a word.")
def fail_lost_runs(context: dg.OpExecutionContext) -> None:
    """Looks again by itself: what was lost when the run was asked for may have ended by now."""
    lost = lost_runs(context.instance)
    for run in lost:
        why = "its process is gone: it was killed, or the machine was restarted"
        if _process_said(context.instance, run) is None:
            why = "no process has begun: its launch was cut off, as by a full disk or a kill"
        context.log.warning(f"run {run.run_id}: {why}")
        context.instance.report_run_failed(
            run,
            f"This run is lost, for {why}. What it had stored is kept.",
            JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION),
        )
    context.add_output_metadata({"lost": len(lost), "runs": dg.MetadataValue.json([run.run_id for run in lost])})


@dg.job(
    tags={"morpheus/kind": "lost", "dagster/priority": "5"},
    # it looks at the processes of this machine, whatever MORPHEUS_EXECUTOR says
    executor_def=dg.in_process_executor,
    description="Marks runs as failed whose process is gone; Dagster then tries them again. The sensor lost_runs_sensor"
    " asks for it. Nothing that was stored is lost, and nothing that was embedded is paid for again.",
)
def end_lost_runs() -> None:
    """One op."""
    fail_lost_runs()


def lost_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that should be at work and whose process is gone; what was seen of the others' is kept for next time.

    A process is known again by its start in ticks of the machine, so that a clock that is set ends no healthy run; only
    one that is seen for the first time is judged by the clock that its run wrote.
    """
    statuses = [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=statuses))
    if not runs:
        return []
    stored = instance.daemon_cursor_storage.get_cursor_values({_SEEN}).get(_SEEN)
    seen: dict[str, list[float]] = json.loads(stored) if stored else {}
    lost, kept = [], {}
    for run in runs:
        if run.status == dg.DagsterRunStatus.NOT_STARTED:
            # by a clock that nobody sets, and that all processes of a machine share
            now = time.monotonic()
            since = min(now, seen.get(run.run_id, [0, now])[1])
            kept[run.run_id] = [0, since]
            if now - since > QUEUE_SECONDS:
                lost.append(run)
            continue
        said = _process_said(instance, run)
        if said is None:
            if _was_cut_off(instance, run):
                lost.append(run)
            continue
        pid, at = said
        start = _start_of(pid)
        before = seen.get(run.run_id)
        if before is not None and before[0] == pid:
            alive = start == before[1]
        else:
            alive = start is not None and _began(pid) < at + SLACK_SECONDS
        if alive and start is not None:
            kept[run.run_id] = [pid, start]
        else:
            lost.append(run)
            if before is not None:
                kept[run.run_id] = before
    if kept != seen:
        instance.daemon_cursor_storage.set_cursor_values({_SEEN: json.dumps(kept)})
    return lost


def _was_cut_off(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """True of a run that was launched a moment ago, and for which the code server holds no process."""
    launcher = instance.run_launcher
    if run.status != dg.DagsterRunStatus.STARTING or not isinstance(launcher, PatientRunLauncher):
        return False
    launched = instance.get_run_stats(run.run_id).launch_time
    return launched is not None and time.time() - launched > LAUNCH_SECONDS and launcher.has_process(run) is False


def _process_said(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[int, float] | None:
    """The number of the process that said last that it was executing `run`, and when (seconds of 1970), or None."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for event in reversed(events):
        data = event.dagster_event.engine_event_data if event.dagster_event else None
        pid = data.metadata.get("pid") if data else None
        if pid is not None:
            return int(str(pid.value)), event.timestamp
    return None


def _start_of(pid: int) -> float | None:
    """The start of a process that executes something, as process_start has it; None where there is none."""
    import psutil

    from morpheus_assets.services.process_start import process_start

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process_start(process)
    except psutil.NoSuchProcess:
        return None


def _began(pid: int) -> float:
    """When a process began by the clock of now, in seconds of 1970; of one that is gone, never."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return math.inf
