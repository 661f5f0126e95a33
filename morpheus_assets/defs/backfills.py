"""Dagster in its own process as the port of services/backfills.py: all that is known of how it makes a backfill.

Dagster has no public way to launch one from inside (1.13); a test fails when one of these names moves.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from dagster._core.utils import make_new_backfill_id

from morpheus_assets.defs.partitions import partition_set
from morpheus_assets.defs.runs_at_work import runs_at_work
from morpheus_assets.services.backfills import BACKFILLS_AT_WORK

RUNNING = tuple(BulkActionStatus[status] for status in BACKFILLS_AT_WORK)


def any_running(instance: dg.DagsterInstance) -> bool:
    """True while any backfill has not ended."""
    return bool(instance.get_backfills(filters=BulkActionsFilter(statuses=list(RUNNING)), limit=1))


class InstanceBackfills:
    """The backfills of an instance, launched by the schedule of a name, or by a run."""

    def __init__(self, instance: dg.DagsterInstance, graph: BaseAssetGraph, *, schedule: str | None = None) -> None:
        self._instance = instance
        self._graph = graph
        self._tags = {SCHEDULE_NAME_TAG: schedule} if schedule else {}

    def partitions(self, asset: Sequence[str]) -> Sequence[str]:
        """The novels that are partitions of an asset, in the order of their creation."""
        definition = self._graph.get(dg.AssetKey(list(asset))).partitions_def
        return self._instance.get_dynamic_partitions(partition_set(definition))

    def running(self, tags: Mapping[str, str]) -> str | None:
        """The id of a backfill with these tags that has not ended, or None."""
        # Filtered here: Dagster's own filter by tags finds nothing where a migration of its storage has not run.
        for each in self._instance.get_backfills(filters=BulkActionsFilter(statuses=list(RUNNING))):
            if tags.items() <= each.tags.items():
                return each.backfill_id
        return None

    def launched(self, tags: Mapping[str, str]) -> str | None:
        """The id of a backfill of the last day with these tags, whatever became of it, or None."""
        recent = BulkActionsFilter(created_after=datetime.now(UTC) - timedelta(days=1))
        for each in self._instance.get_backfills(filters=recent):
            if tags.items() <= each.tags.items():
                return each.backfill_id
        return None

    def runs_at_work(self) -> Iterator[Mapping[str, str]]:
        """The tags of every run that waits or works."""
        return (run.tags for run in runs_at_work(self._instance))

    def launch(
        self,
        assets: Sequence[Sequence[str]],
        partitions: Sequence[str],
        *,
        title: str,
        description: str,
        tags: Mapping[str, str],
    ) -> str:
        """Ask the daemon to materialize some partitions of some assets; returns the backfill's id."""
        backfill_id = make_new_backfill_id()
        self._instance.add_backfill(
            PartitionBackfill.from_asset_partitions(
                backfill_id=backfill_id,
                asset_graph=self._graph,
                partition_names=list(partitions),
                asset_selection=[dg.AssetKey(path) for path in assets],
                backfill_timestamp=time.time(),
                tags={**tags, **self._tags},
                dynamic_partitions_store=self._instance,
                all_partitions=False,
                title=title,
                description=description,
                run_config=None,
            )
        )
        return backfill_id
