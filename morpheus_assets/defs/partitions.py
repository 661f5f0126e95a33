"""The one partition set, `novels`, and the tags by which a run is over a range of it."""

import dagster as dg

from morpheus_assets.services.backfills import RANGE_END, RANGE_START

__all__ = ["NOVELS", "RANGE_END", "RANGE_START"]

NOVELS = dg.DynamicPartitionsDefinition(name="novels")
