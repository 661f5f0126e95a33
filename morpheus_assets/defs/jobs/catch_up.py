"""The job `ingest_unfinished`: launches what is not whole, wherever it lies among the partitions, in few runs.

A backfill of scattered partitions makes a run for each range of neighbours, and a run costs seconds before its first
novel. Here the novels in between that are whole are taken along: they cost no request.
"""

from collections.abc import Collection, Sequence

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from morpheus_assets.defs.jobs.ingest import PANELS_GROUP, TEXT_GROUP
from morpheus_assets.defs.partitions import NOVELS, PANELS, partition_set
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.backfills import PARTITION_SET_TAG, bridge, novels_of_runs
from morpheus_assets.services.wording import counted

# Thirty scattered novels took 91 s in twenty runs; four run at a time.
FEW_RUNS = 4


def launch(instance: dg.DagsterInstance, graph: BaseAssetGraph, database: DatabaseResource) -> str:
    """Launch a backfill of texts and one of panels, unless an earlier one has not ended; returns sentences."""
    kinds = ((TEXT_GROUP, "text", NOVELS, ""), (PANELS_GROUP, "image", PANELS, "Panels: "))
    said = [
        prefix + sentence
        for group, purpose, definition, prefix in kinds
        if (sentence := _launch(instance, graph, database, group, purpose, partition_set(definition)))
    ]
    return "\n".join(said) or "Every novel is whole, refused, or at work."


def _launch(
    instance: dg.DagsterInstance, graph: BaseAssetGraph, database: DatabaseResource, group: str, purpose: str, name: str
) -> str | None:
    from morpheus_assets.defs.backfills import InstanceBackfills

    backfills = InstanceBackfills(instance, graph)
    tags = {"morpheus/kind": "unfinished", PARTITION_SET_TAG: name}
    running = backfills.running(tags)
    if running:
        return f"The backfill {running} is still running, so none is added."
    assets = [key.path for key in dg.AssetSelection.groups(group).resolve(graph)]
    partitions = instance.get_dynamic_partitions(name)
    busy = novels_of_runs(backfills.runs_at_work(), partitions, name)
    wanted, taken = choose(database, partitions, busy, purpose=purpose)
    if not wanted:
        return None
    backfill_id = backfills.launch(
        assets,
        taken,
        title=f"{counted(len(wanted), 'novel that is', 'novels that are')} not whole",
        description=f"Taken along: {counted(len(taken) - len(wanted), 'whole novel')} between them, for fewer runs.",
        tags=tags,
    )
    return f"{counted(len(wanted), 'novel is', 'novels are')} not whole: backfill {backfill_id}."


def choose(
    database: DatabaseResource,
    partitions: Sequence[str],
    busy: Collection[str],
    *,
    purpose: str = "text",
    most_runs: int = FEW_RUNS,
) -> tuple[list[str], list[str]]:
    """The novels that are not whole, and those with the whole ones in between, both in creation order.

    `purpose` is "text" for texts, "image" for panels. A novel whose file was refused, or is gone, is neither; one that
    a run has at work now is left to it.
    """
    from morpheus_assets.services.ingest_plan import unfinished

    free = [novel for novel in partitions if novel not in busy]
    lacking = unfinished(database.engine, database.settings, purpose, free)
    wanted = [novel for novel in free if novel in lacking]
    whole = _as_their_files(database, purpose) - lacking - set(busy)
    return wanted, bridge(wanted, partitions, whole, most_runs=most_runs)


def _as_their_files(database: DatabaseResource, purpose: str) -> set[str]:
    """The novels whose texts, or panels, are stored as the files that were seen last."""
    from morpheus_assets.store.content.novels import ingested_digests
    from morpheus_assets.store.content.source_files import load_source_files

    digests = ingested_digests(database.engine)
    if purpose == "text":
        return {
            file.novel
            for file in load_source_files(database.engine, "text").values()
            if file.novel in digests and file.digest is not None and file.digest == digests[file.novel].text
        }
    files = load_source_files(database.engine, "panel").values()
    changing = {file.novel for file in files if file.digest is None}
    return {file.novel for file in files if file.novel in digests and digests[file.novel].panels} - changing


@dg.op
def launch_unfinished(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Launch a backfill of texts and one of panels for all novels that are not whole; its page shows how it goes."""
    context.log.info(launch(context.instance, context.repository_def.asset_graph, database))


@dg.job(tags={"morpheus/kind": "plan"})
def ingest_unfinished() -> None:
    """Brings in every novel whose files or vectors are not as they should be, in few runs however scattered they are.

    Texts and panels, also those whose run a person cancelled. Use it in place of a backfill of missing partitions that
    are scattered over many novels.
    """
    launch_unfinished()
