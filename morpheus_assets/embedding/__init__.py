"""Inputs become vectors: spaces, providers, requests under a shared budget, and the stream.

Knows nothing of Dagster, settings or the store: values come in as arguments, vectors go out.
"""
