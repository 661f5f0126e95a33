"""Ranking of stored passages and panels: by vector, by words, by both."""
