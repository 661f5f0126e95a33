import inspect

import dagster as dg

from morpheus_assets.defs import backfills


def test_the_private_parts_of_dagster_are_where_they_were(instance: dg.DagsterInstance) -> None:
    wanted = {
        "backfill_id", "asset_graph", "partition_names", "asset_selection", "backfill_timestamp", "tags",
        "dynamic_partitions_store", "all_partitions", "title", "description", "run_config",
    }  # fmt: skip
    assert set(inspect.signature(backfills.PartitionBackfill.from_asset_partitions).parameters) == wanted
    assert {status.name for status in backfills.RUNNING} == {"REQUESTED", "CANCELING", "FAILING"}
    assert callable(instance.add_backfill)
    assert callable(instance.get_backfills)
