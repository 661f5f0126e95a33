"""The `Source` protocol: where content lies, a local folder or objects behind an address such as `s3://bucket/prefix`.

Knows nothing of Dagster nor of settings; which source a deployment uses is content_location.py's.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from morpheus_assets.domain.content import SourceFile

KnownPaths = Callable[[int], Collection[str]]
"""Gives every so many-th path that is known behind the one a scan begins at, in the order of the bytes."""


class ContentUnreadable(Exception):
    """The content cannot be listed or read as a whole; the message says which part of it and what to do."""


class RootMissing(ContentUnreadable):
    """The folder that the content should lie in is not there: not made yet, or on a volume that is not mounted."""


class FolderUnreadable(ContentUnreadable):
    """A folder inside the content cannot be listed: nothing may be concluded about the files in it."""


class FileUnreadable(Exception):
    """One file may not be read while the source itself answers; the message is a sentence."""


class ContentUnwritable(Exception):
    """A file cannot be stored beside the others; the message says why and what to do, and names no place."""


@dataclass(frozen=True)
class Entry:
    """A name as a listing shows it: `path` is relative to the source, in POSIX form; a folder's ends in a slash.

    `mark` changes whenever the bytes do (an ETag, a checksum, a generation); None where only the bytes can tell.
    `fault` says why nothing can be read there, in words that fit after a colon.
    """

    path: str
    size: int = 0
    mtime_ns: int = 0
    mark: str | None = None
    fault: str | None = None

    def mark_of(self, data: bytes) -> str:
        """The mark of the bytes that were read: the listed one, else their hex sha256."""
        return self.mark or hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Page:
    """The whole truth about the paths behind `start` and up to `after`: entries by path.

    `start` is None for the first page, `after` for the last one.
    """

    start: str | None
    entries: tuple[Entry, ...]
    after: str | None


@dataclass(frozen=True)
class Observation:
    """Files with their marks as digests, paths left for the next scan (still being copied), and what is wrong."""

    files: tuple[SourceFile, ...]
    waiting: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Files below one root, named by relative paths in POSIX form.

    Every method but `display_name` raises ContentUnreadable when the source does not answer.
    """

    def __hash__(self) -> int: ...  # listings are cached by their source

    @property
    def concurrent_reads(self) -> int:
        """How many files are worth reading at a time."""

    def display_name(self, path: str = "") -> str:
        """The source, or a file of it, as a person knows it."""

    def pages(
        self, after: str | None = None, *, known_paths: KnownPaths | None = None, seconds: float = ...
    ) -> Iterator[Page]:
        """All entries from behind `after`, page by page; no page is asked for later than `seconds` from now.

        The first page comes in any case. A source that lists at once gives one page and heeds no argument.
        """

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """All entries, or those below one folder; FolderUnreadable when that one cannot be listed."""

    def names(self) -> list[Entry]:
        """The folders and files directly below the root, by name; RootMissing when there is no root."""

    def observe(self, files: Iterable[SourceFile], known: Mapping[str, SourceFile]) -> Observation:
        """Give listed files their digests; only what differs from `known` (by path) is read, if anything is."""

    def mark(self, entry: Entry) -> str:
        """What changes whenever the bytes do, as `observe` finds it; raises FileUnreadable."""

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A file's bytes; None when it is not there, is larger than `most_bytes` or lies outside.

        Raises FileUnreadable when this one may not be read.
        """

    def open(self, path: str, most_bytes: int) -> BinaryIO | None:
        """A file to read and seek in; None and FileUnreadable as `read`."""

    def exists(self, paths: Collection[str]) -> set[str]:
        """The `paths` that are files of this source, found by name."""

    def verify_absent(self, unseen: Collection[str], most_bytes: float = ...) -> None:
        """Look again, by name, for files that a listing lacks; one of up to `most_bytes` proves the listing wrong.

        Raises ContentUnreadable then.
        """

    def is_empty(self) -> bool:
        """Whether nothing but hidden files is there; a lost mount or a wrong address looks like that."""

    def put_new(self, path: str, data: bytes) -> bool:
        """Write a new file, whole or not at all; False when one of that name is there, which stays as it is.

        Raises ContentUnwritable.
        """

    def delete(self, paths: Collection[str]) -> None:
        """Delete files, and the folders that are empty then; those that are not there are none. Raises FileUnreadable,
        or ContentUnreadable, when one cannot be deleted.
        """


def incomplete_listing(source: str, why: str) -> ContentUnreadable:
    """A listing that answers but cannot be right."""
    return ContentUnreadable(
        f"The listing of {source} came back short ({why}); nothing of it is taken or marked as gone, and the next look"
        " tries again."
    )


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder above it, has a name that begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))
