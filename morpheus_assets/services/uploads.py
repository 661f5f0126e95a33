"""Novels and panels that come over the network: written into the content folder, where the sensors find them.

The same names are taken as of what a person drops there; nothing is ever overwritten.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from morpheus_assets.sources.base import Entry, Source
from morpheus_assets.sources.listing import folder_of
from morpheus_assets.sources.names import MAX_PANEL_BYTES, Passed, not_a_panel, take_novel

MOST_FILES = 5_000
# Of all that an archive holds: what it unpacks to is bounded, not what it says of itself.
MOST_UNPACKED_BYTES = 1024 * 1024 * 1024


class UploadRefused(ValueError):
    """What was sent cannot be taken; the message is a sentence."""


class AnotherFileThere(UploadRefused):
    """A file of that name with other bytes lies there already."""


@dataclass
class Uploaded:
    """What became of the files of one upload: paths in the content folder, and sentences on those left out."""

    novel: str
    stored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def upload_novel(novels: Source, name: str, data: bytes) -> Uploaded:
    """Put a novel's file beside the others. Raises UploadRefused for a name that the sensor would not take."""
    taken = take_novel(Entry(name, len(data)))
    if isinstance(taken, Passed) or "/" in name:
        reason = taken.problem if isinstance(taken, Passed) and taken.problem else f"{name!r} is not a file's name."
        raise UploadRefused(reason)
    found = Uploaded(taken.novel)
    if not _put(novels, name, data, found):
        raise AnotherFileThere(f"Another file named {name!r} lies there: send it under another name.")
    return found


def upload_panels(panels: Source, novel: str, name: str, data: bytes) -> Uploaded:
    """Put the pictures of an archive (.zip, .cbz), or one picture, into the folder of a novel.

    A file that is no panel, or is there with other bytes, is left out with a sentence. Raises UploadRefused for what is
    no archive and no picture, or unpacks to too much.
    """
    folder, found = folder_of(panels, novel) or novel, Uploaded(novel)
    files = _unpacked(data) if name.lower().endswith((".zip", ".cbz")) else iter([(name.rsplit("/", 1)[-1], data)])
    for path, content in files:
        if refused := not_a_panel(path, Entry(path, len(content))):
            found.left_out.append(f"{path}: {refused[1]}.")
        elif not _put(panels, f"{folder}/{path}", content, found):
            found.left_out.append(f"{path}: another picture of that name lies there.")
    if not found.stored and not found.unchanged:
        raise UploadRefused(found.left_out[0] if found.left_out else f"{name!r} holds no files.")
    return found


def _put(source: Source, path: str, data: bytes, found: Uploaded) -> bool:
    if source.put_new(path, data):
        found.stored.append(path)
        return True
    if source.read(path, max(len(data), 1)) == data:
        found.unchanged.append(path)
        return True
    return False


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    left = MOST_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if len(members) > MOST_FILES:
                raise UploadRefused(f"The archive holds {len(members):,} files; send {MOST_FILES:,} at most.")
            for member in members:
                path = member.filename.replace("\\", "/")
                # what a Mac adds, and what is hidden anywhere
                if any(part.startswith(".") or part == "__MACOSX" for part in path.split("/")):
                    continue
                with archive.open(member) as opened:
                    content = opened.read(min(left, MAX_PANEL_BYTES) + 1)
                left -= len(content)
                if left < 0:
                    raise UploadRefused(f"The archive unpacks to more than {MOST_UNPACKED_BYTES // 2**20} MB.")
                yield path, content
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise UploadRefused(f"The archive cannot be read ({error}): pack it again, without a password.") from None
