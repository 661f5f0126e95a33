"""The sensor that notices runs whose process is gone, so that they are retried and not waited for.

Dagster's own monitoring asks the launcher, and the launcher of local processes cannot tell: after a kill -9 of the
code server such a run would hold its place in the queue for its whole allowed time.
"""

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher

from morpheus_assets.defs.jobs.lost_runs import end_lost_runs, lost_runs
from morpheus_assets.defs.runs_at_work import runs_at_work


@dg.sensor(
    job=end_lost_runs,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run of end_lost_runs when the process of a run on this machine has ended without a word, as"
    " after a kill or a restart. Where runs are launched elsewhere (Kubernetes) their launcher watches them.",
)
def lost_runs_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Nothing that was stored is lost, and nothing that was embedded is paid for again."""
    if not isinstance(context.instance.run_launcher, DefaultRunLauncher):
        return dg.SkipReason("Runs are launched elsewhere, and watched by their launcher.")
    lost = {run.run_id for run in lost_runs(context.instance)}
    if not lost:
        return dg.SkipReason("Every run has its process.")
    at_work = {run.run_id for run in runs_at_work(context.instance, job=end_lost_runs.name)} - lost
    if at_work:
        return dg.SkipReason(f"{len(lost)} runs have lost their process; the run {min(at_work)} is at it.")
    return dg.RunRequest(
        tags={"morpheus/reason": f"{len(lost)} runs have lost their process: {', '.join(sorted(lost))}"}
    )
