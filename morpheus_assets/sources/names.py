"""Rules for names, the same for every source: what becomes which novel, which file is a panel, in which order.

Names and sizes only: nothing is opened here. What is not taken gets a sentence that says why.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.images.books.page_order import natural_parts
from morpheus_assets.images.books.values import BOOK_SUFFIXES
from morpheus_assets.images.corrections import FILE_NAME as CORRECTIONS
from morpheus_assets.images.errors import shown
from morpheus_assets.sources.base import Entry

PANEL_SUFFIXES = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".avif", ".ico", ".jp2", ".j2k", ".pgm", ".ppm", ".pbm", ".pnm",
})  # fmt: skip
MAX_PANEL_BYTES = 256 * 1024 * 1024
# An archive, PDF or EPUB of pages.
MAX_BOOK_BYTES = 2 * 1024 * 1024 * 1024
# Files in a novel's folder that say something of its pages.
SCENES = "scenes.tsv"
SIDE_FILES = frozenset({CORRECTIONS, SCENES, "comicinfo.xml"})

_NEARLY_IMAGES = {
    ".heic": "HEIC is not read here: export it as PNG or JPEG",
    ".heif": "HEIF is not read here: export it as PNG or JPEG",
    ".jxl": "JPEG XL is not read here: export it as PNG or JPEG",
    ".svg": "SVG is a drawing, not pixels: export it as PNG",
    ".psd": "a Photoshop document is not read here: export it as PNG",
}
_BESIDE_CHAPTERS = PANEL_SUFFIXES | {
    ".css", ".js", ".svg", ".ttf", ".otf", ".woff", ".woff2", ".opf", ".ncx", ".xml", ".json", ".db", ".ini", ".log",
    ".url", ".webloc", ".lnk",
}  # fmt: skip
"""What saved web pages and book tools put beside chapters, without any text of the novel."""
_PAGE_FOLDERS = ("_files", ".files", "-dateien", "_dateien", "_fichiers", "_archivos")
_NO_CHAPTERS = frozenset({"readme", "license", "licence", "copying", "changelog"})
_SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db"})


@dataclass(frozen=True)
class Passed:
    """An entry that is not taken: the part of its path that tells, and a sentence; no sentence for a hidden one."""

    path: str
    problem: str | None


def take_novel(entry: Entry) -> SourceFile | Passed:
    """The novel's file that an entry of `novels/` is: a novel by itself, or a chapter in the folder of one.

    A folder is one novel, with volumes in folders of their own at most.
    """
    from morpheus_assets.text.formats import SUPPORTED_SUFFIXES, WHOLE_BOOKS

    top, *inside = entry.path.split("/")
    for depth, part in enumerate((top, *inside), start=1):
        path = "/".join((top, *inside)[:depth])
        if part.startswith("."):
            return Passed(path, None)
        if reason := not_a_name(part) if part else "a folder without a name: give it one":
            return Passed(path, None if inside and part.lower() in _SYSTEM_NAMES else f"{shown(path, 200)}: {reason}.")
    if entry.fault:
        return Passed(entry.path, f"{shown(entry.path, 200)}: {entry.fault}.")
    suffix = PurePosixPath(entry.path).suffix.lower()
    if inside and _is_beside_chapters(inside, suffix):
        return Passed(entry.path, None)
    if len(inside) > 2:
        return Passed(
            "/".join((top, *inside[:2])),
            f"{shown(top)} holds folders within folders; chapters lie in the novel's folder or in one folder a volume.",
        )
    if suffix not in SUPPORTED_SUFFIXES:
        return Passed(
            entry.path,
            f"{shown(entry.path, 200)} is not one of {', '.join(sorted(SUPPORTED_SUFFIXES))}; convert it first.",
        )
    if len(inside) > 1 and suffix in WHOLE_BOOKS:
        return Passed(
            "/".join((top, inside[0])),
            f"{shown(top)} holds books in folders of their own; novels lie side by side in novels/, and a folder there"
            " holds the chapters of one.",
        )
    try:
        novel = novel_slug(top if inside else PurePosixPath(top).stem)
    except ValueError as error:
        return Passed(top, str(error))
    return SourceFile("text", entry.path, novel, entry.size, entry.mtime_ns, entry.mark)


def _is_beside_chapters(inside: list[str], suffix: str) -> bool:
    saved_page = len(inside) > 1 and inside[0].lower().endswith(_PAGE_FOLDERS)
    return suffix in _BESIDE_CHAPTERS or saved_page or PurePosixPath(inside[-1]).stem.lower() in _NO_CHAPTERS


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
        closed = entry.fault if novel in owners else None
        return Passed(folder, f"{shown(folder)}: {closed}." if closed else None)
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
    suffix = PurePosixPath(path).suffix.lower()
    if path.lower() in SIDE_FILES:
        return (path, entry.fault) if entry.fault else None
    reason = entry.fault or _reason_by_kind(suffix) or _reason_by_size(entry.size, suffix in BOOK_SUFFIXES)
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


@dataclass(frozen=True)
class NovelFiles:
    """What one novel is read from: its only file, or the files of its folder. `path` of a folder ends in a slash."""

    novel: str
    path: str
    files: tuple[SourceFile, ...]

    @property
    def digest(self) -> str | None:
        """The file's digest, or one of all of the folder's; None while any of them has none."""
        if not self.path.endswith("/"):
            return self.files[0].digest
        digests = [(file.path, file.digest) for file in self.files]
        known = [(path, digest) for path, digest in digests if digest is not None]
        return files_digest(known) if len(known) == len(digests) else None

    @property
    def mtime_ns(self) -> int:
        """When the newest of the files was written."""
        return max(file.mtime_ns for file in self.files)


def unit_of(path: str) -> str:
    """The file or folder, with a slash, directly below `novels/` that a path belongs to."""
    top, slash, _ = path.partition("/")
    return top + slash


def one_source_a_novel(files: Iterable[SourceFile]) -> tuple[list[NovelFiles], dict[str, str]]:
    """What is alone with its novel's key, a file or a folder, by path; and what is wrong with each of the others."""
    units: dict[str, dict[str, list[SourceFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        units[file.novel][unit_of(file.path)].append(file)
    problems: dict[str, str] = {}
    alone: list[NovelFiles] = []
    for novel, several in units.items():
        if len(several) > 1:
            problems.update(_same_key(novel, several))
        else:
            alone += [NovelFiles(novel, path, tuple(found)) for path, found in several.items()]
    return sorted(alone, key=lambda unit: unit.path), problems


def files_digest(files: Iterable[tuple[str, str]]) -> str:
    """One hex sha256 for several files, from (path, digest of the file), in any order."""
    digest = hashlib.sha256()
    for path, file_digest in sorted(files):
        digest.update(f"{path}\0{file_digest}\n".encode())
    return digest.hexdigest()


def page_name(path: str, entry: str) -> str:
    """How a person names a page: its path in the novel's folder, and its entry behind it where that is an archive."""
    within = path.partition("/")[2]
    return f"{within}/{entry}" if entry else within


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
    return natural_parts(path), path


def _same_key(novel: str, paths: Collection[str]) -> dict[str, str]:
    names = ", ".join(shown(path) for path in sorted(paths))
    sentence = f"{names} would all become the novel {novel!r}, so none of them is taken; rename all but one."
    return dict.fromkeys(paths, sentence)


def _reason_by_kind(suffix: str) -> str | None:
    return None if suffix in PANEL_SUFFIXES or suffix in BOOK_SUFFIXES else _NEARLY_IMAGES.get(suffix, "not an image")


def _reason_by_size(size: int, book: bool) -> str | None:
    most = MAX_BOOK_BYTES if book else MAX_PANEL_BYTES
    way_out = "split it into volumes" if book else "save it smaller"
    return f"larger than {most // 2**20:,} MB: {way_out}" if size > most else None
