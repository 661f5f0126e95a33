"""Accounts with the providers: rate limits, spending, keys, jobs, re-embeddings."""
