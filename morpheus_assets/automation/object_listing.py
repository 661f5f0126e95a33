"""What objects of a store become: a novel's file, a panel, or a name that is not taken with a sentence.

The counterpart of content_listing.py, with the same rules for names. Nothing waits until it rests: an object appears
with all of its bytes or not at all. Nothing is read: the store's mark stands for the bytes where a file has a digest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from morpheus_assets.automation.content_listing import lies_beside, not_a_novel, owners_of, same_key
from morpheus_assets.domain.content import SourceFile
from morpheus_assets.images.discovery import PanelFile, natural_order, refused_by_name
from morpheus_assets.images.errors import shown
from morpheus_assets.partitions import novel_slug
from morpheus_assets.places import Entry
from morpheus_assets.places.objects import ObjectPlace


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
