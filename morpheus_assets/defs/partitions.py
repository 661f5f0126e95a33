"""The two partition sets: `novels` are those with a text, `panels` those with pictures. A key is the same in both.

Their sensors keep them as Postgres and the content folder want them. What needs text and pictures is partitioned as
PANELS, and gives nothing for a novel without a text.
"""

import dagster as dg

NOVELS = dg.DynamicPartitionsDefinition(name="novels")
PANELS = dg.DynamicPartitionsDefinition(name="panels")


def partition_set(definition: dg.PartitionsDefinition | None) -> str:
    """The name of an asset's or job's partition set. Raises ValueError where it has none."""
    if not isinstance(definition, dg.DynamicPartitionsDefinition) or definition.name is None:
        raise ValueError(f"{definition} is none of the partition sets {NOVELS.name} and {PANELS.name}.")
    return definition.name
