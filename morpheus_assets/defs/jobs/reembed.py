"""Launches what a plan of re-embedding chose, as backfills; the schedule's work, without its clock.

What lacks what, and what it costs, is in reembedding_plan.py; the private side of Dagster is in backfills.py.
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.storage.tags import PARTITION_NAME_TAG, SCHEDULE_NAME_TAG
from sqlalchemy import Engine

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.backfills import launch_backfill, running_backfill
from morpheus_assets.defs.partitions import NOVELS, RANGE_END, RANGE_START
from morpheus_assets.services.reembedding_launch import SPACE_TAG, order_for
from morpheus_assets.services.reembedding_plan import Plan, describe_space, whole_novels
from morpheus_assets.store.accounts import reembeddings

UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)


def launch_reembedding(
    engine: Engine, instance: dg.DagsterInstance, asset_graph: BaseAssetGraph, plan: Plan
) -> list[str]:
    """Launch one backfill for each space of `plan`; returns a sentence for each space that lacks something.

    A space whose earlier backfill has not ended is left alone: the same work is never asked for twice.
    """
    partitions = instance.get_dynamic_partitions(NOVELS.name or "novels")
    busy = busy_novels(instance, partitions)
    said = []
    for each in plan.spaces:
        running = running_backfill(instance, {SPACE_TAG: each.space.key})
        if running:
            said.append(f"{each.space.key}: the backfill {running} is still running, so none is added.")
            continue
        order = order_for(
            each,
            partitions,
            busy=busy,
            whole=whole_novels(engine, each.space.purpose, [work.novel for work in each.work]),
            description="\n".join(describe_space(each)),
        )
        if order is None:
            said.append(
                f"{each.space.key}: {len(each.work)} novels lack vectors, and none of them can be taken tonight."
            )
            continue
        backfill_id = launch_backfill(
            instance,
            asset_graph,
            [embeddings_key(order.space)],
            order.partitions,
            title=order.title,
            description=order.description,
            tags={**order.tags, SCHEDULE_NAME_TAG: "reembed_on_model_change"},
        )
        reembeddings.record_launch(engine, order.launched(backfill_id))
        said.append(f"{order.title} (backfill {backfill_id}).")
    return said


def busy_novels(instance: dg.DagsterInstance, partitions: Sequence[str]) -> set[str]:
    """The novels of runs that wait or work now: they embed what they bring in themselves."""
    place = {novel: index for index, novel in enumerate(partitions)}
    busy: set[str] = set()
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED))):
        single = run.tags.get(PARTITION_NAME_TAG)
        first, last = run.tags.get(RANGE_START, single), run.tags.get(RANGE_END, single)
        if first in place and last in place:
            busy.update(partitions[place[first] : place[last] + 1])
    return busy
