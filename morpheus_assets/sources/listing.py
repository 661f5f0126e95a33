"""What a source holds, by the rules for names: the novels' files, the folders and files of panels, and the rest.

Every function raises ContentUnreadable when the source does not answer.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources import names
from morpheus_assets.sources.base import Entry, FileUnreadable, RootMissing, Source


@dataclass(frozen=True)
class NovelEntries:
    """What one novel is read from, as it is listed: its file, or the files of its folder, whose `path` ends in "/"."""

    path: str
    entries: tuple[Entry, ...]

    @property
    def is_folder(self) -> bool:
        """True for a folder of chapters."""
        return self.path.endswith("/")


def list_novels(source: Source) -> tuple[dict[str, NovelEntries], dict[str, str]]:
    """All of `novels/` by the key of the novel, and what is wrong with the other names.

    Two files or folders that would make one key are both left out and named.
    """
    entries = {entry.path: entry for entry in source.entries()}
    taken = [names.take_novel(entry) for entry in entries.values()]
    found, problems = names.one_source_a_novel(each for each in taken if isinstance(each, SourceFile))
    novels = {each.novel: NovelEntries(each.path, tuple(entries[file.path] for file in each.files)) for each in found}
    return novels, _problems(taken) | problems


def panel_owners(source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """The folders of `panels/` by the novel they belong to, and what is wrong with the other names there."""
    return names.panel_owners(source.names())


def list_panels(source: Source, folder: str) -> tuple[list[Entry], dict[str, str]]:
    """The panels in one novel's folder, in natural order, and why the rest is passed over, by path in the folder."""
    panels: list[Entry] = []
    passed: dict[str, str] = {}
    for entry in source.entries(folder):
        if refused := names.not_a_panel(entry.path.removeprefix(f"{folder}/"), entry):
            passed.update([refused])
        else:
            panels.append(entry)
    return sorted(panels, key=lambda entry: names.natural_order(entry.path)), passed


def panel_problems(source: Source) -> dict[str, str]:
    """Everything in `panels/` that is not taken, by path, with its sentence."""
    owners, problems = panel_owners(source)
    return problems | _problems([names.take_panel(entry, owners) for entry in source.entries()])


def folder_of(panels: Source, novel: str) -> str | None:
    """The name of the folder of a novel's panels, None when there is none."""
    owners: Mapping[str, str] = {}
    with suppress(RootMissing):
        owners, _ = panel_owners(panels)
    return owners.get(novel)


def find_panel(panels: Source, novel: str, path: str, within: str, most_bytes: int) -> bytes | None:
    """The bytes at `path`, or else at `within` in the novel's folder; None when there is nothing that may be read."""
    with suppress(FileUnreadable):
        data = panels.read(path, most_bytes)
        if data is not None or not within:
            return data
        folder = folder_of(panels, novel)
        return panels.read(f"{folder}/{within}", most_bytes) if folder is not None else None
    return None


def read_panel(panels: Source, novel: str, path: str, content_hash: bytes | None, most_bytes: int) -> bytes | None:
    """The bytes of a stored panel, None when its file is gone or is not the same any more."""
    data = find_panel(panels, novel, path, path, most_bytes)
    return data if data is not None and content_hash in (None, hashlib.sha256(data).digest()) else None


def _problems(taken: list[SourceFile | names.Passed]) -> dict[str, str]:
    return {each.path: each.problem for each in taken if isinstance(each, names.Passed) and each.problem}
