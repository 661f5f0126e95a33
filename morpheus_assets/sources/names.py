"""Which files of a novel's folder are its panels, in reading order; the rest is listed with a reason.

Names, sizes and links only: no file is opened here. A folder that cannot be read is an error, never empty.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.images.errors import UnreadableFolder, shown
from morpheus_assets.sources.base import Entry
from morpheus_assets.sources.objects import ObjectPlace

PANEL_SUFFIXES = frozenset(
    {
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
    }
    | {".avif", ".ico", ".jp2", ".j2k", ".pgm", ".ppm", ".pbm", ".pnm"}
)
MAX_PANEL_BYTES = 256 * 1024 * 1024

_NEARLY_IMAGES = {
    ".heic": "HEIC is not read here: export it as PNG or JPEG",
    ".heif": "HEIF is not read here: export it as PNG or JPEG",
    ".jxl": "JPEG XL is not read here: export it as PNG or JPEG",
    ".svg": "SVG is a drawing, not pixels: export it as PNG",
    ".psd": "a Photoshop document is not read here: export it as PNG",
    ".pdf": "a PDF is not read here: export its pages as PNG",
    ".cbz": "an archive is not opened here: unpack it into the folder",
    ".cbr": "an archive is not opened here: unpack it into the folder",
    ".zip": "an archive is not opened here: unpack it into the folder",
    ".rar": "an archive is not opened here: unpack it into the folder",
    ".7z": "an archive is not opened here: unpack it into the folder",
    ".tar": "an archive is not opened here: unpack it into the folder",
}
_SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db"})


@dataclass(frozen=True)
class PanelFile:
    """A file that should be a panel; `relative_path` is posix, below the novel's folder; `size` in bytes.

    An object of a store has no `path` of this machine, and a `mark` that changes with its bytes.
    """

    relative_path: str
    path: Path | None
    size: int
    mtime_ns: int
    mark: str | None = None


@dataclass(frozen=True)
class SkippedFile:
    """A file, folder or link that is no panel, and why, in words that fit after a colon."""

    relative_path: str
    reason: str


@dataclass(frozen=True)
class PanelListing:
    """Panels in natural order (page2 before page10) and everything passed over on the way."""

    files: list[PanelFile] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)


def list_panels(folder: Path, *, content_folder: Path | None = None) -> PanelListing:
    """List the panels below `folder`, recursively.

    Links are followed only while they stay inside `content_folder` (default: `folder` itself). Raises
    UnreadableFolder when `folder` or any folder in it cannot be listed, so that a lost mount or a missing
    permission is never taken for "all panels gone".
    """
    boundary = _real_path(content_folder or folder)
    here = _real_path(folder)
    if not here.is_relative_to(boundary):
        raise UnreadableFolder(
            f"{shown(str(folder))} is a link that leads out of {shown(str(boundary))}: copy the panels in."
        )
    listing = PanelListing()
    _walk(folder, "", boundary, {here}, listing)
    listing.files.sort(key=lambda panel: natural_order(panel.relative_path))
    listing.skipped.sort(key=lambda skipped: natural_order(skipped.relative_path))
    return listing


def refused_by_name(relative_path: str, size: int) -> tuple[str, str] | None:
    """Why an object is no panel: the part of its path that tells, and the reason; None when it is one."""
    parts = relative_path.split("/")
    for index, part in enumerate(parts):
        reason = _reason_by_name(part) if part else "a folder without a name: give it one"
        if reason:
            return "/".join(parts[: index + 1]), reason
    reason = _reason_by_kind(PurePosixPath(relative_path).suffix.lower()) or _reason_by_size(size)
    return (relative_path, reason) if reason else None


def natural_order(relative_path: str) -> tuple[object, ...]:
    """Sort key that reads numbers as numbers, folder by folder: page2 before page10, ch2/p1 before ch10."""
    parts = []
    for part in relative_path.split("/"):
        pieces = re.split(r"([0-9]+)", part.casefold())
        parts.append(tuple(int(piece) if i % 2 else piece for i, piece in enumerate(pieces)))
    return (tuple(parts), relative_path)


def _walk(folder: Path, prefix: str, boundary: Path, visited: set[Path], listing: PanelListing) -> None:
    for entry in _entries(folder):
        relative = prefix + entry.name
        reason = _reason_by_name(entry.name) or _reason_by_link(entry, boundary)
        if reason:
            listing.skipped.append(SkippedFile(relative, reason))
        elif entry.is_dir():
            real = _real_path(entry)
            if real in visited:
                listing.skipped.append(SkippedFile(relative, "a link to a folder that is already listed"))
                continue
            visited.add(real)
            _walk(entry, relative + "/", boundary, visited, listing)
        else:
            _add_file(entry, relative, listing)


def _add_file(entry: Path, relative: str, listing: PanelListing) -> None:
    reason = _reason_by_kind(entry.suffix.lower())
    if reason is None and not entry.is_file():
        reason = "not a regular file"
    if reason:
        listing.skipped.append(SkippedFile(relative, reason))
        return
    try:
        status = entry.stat()
    except OSError as error:
        listing.skipped.append(SkippedFile(relative, f"cannot be read ({error.strerror or 'vanished'})"))
        return
    if reason := _reason_by_size(status.st_size):
        listing.skipped.append(SkippedFile(relative, reason))
        return
    mtime_ns = getattr(status, "st_mtime_ns", 0)
    listing.files.append(PanelFile(relative, entry, status.st_size, mtime_ns))


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from list(folder.iterdir())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableFolder(
            f"The panel folder {shown(str(folder), 200)} cannot be listed ({reason}): check that it is"
            " there and may be read by this user; stored panels are left as they are."
        ) from error


def _reason_by_kind(suffix: str) -> str | None:
    return None if suffix in PANEL_SUFFIXES else _NEARLY_IMAGES.get(suffix, "not an image")


def _reason_by_size(size: int) -> str | None:
    return f"larger than {MAX_PANEL_BYTES // 2**20} MB: save it smaller" if size > MAX_PANEL_BYTES else None


def _reason_by_name(name: str) -> str | None:
    if name.startswith("._"):
        return "a macOS resource fork, not the picture itself"
    if name.startswith("."):
        return "hidden"
    if name.lower() in _SYSTEM_NAMES:
        return "written by the operating system"
    # Postgres stores only valid UTF-8; Python shows undecodable bytes of a name as lone surrogates.
    if any("\ud800" <= c <= "\udfff" for c in name):
        return "its name is not valid UTF-8: rename it"
    if "\0" in name:
        return "its name holds a NUL character: rename it"
    return None


def _reason_by_link(entry: Path, boundary: Path) -> str | None:
    if not entry.is_symlink():
        return None
    try:
        target = entry.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not target.is_relative_to(boundary):
        return "a link that leads out of the content folder: copy the file in instead"
    return None


def _real_path(path: Path) -> Path:
    return path.resolve()


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


def same_key(novel: str, paths: Collection[str]) -> dict[str, str]:
    """What to say of each of several files that would become one novel."""
    names = ", ".join(sorted(paths))
    return {
        path: f"{names} would all become the novel {novel!r}, so none of them is taken; rename all but one."
        for path in paths
    }


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


def not_a_novel(name: str, folder: str, *, is_file: bool) -> str | None:
    """Why nothing of this name in `folder` becomes a novel; None when it may."""
    from morpheus_assets.text.formats import SUPPORTED_SUFFIXES

    if not is_file:
        return f"{name} is not a file; novels lie side by side in {folder}/."
    if PurePath(name).suffix.lower() not in SUPPORTED_SUFFIXES:
        return f"{name} is not one of {', '.join(sorted(SUPPORTED_SUFFIXES))}; convert it first."
    return None


def lies_beside(name: str, folder: str) -> str:
    """What to say of a file that no novel's folder holds."""
    return f"{name} lies beside the novels' folders; move it into {folder}/<novel>/."


