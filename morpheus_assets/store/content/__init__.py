"""Novels, chapters, chunks, panels and the files they came from."""
