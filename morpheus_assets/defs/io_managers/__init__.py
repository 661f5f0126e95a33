"""Storing and loading the rows of assets, and reporting them to Dagster; nothing is computed here."""
