"""Bytes become a document, its chapters and its chunks. Pure functions: no Dagster, no SQL, no network."""
