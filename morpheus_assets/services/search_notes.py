"""Sentences that an answer holds beside its hits; apart, so that a command can tell them without loading a search."""

from collections.abc import Sequence

NOTHING_YET = "Nothing is embedded yet: drop a novel into the content folder and wait for its run."
NO_PANELS_YET = "No panels are embedded yet: drop images into panels/<novel>/ and wait for the run."


def told_apart(notes: Sequence[str]) -> tuple[list[str], str]:
    """The notes beside hits, and what to say where there are none: that nothing is there yet, if a note says so."""
    nothing_yet = [note for note in notes if note in (NOTHING_YET, NO_PANELS_YET)]
    return [note for note in notes if note not in nothing_yet], nothing_yet[0] if nothing_yet else "Nothing found."
