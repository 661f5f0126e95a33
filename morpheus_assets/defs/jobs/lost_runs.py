"""The job that ends runs whose process is gone, so that Dagster tries them again; the sensor asks for it."""

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason

# Between the start of a process and its event, and between two clocks' readings.
SLACK_SECONDS = 60.0


@dg.op(description="Marks every run as failed whose process on this machine has ended without a word.")
def fail_lost_runs(context: dg.OpExecutionContext) -> None:
    """Looks again by itself: what was lost when the run was asked for may have ended by now."""
    lost = lost_runs(context.instance)
    for run in lost:
        context.log.warning(f"run {run.run_id}: its process is gone")
        context.instance.report_run_failed(
            run,
            "The process of this run is gone: it was killed, or the machine was restarted. What it had stored is kept.",
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
    """The runs that should be at work and whose process is gone."""
    statuses = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    filters = dg.RunsFilter(statuses=statuses)
    return [run for run in instance.get_runs(filters=filters) if is_lost(instance, run)]


def is_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """True when the process that said it was executing `run` is gone; False also when none has said so yet."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for event in reversed(events):
        data = event.dagster_event.engine_event_data if event.dagster_event else None
        pid = data.metadata.get("pid") if data else None
        if pid is not None:
            return not _is_running(int(str(pid.value)), before=event.timestamp + SLACK_SECONDS)
    return False


def _is_running(pid: int, *, before: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        # a number that was given to another process since tells nothing
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < before
    except psutil.NoSuchProcess:
        return False
