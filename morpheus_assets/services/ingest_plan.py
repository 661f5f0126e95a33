"""Decides what a sensor asks for: which novels are stale or unfinished, and which run each gets.

The sensors are the shells around it.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from morpheus_assets.images.page_version import CUT_VERSION
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import only_novels, wanted_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.sources.names import NovelFiles, one_source_a_novel

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.store.database.transactions import Bind


# A process costs about four seconds: from this many new novels on, they share runs.
SHARED_RUN_FROM = 8
NOVELS_IN_A_RUN = 50


@dataclass(frozen=True)
class StaleNovel:
    """A novel whose source differs from what was ingested; `version` names this state of the source.

    `only_cut`: its files are the same, and its pages are to be cut by another version of the cutter.
    """

    novel: str
    version: str
    only_cut: bool = False


@dataclass(frozen=True)
class PlannedRun:
    """One run to launch: its novels (several of them are contiguous new partitions) and its run key.

    `only_cut` is as of its novels: nothing is embedded, since what that costs is planned for the night.
    """

    novels: tuple[str, ...]
    run_key: str
    only_cut: bool = False


@dataclass(frozen=True)
class Plan:
    """What a tick asks for: partitions to add, runs to launch, and for the next tick what was asked for already."""

    new_partitions: tuple[str, ...]
    runs: tuple[PlannedRun, ...]
    requested: Mapping[str, str]


@dataclass(frozen=True)
class PartitionChanges:
    """How a partition set differs from what is stored: novels that lack their partition, partitions of nothing."""

    missing: Sequence[str]
    surplus: Sequence[str]


def partition_changes(bind: "Bind", kind: str, partitions: Collection[str]) -> PartitionChanges:
    """Compare the partitions of texts ("text") or panels ("panel") with what is stored, and with the files seen.

    A novel whose only text was refused, one that was removed, and one without pictures among the panels are surplus.
    """
    from morpheus_assets.store.content.novels import ingested_digests, novels_beside_and_without
    from morpheus_assets.store.content.source_files import load_source_files

    beside, surplus = novels_beside_and_without(bind, kind, partitions)
    if surplus:
        files = [file for file in load_source_files(bind, kind).values() if file.novel in set(surplus)]
        waiting = {file.novel for file in files}
        if kind == "text":
            known = ingested_digests(bind)
            texts, _ = one_source_a_novel(files)
            refused = {
                each.novel
                for each in texts
                if each.digest is not None and each.novel in known and each.digest == known[each.novel].refused
            }
            waiting = {each.novel for each in texts} - refused
        surplus = [novel for novel in surplus if novel not in waiting]
    return PartitionChanges(beside, surplus)


def stale_texts(bind: "Bind", files: Iterable[NovelFiles]) -> list[StaleNovel]:
    """Novels whose file or folder is neither the one that was ingested nor the one that was refused since.

    What is still being copied (no digest yet) waits for the next scan.
    """
    from morpheus_assets.store.content.novels import ingested_digests

    ingested = ingested_digests(bind)
    return changed_texts(files, {novel: (known.text, known.refused) for novel, known in ingested.items()})


def changed_texts(
    files: Iterable[NovelFiles], ingested: Mapping[str, tuple[str | None, str | None]]
) -> list[StaleNovel]:
    """Novels whose files have neither of two digests: of the text that is stored, of what was refused since (hex)."""
    stale = []
    for each in files:
        digest = each.digest
        if digest is not None and digest not in ingested.get(each.novel, (None, None)):
            stale.append(StaleNovel(each.novel, state_of(digest, each.mtime_ns)))
    return stale


def stale_panels(bind: "Bind") -> list[StaleNovel]:
    """Novels whose set of panel files is not the one that was ingested, or whose pages another version cut.

    A novel of which any file is still being copied (no digest yet) waits for the next scan.
    """
    from morpheus_assets.store.content.source_files import changed_panel_sets

    return [
        StaleNovel(novel, state_of(digest, latest) + (f":cut {CUT_VERSION}" if only_cut else ""), only_cut)
        for novel, digest, latest, only_cut in changed_panel_sets(bind, CUT_VERSION)
    ]


def plan_runs(
    stale: Sequence[StaleNovel],
    partitions: Collection[str],
    requested: Mapping[str, str],
    *,
    kind: str,
    limit: int,
    batch: int = NOVELS_IN_A_RUN,
) -> Plan:
    """Turn stale novels into runs, at most `limit` of them; the rest follows at the next tick.

    What was `requested` before in the same version is not asked for again: it is queued, running, or it failed and
    says why. Many new novels share runs, `batch` in each, since new partitions of one tick are contiguous.
    """
    pending = {item.novel: item.version for item in stale if requested.get(item.novel) == item.version}
    todo = [item for item in stale if item.novel not in pending]
    new = [item for item in todo if item.novel not in partitions]
    known = [item for item in todo if item.novel in partitions]
    groups: list[Sequence[StaleNovel]] = []
    if len(new) >= SHARED_RUN_FROM:
        groups += [new[start : start + batch] for start in range(0, len(new), batch)]
    else:
        groups += [[item] for item in new]
    groups += [[item] for item in known]
    taken = groups[:limit]
    added = tuple(item.novel for group in taken for item in group if item.novel not in partitions)
    asked = {item.novel: item.version for group in taken for item in group}
    return Plan(added, tuple(_planned(group, kind) for group in taken), {**pending, **asked})


def state_of(digest: str, mtime_ns: int) -> str:
    """One state of a source, short enough for a run key."""
    # the time tells A → B → A apart from A: Dagster never runs the same run key twice
    return f"{digest[:16]}:{mtime_ns}"


def _planned(group: Sequence[StaleNovel], kind: str) -> PlannedRun:
    if len(group) == 1:
        [item] = group
        return PlannedRun((item.novel,), f"{kind}:{item.novel}:{item.version}", item.only_cut)
    names = "\n".join(f"{item.novel}:{item.version}" for item in group)
    digest = hashlib.sha256(names.encode()).hexdigest()[:16]
    return PlannedRun(tuple(item.novel for item in group), f"{kind}:{len(group)} novels:{digest}")


@dataclass(frozen=True)
class StoredAssets:
    """What is whole of some novels: for each asset, by the path of its key and upstream first, the novels.

    `after` is the last of them that was looked at; None when there are no more.
    """

    novels: Mapping[tuple[str, ...], Sequence[str]]
    after: str | None


def stored_assets(bind: "Bind", settings: Settings, purpose: str, after: str = "", limit: int = 200) -> StoredAssets:
    """What the next `limit` novels behind `after` have stored whole, of texts ("text") or panels ("image")."""
    from morpheus_assets.store.content.novels import stored_stages
    from morpheus_assets.store.spaces.coverage import coverage
    from morpheus_assets.store.spaces.spaces import list_spaces

    stages = stored_stages(bind, after, limit)
    found: dict[tuple[str, ...], list[str]] = {}
    if purpose == "text":
        found[("novels",)] = [each.novel for each in stages if each.text]
        made = [each.novel for each in stages if each.text and each.chunks]
        found[("chapters",)] = found[("chunks",)] = made
    else:
        found[("panel_images",)] = [each.novel for each in stages if each.pages]
        made = found[("regions",)] = [each.novel for each in stages if each.pages and each.cut]
    rows = {row.key: row for row in list_spaces(bind, purpose)} if made else {}
    for space in wanted_spaces(settings, purpose):
        row, allowed = rows.get(space.key), only_novels(settings, space)
        names = [novel for novel in made if allowed is None or novel in allowed]
        if row is not None and names:
            whole = [each.novel for each in coverage(bind, row, names).novels if not each.missing]
            found[tuple(space_asset(space))] = whole
    return StoredAssets(found, stages[-1].novel if len(stages) == limit else None)


def unfinished(engine: "Engine", settings: Settings, purpose: str, novels: Collection[str]) -> set[str]:
    """The novels that are not whole: their files are newer than what is stored of them, or vectors are missing.

    `purpose` is "text" for texts, "image" for panels.
    """
    from morpheus_assets.store.content.novels import ingested_digests
    from morpheus_assets.store.content.source_files import load_source_files
    from morpheus_assets.store.spaces.coverage import coverage
    from morpheus_assets.store.spaces.spaces import list_spaces

    kind = "text" if purpose == "text" else "panel"
    files = [file for file in load_source_files(engine, kind).values() if file.novel in novels]
    readable = {file.novel for file in files}
    if kind == "text":
        texts, _ = one_source_a_novel(files)
        readable = {each.novel for each in texts}
    stale = stale_texts(engine, texts) if kind == "text" else stale_panels(engine)
    digests = ingested_digests(engine)
    found = {item.novel for item in stale}
    rows = {row.key: row for row in list_spaces(engine, purpose)}
    for space in wanted_spaces(settings, purpose):
        allowed = only_novels(settings, space)
        names = [novel for novel in novels if allowed is None or novel in allowed]
        row = rows.get(space.key)
        if row is None:
            found.update(novel for novel in names if novel in digests and not digests[novel].refused)
        elif names:
            found.update(novel.novel for novel in coverage(engine, row, names).novels if novel.to_send)
    return found & readable
