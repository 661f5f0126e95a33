"""Chapters to chunks: passages small enough for the smallest default model. Imports nothing: settings.py is light."""
