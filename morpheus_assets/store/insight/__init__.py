"""What the insight assets found: casts, looks, mean vectors, pairs to train with."""
