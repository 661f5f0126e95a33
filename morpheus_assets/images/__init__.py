"""Panels: which files they are, and how their bytes become upright RGB; knows no store and no model."""
