"""The HTTP API: one small module a concern; app.py puts them together."""
