"""What providers are owed and allowed: limits, spending, keys, jobs, re-embeddings."""
