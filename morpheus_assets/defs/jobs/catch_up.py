"""The job `ingest_unfinished`: launches what is not whole, wherever it lies among the partitions, in few runs.

A backfill of scattered partitions makes a run for each range of neighbours, and a run costs seconds before its first
novel. Here the novels in between that are whole are taken along: they cost no request.
"""

from collections.abc import Collection, Sequence

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from morpheus_assets.defs.jobs.ingest import TEXT_GROUP
from morpheus_assets.defs.partitions import NOVELS, partition_set
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.backfills import PARTITION_SET_TAG, bridge, novels_of_runs

TAGS = {"morpheus/kind": "unfinished", PARTITION_SET_TAG: partition_set(NOVELS)}
# Thirty scattered novels took 91 s in twenty runs; four run at a time.
FEW_RUNS = 4


def launch(instance: dg.DagsterInstance, graph: BaseAssetGraph, database: DatabaseResource) -> str:
    """Launch the backfill, unless an earlier one has not ended; returns a sentence."""
    from morpheus_assets.defs.backfills import InstanceBackfills

    backfills = InstanceBackfills(instance, graph)
    running = backfills.running(TAGS)
    if running:
        return f"The backfill {running} is still running, so none is added."
    assets = [key.path for key in dg.AssetSelection.groups(TEXT_GROUP).resolve(graph)]
    partitions = backfills.partitions(assets[0])
    busy = novels_of_runs(backfills.runs_at_work(), partitions, partition_set(NOVELS))
    wanted, taken = choose(database, partitions, busy)
    if not wanted:
        return "Every novel is whole, refused, or at work."
    backfill_id = backfills.launch(
        assets,
        taken,
        title=f"{len(wanted)} novels that are not whole",
        description=f"{len(taken) - len(wanted)} whole novels between them are taken along: that makes fewer runs.",
        tags=TAGS,
    )
    return f"{len(wanted)} novels are not whole: backfill {backfill_id}."


def choose(
    database: DatabaseResource, partitions: Sequence[str], busy: Collection[str], *, most_runs: int = FEW_RUNS
) -> tuple[list[str], list[str]]:
    """The novels that are not whole, and those with the whole ones in between, both in creation order.

    A novel whose file was refused, or is gone, is neither; one that a run has at work now is left to it.
    """
    from morpheus_assets.services.ingest_plan import unfinished
    from morpheus_assets.store.content.novels import ingested_digests
    from morpheus_assets.store.content.source_files import load_source_files

    free = [novel for novel in partitions if novel not in busy]
    lacking = unfinished(database.engine, database.settings, "text", free)
    digests = ingested_digests(database.engine)
    whole = {
        file.novel
        for file in load_source_files(database.engine, "text").values()
        if file.novel in digests and file.digest is not None and file.digest == digests[file.novel].text
    }
    wanted = [novel for novel in free if novel in lacking]
    return wanted, bridge(wanted, partitions, whole - lacking - set(busy), most_runs=most_runs)


@dg.op
def launch_unfinished(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Launch one backfill of the text assets for all novels that are not whole; its page shows what becomes of them."""
    context.log.info(launch(context.instance, context.repository_def.asset_graph, database))


@dg.job(tags={"morpheus/kind": "plan"})
def ingest_unfinished() -> None:
    """Brings in every novel whose file or vectors are not as they should be, in few runs however scattered they are.

    Use it in place of a backfill of missing partitions that are scattered over many novels.
    """
    launch_unfinished()
