"""Embedding spaces, their vectors and indexes, and what is missing, refused, claimed or drifting in them."""