@dataclass(frozen=True)
class Passed:
    """A name that is not taken: the part of it that tells, and a sentence; no sentence for a hidden one."""

    name: str
    problem: str | None


def take_novel(entry: Entry) -> SourceFile | Passed:
    """What lies in `novels/`: objects side by side, each of them a novel."""
    name, nested, _ = entry.path.partition("/")
    if name.startswith("."):
        return Passed(name, None)
    problem = not_a_novel(shown(name), "novels", is_file=not nested)
    if "\0" in name:
        problem = f"{shown(name)} holds a NUL character; rename it."
    try:
        slug = novel_slug(PurePosixPath(name).stem)
    except ValueError as error:
        problem = problem or str(error)
        slug = ""
    return Passed(name, problem) if problem else SourceFile("text", name, slug, entry.size, entry.mtime_ns, entry.mark)


def one_object_a_novel(files: Iterable[SourceFile]) -> tuple[list[SourceFile], dict[str, str]]:
    """The files that are alone with their key, and what to say of the others."""
    by_novel: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_novel[file.novel].append(file)
    problems: dict[str, str] = {}
    for novel, several in by_novel.items():
        if len(several) > 1:
            problems.update(same_key(novel, [file.path for file in several]))
    return [several[0] for several in by_novel.values() if len(several) == 1], problems


