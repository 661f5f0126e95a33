"""What a novel's stored text and vectors tell a person: its cast, their looks, works like it, pairs to train with.

Pure functions over texts and arrays: no database, no provider, no Dagster.
"""
