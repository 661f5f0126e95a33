"""What is stored, and what Dagster is told about it."""
