"""Reads what lies in the content folder: which files, whether they rest, and the digest of what changed.

Pure of Dagster and of the store. A folder that cannot be read is an error here, never an empty list.
"""

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.images.discovery import list_panels
from morpheus_assets.images.errors import UnreadableFolder
from morpheus_assets.partitions import novel_slug
from morpheus_assets.places import ContentUnreadable

# A copy in progress changes its size or time within a second; a longer pause shows as a changed file later.
REST_SECONDS = 1.0


@dataclass(frozen=True)
class ListedFile:
    """A file as the folder shows it: `path` is relative to the folder, in POSIX form; `mtime_ns` nanoseconds."""

    novel: str
    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """What a folder holds: files to take, and names that are not taken with a sentence each."""

    files: tuple[ListedFile, ...]
    problems: Mapping[str, str]


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


def same_key(novel: str, paths: Collection[str]) -> dict[str, str]:
    """What to say of each of several files that would become one novel."""
    names = ", ".join(sorted(paths))
    return {
        path: f"{names} would all become the novel {novel!r}, so none of them is taken; rename all but one."
        for path in paths
    }


def panel_folders(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The folders in `content/panels` by the novel they belong to, and what is wrong with other names.

    Raises ContentUnreadable when the folder may not be read.
    """
    return owners_of({entry.name: _folder_problem(entry, folder) for entry in _entries(folder)})


def owners_of(folders: Mapping[str, str | None]) -> tuple[dict[str, str], dict[str, str]]:
    """Folders by the novel they belong to, and what is wrong with the others; `folders` maps names to problems."""
    owners: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, problem in sorted(folders.items()):
        if name.startswith("."):
            continue
        try:
            slug = novel_slug(name)
        except ValueError as error:
            problem = problem or str(error)
            slug = ""
        if not problem and slug in owners:
            problem = f"{name} and {owners[slug]} would both become the novel {slug!r}; merge the two folders."
        if problem:
            problems[name] = problem
        else:
            owners[slug] = name
    return owners, problems


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


def not_a_novel(name: str, folder: str, *, is_file: bool) -> str | None:
    """Why nothing of this name in `folder` becomes a novel; None when it may."""
    from morpheus_assets.text.formats import SUPPORTED_SUFFIXES

    if not is_file:
        return f"{name} is not a file; novels lie side by side in {folder}/."
    if PurePath(name).suffix.lower() not in SUPPORTED_SUFFIXES:
        return f"{name} is not one of {', '.join(sorted(SUPPORTED_SUFFIXES))}; convert it first."
    return None


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


def lies_beside(name: str, folder: str) -> str:
    """What to say of a file that no novel's folder holds."""
    return f"{name} lies beside the novels' folders; move it into {folder}/<novel>/."


def _rests(folder: Path, file: ListedFile) -> bool:
    try:
        stat = (folder / file.path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size, file.mtime_ns)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
