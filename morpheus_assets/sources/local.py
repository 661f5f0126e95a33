"""Reads what lies in the content folder: which files, whether they rest, and the digest of what changed.

Pure of Dagster and of the store. A folder that cannot be read is an error here, never an empty list.
"""

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.images.errors import UnreadableFolder
from morpheus_assets.sources.base import ContentUnreadable
from morpheus_assets.sources.names import (
    ListedFile,
    Listing,
    lies_beside,
    list_panels,
    not_a_novel,
    owners_of,
    same_key,
)

# A copy in progress changes its size or time within a second; a longer pause shows as a changed file later.
REST_SECONDS = 1.0


@dataclass(frozen=True)
class Observation:
    """Files at rest with their digests, paths left for the next look (still being copied), and what is wrong."""

    files: tuple[SourceFile, ...]
    waiting: tuple[str, ...]
    problems: Mapping[str, str]


def list_novels(folder: Path) -> Listing:
    """List `content/novels`, one file a novel; two files that would make one key are both left out and named.

    Raises ContentUnreadable when the folder is missing or may not be read.
    """
    files: dict[str, list[ListedFile]] = {}
    problems: dict[str, str] = {}
    for entry in _entries(folder):
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        problem = _novel_problem(entry, path, folder)
        if problem:
            problems[entry.name] = problem
            continue
        try:
            stat = entry.stat()
            slug = novel_slug(path.stem)
        except (OSError, ValueError) as error:
            problems[entry.name] = str(error)
            continue
        files.setdefault(slug, []).append(ListedFile(slug, entry.name, stat.st_size, stat.st_mtime_ns))
    taken = []
    for slug, candidates in files.items():
        if len(candidates) == 1:
            taken.append(candidates[0])
        else:
            problems.update(same_key(slug, [file.path for file in candidates]))
    return Listing(tuple(sorted(taken, key=lambda file: file.path)), problems)


def panel_folders(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The folders in `content/panels` by the novel they belong to, and what is wrong with other names.

    Raises ContentUnreadable when the folder may not be read.
    """
    return owners_of({entry.name: _folder_problem(entry, folder) for entry in _entries(folder)})


def list_panel_folders(folder: Path) -> Listing:
    """List `content/panels/<novel>/**`, recursively; paths are relative to `folder`.

    Raises ContentUnreadable when the folder or one of the novels' folders may not be read.
    """
    owners, problems = panel_folders(folder)
    files: list[ListedFile] = []
    for slug, name in owners.items():
        try:
            listing = list_panels(folder / name)
        except UnreadableFolder as error:
            raise ContentUnreadable(str(error)) from error
        files += [
            ListedFile(slug, f"{name}/{panel.relative_path}", panel.size, panel.mtime_ns) for panel in listing.files
        ]
        problems.update({f"{name}/{file.relative_path}": file.reason for file in listing.skipped})
    return Listing(tuple(files), problems)


def observe(
    folder: Path,
    files: Iterable[ListedFile],
    known: Mapping[str, SourceFile],
    *,
    kind: str,
    seconds: float = 40.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Observation:
    """Give every file its digest, reading only those whose size or time differ from what is `known`.

    Files that change while they are looked at stay without a digest and are listed in `waiting`, and so are those
    that do not fit into `seconds`.
    """
    deadline = time.monotonic() + seconds
    observed: list[SourceFile] = []
    changed: list[ListedFile] = []
    for file in files:
        before = known.get(file.path)
        if before and before.digest and (before.size_bytes, before.mtime_ns) == (file.size, file.mtime_ns):
            observed.append(before)
        else:
            changed.append(file)
    if wait := max((_seconds_to_rest(file) for file in changed), default=0.0):
        sleep(wait)
    waiting: list[str] = []
    problems: dict[str, str] = {}
    for file in changed:
        digest = None
        if time.monotonic() < deadline and _rests(folder, file):
            try:
                digest = _digest(folder / file.path)
            except OSError as error:
                problems[file.path] = f"{file.path} cannot be read ({error.strerror}); check its permissions."
                continue
        if digest is not None and not _rests(folder, file):
            digest = None
        if digest is None:
            waiting.append(file.path)
        observed.append(SourceFile(kind, file.path, file.novel, file.size, file.mtime_ns, digest))
    return Observation(tuple(observed), tuple(waiting), problems)


def _seconds_to_rest(file: ListedFile) -> float:
    age = time.time() - file.mtime_ns / 1e9
    # a time a little ahead is another machine's clock, not the future
    return max(0.0, REST_SECONDS - max(0.0, age)) if age > -2 * REST_SECONDS else 0.0


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise ContentUnreadable(
            f"{folder} cannot be read ({error.strerror or error}); until then nothing is taken or marked as gone."
        ) from error


def _novel_problem(entry: os.DirEntry[str], path: Path, folder: Path) -> str | None:
    if entry.is_symlink() and not _stays_inside(path, folder):
        return f"{entry.name} is a link that leads out of the content folder; copy the file itself."
    return not_a_novel(entry.name, folder.name, is_file=entry.is_file())


def _stays_inside(link: Path, folder: Path) -> bool:
    try:
        return link.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        # Links that lead to each other lead nowhere; pathlib says so with a RuntimeError up to Python 3.12.
        return False


def _folder_problem(entry: os.DirEntry[str], folder: Path) -> str | None:
    if entry.is_symlink() and not _stays_inside(Path(entry.path), folder):
        return f"{entry.name} is a link that leads out of the content folder; copy the files themselves."
    return None if entry.is_dir() else lies_beside(entry.name, folder.name)


def _rests(folder: Path, file: ListedFile) -> bool:
    try:
        stat = (folder / file.path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size, file.mtime_ns)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class LocalFolder:
    """The files below `path`."""

    path: Path

    def shown(self, path: str = "") -> str:
        """The folder, or a file in it."""
        return str(self.path / path)

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A file's bytes; None when it is missing, too large, or leads out of the folder."""
        file = self.inside(path)
        if file is None or file.stat().st_size > most_bytes:
            return None
        return file.read_bytes()

    def names(self) -> tuple[list[str], list[str]]:
        """The names directly below: of folders and of files; nothing when the folder is missing."""
        if not self.path.is_dir():
            return [], []
        with os.scandir(self.path) as entries:
            found = {entry.name: entry.is_dir() for entry in entries}
        return sorted(name for name in found if found[name]), sorted(name for name in found if not found[name])

    def there(self, paths: Collection[str]) -> set[str]:
        """Which files exist."""
        return {path for path in paths if (self.path / path).exists()}

    def keep(self, path: str, data: bytes) -> bool:
        """Write beside and link into place: the name appears with all of its bytes, and never over another file."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            partial.write_bytes(data)
            os.link(partial, target)
        except FileExistsError:
            return False
        finally:
            partial.unlink(missing_ok=True)
        return True

    def inside(self, path: str) -> Path | None:
        """The file at a relative path, None when it is missing or would lie outside of the folder."""
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\0" in path:
            return None
        found = (self.path / relative).resolve()
        if not found.is_relative_to(self.path.resolve()) or not found.is_file():
            return None
        return found
