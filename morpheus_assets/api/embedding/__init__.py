"""Embedding on request: open providers, batching, budget, spending, cached vectors."""
