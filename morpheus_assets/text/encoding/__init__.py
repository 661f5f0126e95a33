"""Bytes to characters: how an encoding is recognised and what is repaired on the way."""
