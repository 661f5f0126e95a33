"""The only place that knows how Dagster makes a backfill from inside: it has no public way (1.13).

A test fails when one of these names moves. What is launched and when is decided in reembed.py and unfinished.py.
"""

import time
from collections.abc import Collection, Mapping, Sequence

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

RUNNING = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)


def launch_backfill(
    instance: dg.DagsterInstance,
    asset_graph: BaseAssetGraph,
    asset_keys: Collection[dg.AssetKey],
    partitions: Sequence[str],
    *,
    title: str,
    description: str,
    tags: Mapping[str, str],
) -> str:
    """Ask the daemon to materialize some partitions of some assets; returns the backfill's id."""
    backfill_id = make_new_backfill_id()
    instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id=backfill_id,
            asset_graph=asset_graph,
            partition_names=list(partitions),
            asset_selection=list(asset_keys),
            backfill_timestamp=time.time(),
            tags=dict(tags),
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=title,
            description=description,
            run_config=None,
        )
    )
    return backfill_id


def running_backfill(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> str | None:
    """The id of a backfill with these tags that has not ended, or None."""
    # Filtered here: Dagster's own filter by tags finds nothing where a migration of its storage has not run.
    for each in instance.get_backfills(filters=BulkActionsFilter(statuses=list(RUNNING))):
        if tags.items() <= each.tags.items():
            return each.backfill_id
    return None
