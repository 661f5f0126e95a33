"""The one partition set, `novels`."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    pass


NOVELS = dg.DynamicPartitionsDefinition(name="novels")


RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
