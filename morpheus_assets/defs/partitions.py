"""The one partition set, `novels`: one key a novel."""

import dagster as dg

NOVELS = dg.DynamicPartitionsDefinition(name="novels")
