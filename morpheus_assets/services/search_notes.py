"""Sentences that an answer holds beside its hits; apart, so that a command can tell them without loading a search."""

NOTHING_YET = "Nothing is embedded yet: drop a novel into the content folder and wait for its run."
NO_PANELS_YET = "No panels are embedded yet: drop images into panels/<novel>/ and wait for the run."
