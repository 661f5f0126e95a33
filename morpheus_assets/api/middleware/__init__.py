"""Layers around every request: access, the request log."""
