"""Turns novels and comic panels into searchable vectors in Postgres, by Dagster."""
