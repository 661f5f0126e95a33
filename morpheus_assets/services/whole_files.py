"""Files that are replaced as a whole: a reader sees the text before or the one after, also when the disk is full."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Put `text` in place of what a file holds, readable by its owner alone; a link to it goes on leading there.

    Raises OSError where there is no room or no right; what the file held then stands, and nothing is left beside it.
    """
    there = path.resolve()
    beside = there.with_name(f"{there.name}.new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(there)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
