"""The sensor that notices runs whose process is gone, so that they are retried and not waited for.

Dagster's own monitoring asks the launcher, and the launcher of local processes cannot tell: after a kill -9 of the
code server such a run would hold its place in the queue for its whole allowed time.
"""

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.launcher import DefaultRunLauncher

# Between the start of a process and its event, and between two clocks' readings.
SLACK_SECONDS = 60.0


@dg.sensor(target=None, minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def lost_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Mark runs as failed whose process on this machine has ended without a word; Dagster then retries them.

    Nothing that was stored is lost, and nothing that was embedded is paid for again. Where runs are launched
    elsewhere (Kubernetes, Celery) their launcher watches them, and this sensor does nothing.
    """
    if not isinstance(context.instance.run_launcher, DefaultRunLauncher):
        return dg.SkipReason("Runs are launched elsewhere, and watched by their launcher.")
    lost = [run for run in _started(context.instance) if is_lost(context.instance, run)]
    for run in lost:
        context.log.warning("run %s: its process is gone", run.run_id)
        context.instance.report_run_failed(
            run,
            "The process of this run is gone: it was killed, or the machine was restarted. What it had stored is kept.",
            JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION),
        )
    return dg.SkipReason(f"{len(lost)} runs had lost their process." if lost else "Every run has its process.")


def is_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """True when the process that said it was executing `run` is gone; False also when none has said so yet."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for event in reversed(events):
        data = event.dagster_event.engine_event_data if event.dagster_event else None
        pid = data.metadata.get("pid") if data else None
        if pid is not None:
            return not _is_running(int(str(pid.value)), before=event.timestamp + SLACK_SECONDS)
    return False


def _started(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    return list(instance.get_runs(filters=filters))


def _is_running(pid: int, *, before: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        # a number that was given to another process since tells nothing
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < before
    except psutil.NoSuchProcess:
        return False
