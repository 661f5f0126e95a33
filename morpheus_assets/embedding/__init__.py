"""From inputs to vectors: spaces, providers, and the pipeline that packs, limits, retries and streams.

Knows nothing of Dagster, of settings or of the store: values come in as arguments, vectors go out.
"""
