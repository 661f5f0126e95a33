"""How the name of a file or folder becomes the key of a novel; known to Dagster and to the HTTP API alike."""

import re

from anyascii import anyascii

MAX_SLUG_LENGTH = 80
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


def novel_slug(name: str) -> str:
    """Turn the stem of a file or the name of a folder into a partition key such as `pride-and-prejudice`.

    Letters of other scripts are transliterated. Raises `ValueError` with a sentence when nothing is left.
    """
    words = re.sub(r"[^a-z0-9]+", "-", anyascii(name).lower().replace("'", "")).strip("-")
    slug = words[:MAX_SLUG_LENGTH].rstrip("-")
    if not slug:
        raise ValueError(f"{name!r} has no letter or digit that a novel's key could be made of; rename the file.")
    return slug


def is_novel_slug(key: str) -> bool:
    """True when `key` is fit to be a partition key; Dagster itself would accept `a...b` and line breaks."""
    return len(key) <= MAX_SLUG_LENGTH and _SLUG.fullmatch(key) is not None
