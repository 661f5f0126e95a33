"""The files of panels where the content lies: found again by their hash, never outside of the panels."""

import hashlib
from contextlib import suppress

from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.sources.base import Place
from morpheus_assets.sources.objects import ClosedObject


def folder_of(panels: Place, novel: str) -> str | None:
    """The name of the folder of a novel's panels, None when there is none."""
    folders, _ = panels.names()
    if novel in folders:
        return novel
    for name in folders:
        with suppress(ValueError):
            if novel_slug(name) == novel:
                return name
    return None


def find_panel(panels: Place, novel: str, path: str, within: str, most_bytes: int) -> bytes | None:
    """The bytes at `path`, or else at `within` in the novel's folder; None when there is nothing that may be read."""
    with suppress(ClosedObject):
        data = panels.read(path, most_bytes)
        if data is not None or not within:
            return data
        folder = folder_of(panels, novel)
        return panels.read(f"{folder}/{within}", most_bytes) if folder is not None else None
    return None


def read_panel(panels: Place, novel: str, path: str, content_hash: bytes | None, most_bytes: int) -> bytes | None:
    """The bytes of a stored panel, None when its file is gone or is not the same any more."""
    data = find_panel(panels, novel, path, path, most_bytes)
    return data if data is not None and content_hash in (None, hashlib.sha256(data).digest()) else None
