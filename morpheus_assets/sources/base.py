"""Where content lies: a local folder, or objects behind an address such as `s3://bucket/prefix`.

Knows nothing of Dagster nor of settings; which place a deployment uses is content_location.py's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


class ContentUnreadable(Exception):
    """The content cannot be listed or read as a whole; the message says which part of it and what to do."""


@dataclass(frozen=True)
class Entry:
    """An object as a listing shows it: `path` is relative to the place, in POSIX form.

    `mark` changes whenever the bytes do (an ETag, a checksum, a generation), so that nothing has to be read to notice.
    """

    path: str
    size: int
    mtime_ns: int
    mark: str


@dataclass(frozen=True)
class Page:
    """What lies behind one path and up to another: entries by path, and behind which path the next page begins.

    `after` is None when nothing follows.
    """

    entries: tuple[Entry, ...]
    after: str | None


class Place(Protocol):
    """Files below one root, named by relative paths in POSIX form."""

    def shown(self, path: str = "") -> str:
        """How to name the place, or a file of it, to a person."""

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A file's bytes; None when it is not there, or is larger than `most_bytes`.

        Raises ContentUnreadable when the place does not answer, OSError for what a local disk says.
        """

    def names(self) -> tuple[list[str], list[str]]:
        """The names directly below, in order: of folders and of files; raises ContentUnreadable."""

    def there(self, paths: Collection[str]) -> set[str]:
        """Which of `paths` can be found by their names; raises ContentUnreadable when the place does not answer."""

    def keep(self, path: str, data: bytes) -> bool:
        """Write a new file, whole or not at all; False when one of that name is there, which stays as it is."""
