"""The sensor that runs failed ingests again while Postgres says that they left something undone.

Dagster itself repeats a run only when its process crashed; a provider that was down, or a database, fails a step.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import dagster as dg

from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.defs.partitions import NOVELS, PANELS, partition_set
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.runs_at_work import runs_at_work
from morpheus_assets.defs.sensors.new_content import embeddings_of
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.services.asset_names import ASSET_PREFIXES
from morpheus_assets.services.backfills import PARTITION_TAG, RANGE_END, RANGE_START, novels_of_runs
from morpheus_assets.services.ingest_plan import unfinished
from morpheus_assets.services.settings_digest import settings_digest
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import StoreError

# From the failed run's end; after the last one the nightly schedule goes on with what lacks vectors.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 180))
TRY_TAG, AGAIN_TAG = "morpheus/try", "morpheus/again_for"
WILL_RETRY_TAG = "dagster/will_retry"
_LOOK_BACK = timedelta(days=1)
_RUNS_LOOKED_AT = 500


@dg.sensor(
    jobs=[INGEST_NOVELS, INGEST_PANELS],
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a failed ingest again after 1, 5, 20, 60 and 180 minutes, while its novels are not whole, and"
    " at once after a change of settings."
    " What is stored is not asked for again, a file that was refused is not read again until it changes, and a run that"
    " a person cancelled stays cancelled.",
)
def failed_ingests_sensor(
    context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.SensorResult | dg.SkipReason:
    """The requests carry `morpheus/try` and the failed run's id."""
    now, digest = datetime.now(UTC), settings_digest(database.settings)
    # what failed for a setting that has been changed since has nothing to wait for
    changed = context.cursor not in (None, "", digest)
    failed = due(context.instance, now, at_once=changed)
    if not failed:
        context.update_cursor(digest)
        return dg.SkipReason("No failed ingest waits for another try.")
    at_work = [run.tags for run in runs_at_work(context.instance, tags={"morpheus/kind": "ingest"})]
    requests = []
    try:
        for job, purpose, definition in ((INGEST_NOVELS, "text", NOVELS), (INGEST_PANELS, "image", PANELS)):
            name = partition_set(definition)
            partitions = context.instance.get_dynamic_partitions(name)
            busy = novels_of_runs(at_work, partitions, name)
            for run in (run for run in failed if run.job_name == job.name):
                # of an earlier version, which had one set for both, a run carries no name of a set
                novels = novels_of_runs([run.tags], partitions)
                if busy.isdisjoint(novels) and unfinished(database.engine, database.settings, purpose, novels):
                    requests.append(again(run, _assets(run, database.settings, purpose, novels)))
                    busy.update(novels)
    except (StoreError, ConfigurationError) as fault:
        return dg.SkipReason(str(fault))
    if not requests:
        context.update_cursor(digest)
        said = counted(len(failed), "ingest")
        return dg.SkipReason(f"{said} failed, but what it was of is whole, refused, or at work.")
    return dg.SensorResult(run_requests=requests[: database.settings.max_runs_per_tick], cursor=digest)


def due(instance: dg.DagsterInstance, now: datetime, *, at_once: bool = False) -> list[dg.DagsterRun]:
    """Failed ingests whose wait is over and that were not run again yet, the latest first.

    `at_once`: of the last day all that were not, however often they were tried.
    """
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE],
            tags={"morpheus/kind": "ingest"},
            updated_after=now - _LOOK_BACK,
        ),
        limit=_RUNS_LOOKED_AT,
    )
    waited = []
    for record in records:
        run = record.dagster_run
        tries = int(run.tags.get(TRY_TAG, 0))
        # Dagster makes the next run of a crashed one itself.
        if run.tags.get(WILL_RETRY_TAG) == "true" or (tries >= len(WAITS) and not at_once):
            continue
        ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
        if at_once or now - ended >= WAITS[tries]:
            waited.append(run)
    if not waited:
        return []
    repeated = instance.get_runs(dg.RunsFilter(tags={AGAIN_TAG: [run.run_id for run in waited]}))
    done = {run.tags[AGAIN_TAG] for run in repeated}
    return [run for run in waited if run.run_id not in done]


def again(run: dg.DagsterRun, assets: list[dg.AssetKey] | None) -> dg.RunRequest:
    """The request that repeats a run over some of its job's assets; its key makes sure that this happens once."""
    kept = (RANGE_START, RANGE_END, "morpheus/novel", "morpheus/panels_of")
    tags = {name: run.tags[name] for name in kept if name in run.tags}
    return dg.RunRequest(
        run_key=f"again:{run.run_id}",
        job_name=run.job_name,
        partition_key=run.tags.get(PARTITION_TAG) if RANGE_START not in run.tags else None,
        asset_selection=assets,
        tags={**tags, TRY_TAG: str(int(run.tags.get(TRY_TAG, 0)) + 1), AGAIN_TAG: run.run_id},
    )


def _assets(run: dg.DagsterRun, settings: Settings, purpose: str, novels: Collection[str]) -> list[dg.AssetKey] | None:
    """The assets of a run, with the spaces of today: an asset that is no more, or was renamed, cannot be asked for."""
    if not run.asset_selection:
        return None
    others = sorted(key for key in run.asset_selection if key.path[0] not in ASSET_PREFIXES.values())
    embeds = len(others) < len(run.asset_selection)
    return [*others, *(embeddings_of(settings, purpose, min(novels, default="")) if embeds else ())]
