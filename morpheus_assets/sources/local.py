"""A local folder as a source: links stay inside, a file that is still being copied waits, digests tell of changes.

A folder that cannot be read is an error here, never an empty list.
"""

import errno
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ClassVar

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources.base import (
    ContentUnreadable,
    ContentUnwritable,
    Entry,
    FileUnreadable,
    FolderUnreadable,
    KnownPaths,
    Observation,
    Page,
    RootMissing,
    incomplete_listing,
    is_hidden,
)
from morpheus_assets.sources.names import not_a_name

# A copy in progress changes its size or time within a second; a longer pause shows as a changed file later.
REST_SECONDS = 1.0
_WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)
# Dagster ends a sensor's tick after 60 seconds; what is not read by then waits for the next one.
READING_SECONDS = 40.0
_LEADS_OUT = "a link that leads out of the content folder: copy the file in instead"
_LEADS_NOWHERE = "a link that leads nowhere"


@dataclass(frozen=True)
class LocalSource:
    """The files below `path`.

    Links are followed while they stay inside the folder directly below `path` that they lie in.
    """

    path: Path
    sleep: Callable[[float], object] = field(default=time.sleep, kw_only=True, compare=False)
    concurrent_reads: ClassVar[int] = 2

    def display_name(self, path: str = "") -> str:
        """The folder, or a file in it."""
        return str(self.path / path)

    def pages(
        self, after: str | None = None, *, known_paths: KnownPaths | None = None, seconds: float = inf
    ) -> Iterator[Page]:
        """One page with everything: a folder is listed at once."""
        yield Page(None, tuple(self.entries()), None)

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """All files, in no order, and what cannot be read, with its fault; the same below one folder."""
        if folder:
            yield from _walk(self.path / folder, f"{folder}/")
            return
        for entry in self.names():
            name = entry.path.removesuffix("/")
            if name != entry.path and not not_a_name(name):
                closed = _closed(self.path / name)
                # The others go on; files known in it are looked for by name, which raises (see verify_absent).
                yield from [Entry(name, fault=closed)] if closed else self.entries(name)
            else:
                yield entry

    def names(self) -> list[Entry]:
        """The folders and files directly below."""
        try:
            found = list(os.scandir(self.path))
        except OSError as error:
            kind = RootMissing if isinstance(error, FileNotFoundError) else ContentUnreadable
            raise kind(
                f"{self.path} cannot be read ({error.strerror or error}); until then nothing is taken or marked as"
                " gone."
            ) from error
        root = os.path.realpath(self.path)
        entries = (_entry(each, each.name, root) for each in found)
        return sorted((entry for entry in entries if entry), key=lambda entry: entry.path)

    def observe(self, files: Iterable[SourceFile], known: Mapping[str, SourceFile]) -> Observation:
        """Hash the files whose size or time differ from what is `known`, once they rest.

        Those that change meanwhile stay without a digest and wait, and so do those that do not fit into the time.
        """
        deadline = time.monotonic() + READING_SECONDS
        observed: list[SourceFile] = []
        changed: list[SourceFile] = []
        for file in files:
            before = known.get(file.path)
            if before and before.digest and (before.size_bytes, before.mtime_ns) == (file.size_bytes, file.mtime_ns):
                observed.append(replace(file, digest=before.digest) if before.novel != file.novel else before)
            else:
                changed.append(file)
        if wait := max((_seconds_to_rest(file) for file in changed), default=0.0):
            self.sleep(wait)
        waiting: list[str] = []
        problems: dict[str, str] = {}
        for file in changed:
            digest = None
            if time.monotonic() < deadline and self._rests(file):
                try:
                    digest = self._digest(file.path)
                except FileUnreadable as error:
                    problems[file.path] = str(error)
                    continue
            if digest is not None and not self._rests(file):
                digest = None
            if digest is None:
                waiting.append(file.path)
            observed.append(replace(file, digest=digest))
        return Observation(tuple(observed), tuple(waiting), problems)

    def mark(self, entry: Entry) -> str:
        """The hex sha256 of the file's bytes."""
        return self._digest(entry.path)

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A file's bytes; None when it is missing, too large, or leads out of the folder."""
        try:
            file = self._inside(path)
            return file.read_bytes() if file and file.stat().st_size <= most_bytes else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from error

    def open(self, path: str, most_bytes: int) -> BinaryIO | None:
        """A file, opened where it lies."""
        try:
            file = self._inside(path)
            return file.open("rb") if file and file.stat().st_size <= most_bytes else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from error

    def exists(self, paths: Collection[str]) -> set[str]:
        """The `paths` that are files, or may not be looked at."""
        return {path for path in paths if _is_there(self.path / path)}

    def verify_absent(self, unseen: Collection[str], most_bytes: float = inf) -> None:
        """List the folders of the unseen files once more; raises ContentUnreadable when one of them is there.

        Names are compared as they are listed: a disk that ignores case would find Emma.txt where emma.txt is.
        """
        listed: dict[Path, dict[str, os.DirEntry[str]]] = {}
        for path in sorted(unseen):
            if _is_listed(self.path, path, most_bytes, listed):
                raise incomplete_listing(self.display_name(), f"it lacks {path}, which is there")

    def is_empty(self) -> bool:
        """Whether nothing but hidden files is there."""
        return all(is_hidden(entry.path) for entry in self.entries())

    def put_new(self, path: str, data: bytes) -> bool:
        """Write beside and link into place: the name appears with all of its bytes, and never over another file.

        Raises ContentUnwritable.
        """
        target = self.path / path
        partial = target.with_name(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            _link(partial, target)
        except FileExistsError:
            return False
        except OSError as error:
            raise ContentUnwritable(_why_unwritable(error)) from error
        finally:
            # a folder that could not be made holds none
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return True

    def delete(self, paths: Collection[str]) -> None:
        """Delete files and what folders they leave empty. Raises FileUnreadable."""
        root = self.path.resolve()
        for path in paths:
            file = self._inside(path)
            if file is None:
                continue
            try:
                # the entry itself: what a link leads to stays
                (self.path / path).unlink(missing_ok=True)
            except OSError as error:
                raise FileUnreadable(f"{file} cannot be deleted: {error.strerror or error}.") from error
            for folder in (self.path / path).parents:
                if folder.resolve() == root or any(folder.iterdir()):
                    break
                folder.rmdir()

    def _inside(self, path: str) -> Path | None:
        """The file at a relative path, None when it is missing or would lie outside of the folder."""
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\0" in path:
            return None
        try:
            found = (self.path / relative).resolve()
        except RuntimeError:
            # links that lead to each other, as pathlib says it up to Python 3.12
            return None
        return found if found.is_relative_to(self.path.resolve()) and found.is_file() else None

    def _rests(self, file: SourceFile) -> bool:
        try:
            status = os.stat(self.path / file.path)
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.mtime_ns)

    def _digest(self, path: str) -> str:
        try:
            with open(self.path / path, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from error


def _walk(folder: Path, prefix: str) -> Iterator[Entry]:
    """The files below a folder; folders behind links come last, so that a file goes by its real path if it has one."""
    boundary = os.path.realpath(folder)
    visited: set[str] = set()
    folders, links = [(str(folder), prefix, boundary)], list[tuple[str, str, str]]()
    while folders or links:
        where, prefix, real = folders.pop() if folders else links.pop()
        if real in visited:
            yield Entry(prefix.removesuffix("/"), fault="a link to a folder that is already listed")
            continue
        visited.add(real)
        for each in _listed(where):
            path = prefix + each.name
            entry = Entry(path) if not_a_name(each.name) else _entry(each, path, boundary)
            if entry is None:
                continue
            if not entry.path.endswith("/"):
                yield entry
            elif each.is_symlink():
                links.append((each.path, entry.path, os.path.realpath(each.path)))
            else:
                folders.append((each.path, entry.path, os.path.join(real, each.name)))


def _listed(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError as error:
        raise FolderUnreadable(
            f"The folder {folder} cannot be listed ({error.strerror or error}): check that it is there and may be"
            " read by this user; what is stored is left as it is."
        ) from error


def _closed(folder: Path) -> str | None:
    """Why a folder cannot be listed, in words that fit after a colon."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return f"cannot be listed ({error.strerror or error}): check that this user may read it"
    return None


def _entry(found: os.DirEntry[str], path: str, boundary: str) -> Entry | None:
    """A name with size and time, or with its fault; None when it vanished since it was listed."""
    try:
        if found.is_symlink():
            target = os.path.realpath(found.path, strict=True)
            if os.path.commonpath([target, boundary]) != boundary:
                return Entry(path, fault=_LEADS_OUT)
        if found.is_dir():
            return Entry(f"{path}/")
        status = found.stat()
    except OSError as error:
        if found.is_symlink():
            return Entry(path, fault=_LEADS_NOWHERE)
        vanished = isinstance(error, FileNotFoundError)
        return None if vanished else Entry(path, fault=f"cannot be read ({error.strerror or error})")
    if not stat.S_ISREG(status.st_mode):
        return Entry(path, fault="not a regular file")
    return Entry(path, status.st_size, status.st_mtime_ns)


def _is_listed(root: Path, path: str, most_bytes: float, listed: dict[Path, dict[str, os.DirEntry[str]]]) -> bool:
    """Whether a file lies at `path` with no link on the way; `listed` keeps the folders that were listed for it."""
    folder, found = root, None
    for part in path.split("/"):
        if folder not in listed:
            listed[folder] = {} if not folder.is_dir() else {each.name: each for each in _listed(folder)}
        found = listed[folder].get(part)
        if found is None or found.is_symlink() or not_a_name(part):
            return False
        folder /= part
    return found is not None and found.is_file() and found.stat().st_size <= most_bytes


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except PermissionError:
        return True


def _seconds_to_rest(file: SourceFile) -> float:
    age = time.time() - file.mtime_ns / 1e9
    # a time a little ahead is another machine's clock, not the future
    return max(0.0, REST_SECONDS - max(0.0, age)) if age > -2 * REST_SECONDS else 0.0


def _unreadable(path: str, error: OSError) -> FileUnreadable:
    return FileUnreadable(f"{path} cannot be read ({error.strerror or error}): check its permissions.")


def _link(partial: Path, target: Path) -> None:
    try:
        os.link(partial, target)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        # exFAT and some network drives: the name is taken first, and empty for a moment
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        partial.replace(target)


def _why_unwritable(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The content folder's disk is full: free some room on it and send the file again."
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
        return "The content folder's file system takes no file of this name: send it under a shorter and plainer one."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "The content folder may only be read: let this account write to it, or put the file there yourself."
    return f"The content folder takes no file ({error.strerror or error}): see to its disk."
