"""Rules for names, the same for every source: what becomes which novel, which file is a panel, in which order.

Names and sizes only: nothing is opened here. What is not taken gets a sentence that says why.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.images.errors import shown
from morpheus_assets.sources.base import Entry

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
class Passed:
    """An entry that is not taken: the part of its path that tells, and a sentence; no sentence for a hidden one."""

    path: str
    problem: str | None


def take_novel(entry: Entry) -> SourceFile | Passed:
    """The novel's file that an entry of `novels/` is: files lie side by side, each of them a novel."""
    from morpheus_assets.text.formats import SUPPORTED_SUFFIXES

    name, nested, _ = entry.path.partition("/")
    if name.startswith("."):
        return Passed(name, None)
    if reason := not_a_name(name) or entry.fault:
        return Passed(name, f"{shown(name)}: {reason}.")
    if nested:
        return Passed(name, f"{shown(name)} is not a file; novels lie side by side in novels/.")
    if PurePosixPath(name).suffix.lower() not in SUPPORTED_SUFFIXES:
        return Passed(name, f"{shown(name)} is not one of {', '.join(sorted(SUPPORTED_SUFFIXES))}; convert it first.")
    try:
        novel = novel_slug(PurePosixPath(name).stem)
    except ValueError as error:
        return Passed(name, str(error))
    return SourceFile("text", name, novel, entry.size, entry.mtime_ns, entry.mark)


def take_panel(entry: Entry, owners: Mapping[str, str]) -> SourceFile | Passed:
    """The panel that an entry of `panels/` is; `owners` are the folders by their novel (see `panel_owners`).

    What lies in no such folder was told of with the folders.
    """
    folder, _, rest = entry.path.partition("/")
    try:
        novel = novel_slug(folder)
    except ValueError:
        novel = ""
    if not rest or owners.get(novel) != folder:
        return Passed(folder, None)
    if refused := not_a_panel(rest, entry):
        path, reason = refused
        return Passed(f"{folder}/{path}", f"{shown(f'{folder}/{path}', 200)}: {reason}.")
    return SourceFile("panel", entry.path, novel, entry.size, entry.mtime_ns, entry.mark)


def not_a_panel(path: str, entry: Entry) -> tuple[str, str] | None:
    """Why an entry is no panel: the part of its `path` below the novel's folder that tells, and the reason.

    The reason fits after a colon. None when the entry is a panel.
    """
    parts = path.split("/")
    for index, part in enumerate(parts):
        reason = not_a_name(part) if part else "a folder without a name: give it one"
        if reason:
            return "/".join(parts[: index + 1]), reason
    reason = entry.fault or _reason_by_kind(PurePosixPath(path).suffix.lower()) or _reason_by_size(entry.size)
    return (path, reason) if reason else None


def panel_owners(names: Iterable[Entry]) -> tuple[dict[str, str], dict[str, str]]:
    """The folders of `panels/` by the novel they belong to, and what is wrong with the other names there."""
    owners: dict[str, str] = {}
    problems: dict[str, str] = {}
    for entry in sorted(names, key=lambda entry: entry.path):
        name = entry.path.removesuffix("/")
        if name.startswith("."):
            continue
        if reason := not_a_name(name) or entry.fault:
            problems[name] = f"{shown(name)}: {reason}."
        elif name == entry.path:
            problems[name] = f"{shown(name)} lies beside the novels' folders; move it into panels/<novel>/."
        else:
            try:
                novel = novel_slug(name)
            except ValueError as error:
                problems[name] = str(error)
                continue
            first = owners.setdefault(novel, name)
            if first != name:
                problems[name] = (
                    f"{shown(name)} and {shown(first)} would both become the novel {novel!r}; merge the two folders."
                )
    return owners, problems


def one_file_a_novel(files: Iterable[SourceFile]) -> tuple[list[SourceFile], dict[str, str]]:
    """The files that are alone with their novel's key, by path, and what is wrong with each of the others."""
    by_novel: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_novel[file.novel].append(file)
    problems: dict[str, str] = {}
    for novel, several in by_novel.items():
        if len(several) > 1:
            problems.update(_same_key(novel, [file.path for file in several]))
    alone = [several[0] for several in by_novel.values() if len(several) == 1]
    return sorted(alone, key=lambda file: file.path), problems


def not_a_name(name: str) -> str | None:
    """Why nothing of this name, file or folder, is looked at, in words that fit after a colon."""
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


def natural_order(path: str) -> tuple[object, ...]:
    """Sort key that reads numbers as numbers, folder by folder: page2 before page10, ch2/p1 before ch10."""
    parts = []
    for part in path.split("/"):
        pieces = re.split(r"([0-9]+)", part.casefold())
        parts.append(tuple(int(piece) if i % 2 else piece for i, piece in enumerate(pieces)))
    return (tuple(parts), path)


def _same_key(novel: str, paths: Collection[str]) -> dict[str, str]:
    names = ", ".join(shown(path) for path in sorted(paths))
    sentence = f"{names} would all become the novel {novel!r}, so none of them is taken; rename all but one."
    return dict.fromkeys(paths, sentence)


def _reason_by_kind(suffix: str) -> str | None:
    return None if suffix in PANEL_SUFFIXES else _NEARLY_IMAGES.get(suffix, "not an image")


def _reason_by_size(size: int) -> str | None:
    return f"larger than {MAX_PANEL_BYTES // 2**20} MB: save it smaller" if size > MAX_PANEL_BYTES else None
