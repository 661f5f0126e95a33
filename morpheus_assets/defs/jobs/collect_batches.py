"""The job `collect_batches`: stores what the open jobs of batch APIs bring, and asks for an ordinary run over the rest.

Jobs are settled in services/batch_jobs.py; the sensor in defs/sensors/batch_jobs.py asks for a run.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from morpheus_assets.defs.assets.embeddings import text_embedder
from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import configured_spaces

if TYPE_CHECKING:
    from morpheus_assets.services.batch_jobs import Collected


def collect(
    instance: dg.DagsterInstance,
    graph: BaseAssetGraph,
    database: DatabaseResource,
    providers: ProvidersResource,
    *,
    run_id: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator["Collected | EmbeddingError"]:
    """Collect every open job that is due, launch what is left of it, and end it; each with what became of it.

    A job that cannot be collected now gives its error; its answers wait at the provider.
    """
    from morpheus_assets.services.batch_jobs import collect_jobs
    from morpheus_assets.store.spaces.batch_jobs import end_batch_job

    embed = text_embedder(providers, database)
    for done in collect_jobs(database.engine, database.settings, embed, say, run_id=run_id):
        if not isinstance(done, EmbeddingError) and done.follow_up:
            launched = _go_over(instance, graph, database, done)
            if launched:
                say(launched)
            end_batch_job(database.engine, done.job)
        yield done


def _go_over(
    instance: dg.DagsterInstance, graph: BaseAssetGraph, database: DatabaseResource, done: "Collected"
) -> str | None:
    from morpheus_assets.defs.backfills import InstanceBackfills
    from morpheus_assets.services.batch_jobs import sends_the_rest
    from morpheus_assets.services.reembedding_launch import go_over
    from morpheus_assets.services.reembedding_plan import make_plan

    settings, row = database.settings, done.row
    space = next((each for each in configured_spaces(settings, row.purpose) if each.key == row.key), None)
    if space is None:
        return None
    plan = make_plan(database.engine, settings, batch=False)
    if not sends_the_rest(done.job):
        plan = replace(plan, spaces=tuple(replace(each, chosen=()) for each in plan.spaces))
    return go_over(database.engine, InstanceBackfills(instance, graph), plan, done.job, space)


@dg.op(
    description="Stores the answers of batch jobs that have ended, as batches of ordinary requests are stored, and"
    " launches a backfill over their novels: it records what is whole and sends what was not answered."
)
def collect_batch_jobs(
    context: dg.OpExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    providers: dg.ResourceParam[ProvidersResource],
) -> None:
    """Goes on with the others when one job cannot be collected, and fails then."""
    said: list[str] = []
    faults: list[str] = []
    graph = context.repository_def.asset_graph
    for done in collect(context.instance, graph, database, providers, run_id=context.run_id, say=context.log.info):
        if isinstance(done, EmbeddingError):
            faults.append(str(done))
            context.log.error(str(done))
            continue
        said.append(done.said)
        context.log.info(done.said)
        job = done.job
        metadata: dict[str, Any] = {"batch_job": job.job or job.token, "inputs": job.inputs, "stored": job.stored}
        key = dg.AssetKey(space_asset(done.row))
        context.log_event(dg.AssetObservation(key, description=done.said, metadata=metadata))
    if faults:
        raise dg.Failure(description="\n".join(faults), allow_retries=False)
    context.add_output_metadata({"jobs": dg.MetadataValue.md("\n\n".join(said) or "No batch job has ended.")})


@dg.job(
    tags={"morpheus/kind": "collect"},
    # what it stores comes as one file; what is left is embedded by the backfill's runs
    executor_def=dg.in_process_executor,
    description="Collects the jobs of providers' batch APIs (`morpheus batches` lists them). The sensor"
    " batch_jobs_sensor asks for it; run by hand it does the same, and nothing when no job has ended.",
)
def collect_batches() -> None:
    """One op."""
    collect_batch_jobs()
