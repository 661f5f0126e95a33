"""The sensor that looks at the open jobs of batch APIs, and asks for a run that collects those that have ended."""

import json
import time
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.jobs.collect_batches import collect_batches
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.runs_at_work import runs_at_work
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.wording import counted
from morpheus_assets.store.database.errors import StoreError

if TYPE_CHECKING:
    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.services.batch_jobs import LookedAt

# A run that failed at a job is followed by another one so much later.
_AGAIN_SECONDS = 600


@dg.sensor(
    job=collect_batches,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks the providers for the state of the open batch jobs, and for a run of collect_batches when one has"
    " ended, is later than promised, or was left by a process that was killed. How far each is stands in the tick's log"
    " and, as an observation, at the asset of its space.",
)
def batch_jobs_sensor(
    context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.SensorResult | dg.SkipReason:
    """Stores nothing and moves no job: a run does."""
    from morpheus_assets.services.batch_jobs import look_at_jobs
    from morpheus_assets.store.spaces.spaces import list_spaces

    try:
        seen = look_at_jobs(database.engine, database.settings)
        # text alone has batch APIs
        spaces = {row.key: row for row in list_spaces(database.engine, "text")} if seen else {}
    except StoreError as fault:
        return dg.SkipReason(str(fault))
    if not seen:
        return dg.SkipReason("No batch job is open.")
    for each in seen:
        context.log.info(each.said)
    before = json.loads(context.cursor or "{}")
    now = {each.job.token: [each.status.completed, each.status.failed] for each in seen if each.status}
    events = [
        _observation(each, spaces[each.job.space_key])
        for each in seen
        if each.status and before.get(each.job.token) != now[each.job.token] and each.job.space_key in spaces
    ]
    requests = []
    due = sorted(f"{each.job.id}:{each.job.state}" for each in seen if each.due)
    if due and not runs_at_work(context.instance, job=collect_batches.name, limit=1):
        key = f"batches:{','.join(due)}:{int(time.time() // _AGAIN_SECONDS)}"
        requests.append(
            dg.RunRequest(
                run_key=key, tags={"morpheus/reason": f"{counted(len(due), 'batch job is', 'batch jobs are')} due"}
            )
        )
    skip = None if requests else dg.SkipReason(" ".join(each.said for each in seen))
    return dg.SensorResult(run_requests=requests, skip_reason=skip, asset_events=events, cursor=json.dumps(now))


def _observation(seen: "LookedAt", space: "SpaceRow") -> dg.AssetObservation:
    assert seen.status is not None
    return dg.AssetObservation(
        space_asset(space),
        description=seen.said,
        metadata={
            "batch_job": seen.job.job or "",
            "status": seen.status.status,
            "answered": seen.status.completed,
            "failed": seen.status.failed,
            "inputs": seen.job.inputs,
        },
    )
