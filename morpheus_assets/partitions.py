"""The one partition set, `novels`."""

import dagster as dg

NOVELS = dg.DynamicPartitionsDefinition(name="novels")
