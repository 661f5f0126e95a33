"""The one partition set, `novels`."""

import dagster as dg

NOVELS = dg.DynamicPartitionsDefinition(name="novels")


RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
