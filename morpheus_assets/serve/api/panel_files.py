"""The files of panels in the content folder: found again by their hash, never outside the folder."""

import hashlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from morpheus_assets.slugs import novel_slug


def folder_of(panels_folder: Path, novel: str) -> Path | None:
    """The folder of a novel's panels, None when there is none."""
    exact = panels_folder / novel
    if exact.is_dir():
        return exact
    if not panels_folder.is_dir():
        return None
    for path in sorted(panels_folder.iterdir()):
        with suppress(ValueError):
            if path.is_dir() and novel_slug(path.name) == novel:
                return path
    return None


def inside(folder: Path, path: str) -> Path | None:
    """The file at a relative path, None when it is missing or would lie outside of `folder`."""
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or "\0" in path:
        return None
    found = (folder / relative).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        return None
    return found


def read_panel(panels_folder: Path, novel: str, path: str, content_hash: bytes | None, most_bytes: int) -> bytes | None:
    """The bytes of a stored panel, None when its file is gone or is not the same any more."""
    folder = folder_of(panels_folder, novel)
    file = inside(panels_folder, path) or (inside(folder, path) if folder is not None else None)
    if file is None or file.stat().st_size > most_bytes:
        return None
    data = file.read_bytes()
    return data if content_hash in (None, hashlib.sha256(data).digest()) else None