def list_novel_objects(place: ObjectPlace) -> tuple[dict[str, Entry], dict[str, str]]:
    """All of `novels/` by the key of the novel, and what is wrong with other names; raises ContentUnreadable."""
    entries = {entry.path: entry for entry in place.entries()}
    seen = [take_novel(entry) for entry in entries.values()]
    files, problems = one_object_a_novel(each for each in seen if isinstance(each, SourceFile))
    problems.update({each.name: each.problem for each in seen if isinstance(each, Passed) and each.problem})
    return {file.novel: entries[file.path] for file in files}, problems


def object_folders(place: ObjectPlace) -> tuple[dict[str, str], dict[str, str]]:
    """The folders in `panels/` by their novel, and what is wrong with other names; raises ContentUnreadable."""
    folders, objects = place.names()
    return owners_of({name: lies_beside(name, "panels") for name in objects} | dict.fromkeys(folders))


def take_panel(entry: Entry, owners: Mapping[str, str]) -> SourceFile | Passed:
    """What lies in `panels/`; `owners` are the folders by their novel, and others were told of with those."""
    folder, _, rest = entry.path.partition("/")
    try:
        novel = novel_slug(folder)
    except ValueError:
        novel = ""
    if not rest or folder.startswith(".") or owners.get(novel) != folder:
        return Passed(folder, None)
    refused = refused_by_name(rest, entry.size)
    if refused:
        return Passed(f"{folder}/{refused[0]}", refused[1])
    return SourceFile("panel", entry.path, novel, entry.size, entry.mtime_ns, entry.mark)


def list_panel_objects(place: ObjectPlace, folder: str) -> list[PanelFile]:
    """The panels in one novel's folder, in natural order; raises ContentUnreadable."""
    files = [
        PanelFile(entry.path.removeprefix(folder + "/"), None, entry.size, entry.mtime_ns, entry.mark)
        for entry in place.entries(folder)
        if not refused_by_name(entry.path.removeprefix(folder + "/"), entry.size)
    ]
    return sorted(files, key=lambda panel: natural_order(panel.relative_path))


def panel_object_problems(place: ObjectPlace) -> dict[str, str]:
    """Everything in `panels/` that is not taken, with its sentence; raises ContentUnreadable."""
    owners, problems = object_folders(place)
    passed = (each for each in (take_panel(entry, owners) for entry in place.entries()) if isinstance(each, Passed))
    return problems | {each.name: each.problem for each in passed if each.problem}
