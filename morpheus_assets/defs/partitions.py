"""The partition sets: `novels` have a text, `panels` have pictures, `novels_with_panels` have both. Keys are the same.

The content sensors keep them as Postgres and the folder want them. What reads texts and pictures is partitioned as the
third: a backfill over partitions that an asset above does not have fails as a whole.
"""

import dagster as dg

NOVELS = dg.DynamicPartitionsDefinition(name="novels")
PANELS = dg.DynamicPartitionsDefinition(name="panels")
NOVELS_WITH_PANELS = dg.DynamicPartitionsDefinition(name="novels_with_panels")


def partition_set(definition: dg.PartitionsDefinition | None) -> str:
    """The name of an asset's or job's partition set. Raises ValueError where it has none."""
    if not isinstance(definition, dg.DynamicPartitionsDefinition) or definition.name is None:
        raise ValueError(f"{definition} is none of the partition sets of this project.")
    return definition.name
