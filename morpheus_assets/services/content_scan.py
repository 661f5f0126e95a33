"""One scan of a source, page by page: what is new, changed or gone against what Postgres knows, and what is stale.

A page is the whole truth about the paths from its beginning to its end, so that each is compared by itself and a scan
may stop behind any of them. What is known lies in Postgres; a sensor's cursor keeps one path and nothing else of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.services.ingest_plan import StaleNovel, stale_panels, stale_texts
from morpheus_assets.sources.base import ContentUnreadable, Entry, Page, Source
from morpheus_assets.sources.listing import panel_owners
from morpheus_assets.sources.names import Passed, one_source_a_novel, take_novel, take_panel, unit_of

if TYPE_CHECKING:
    from morpheus_assets.store.database.transactions import Bind

# The other sensors of the daemon wait for no tick longer than this and a page; the next one goes on.
SECONDS = 3.0


@dataclass
class Scan:
    """The outcome of one scan; `after` is the path behind which the next one goes on, None at the end of the source.

    `stale` are the novels to ingest, `held` is the novel in the middle of whose folder the scan stopped, `waiting`
    counts the files that are still being copied.
    """

    files: int = 0
    pages: int = 0
    changed: int = 0
    gone: int = 0
    waiting: int = 0
    after: str | None = None
    held: str | None = None
    problems: dict[str, str] = field(default_factory=dict)
    stale: list[StaleNovel] = field(default_factory=list)


def scan_novels(bind: "Bind", source: Source, after: str | None = None, *, seconds: float = SECONDS) -> Scan:
    """Scan `novels/` behind `after`; two files for one key are both named and not stale.

    Nor is the novel in the middle of whose folder the scan stopped. Raises ContentUnreadable, as `scan_source` does.
    """
    from morpheus_assets.store.content.source_files import load_source_files

    scan = scan_source(bind, source, "text", take_novel, after, seconds=seconds)
    files, problems = one_source_a_novel(load_source_files(bind, "text").values())
    scan.problems.update(problems)
    unfinished = unit_of(scan.after) if scan.after and "/" in scan.after else None
    scan.held = next((each.novel for each in files if each.path == unfinished), None)
    scan.stale = [item for item in stale_texts(bind, files) if item.novel != scan.held]
    return scan


def scan_panels(bind: "Bind", source: Source, after: str | None = None, *, seconds: float = SECONDS) -> Scan:
    """Scan `panels/` behind `after`; stale are novels with a folder there, save the one in whose middle it stopped.

    Raises ContentUnreadable, as `scan_source` does.
    """
    owners, problems = panel_owners(source)
    scan = scan_source(bind, source, "panel", lambda entry: take_panel(entry, owners), after, seconds=seconds)
    scan.problems = problems | scan.problems
    unfinished = scan.after.partition("/")[0] if scan.after else None
    scan.held = next((novel for novel, folder in owners.items() if folder == unfinished), None)
    scan.stale = [item for item in stale_panels(bind) if item.novel in owners and item.novel != scan.held]
    return scan


def scan_source(
    bind: "Bind",
    source: Source,
    kind: str,
    take: Callable[[Entry], SourceFile | Passed],
    after: str | None = None,
    *,
    seconds: float = SECONDS,
) -> Scan:
    """Compare pages behind `after` with what is known and store the difference, for `seconds` or to the end.

    Raises ContentUnreadable when a page cannot be had or cannot be right; pages before it are stored, it is not.
    """
    from morpheus_assets.store.content.source_files import path_bounds

    scan = Scan()
    for page in source.pages(after, known_paths=partial(path_bounds, bind, kind, after), seconds=seconds):
        _compare(bind, source, kind, take, page, scan)
        scan.after = page.after
    return scan


def _compare(
    bind: "Bind", source: Source, kind: str, take: Callable[[Entry], SourceFile | Passed], page: Page, scan: Scan
) -> None:
    from morpheus_assets.store.content.source_files import (
        forget_source_files,
        note_missing,
        note_returned,
        save_source_files,
        source_files_between,
    )

    known = source_files_between(bind, kind, page.start, page.after)
    files: list[SourceFile] = []
    for entry in page.entries:
        taken = take(entry)
        if isinstance(taken, SourceFile):
            files.append(taken)
        elif taken.problem:
            scan.problems[taken.path] = taken.problem
    unseen = known.keys() - {entry.path for entry in page.entries}
    if unseen:
        source.verify_absent(unseen)
        _verify_not_empty(source, len(known))
    observation = source.observe(files, known)
    changed = [file for file in observation.files if not _same(file, known.get(file.path))]
    save_source_files(bind, changed)
    taken_paths = {file.path for file in files}
    if forgotten := known.keys() - taken_paths:
        note_missing(bind, kind, _lost(bind, kind, known, unseen))
        forget_source_files(bind, kind, forgotten)
    if appeared := {file.path for file in observation.files} - known.keys():
        note_returned(bind, kind, appeared | {unit_of(path) for path in appeared})
    scan.problems.update(observation.problems)
    scan.files += len(files)
    scan.pages += 1
    scan.changed += len(changed)
    scan.gone += len(unseen)
    scan.waiting += len(observation.waiting)


def _lost(bind: "Bind", kind: str, known: dict[str, SourceFile], unseen: set[str]) -> list[tuple[str, str]]:
    """(novel, path) of the unseen files with which something of a novel is lost.

    A text is lost when its novel has no other file by now, and a folder of chapters as a whole.
    """
    from morpheus_assets.store.content.source_files import load_source_files

    if kind != "text" or not unseen:
        return [(known[path].novel, path) for path in unseen]
    standing = {file.novel for path, file in load_source_files(bind, kind).items() if path not in unseen}
    return [(known[path].novel, unit_of(path)) for path in unseen if known[path].novel not in standing]


def _verify_not_empty(source: Source, known: int) -> None:
    """Raise ContentUnreadable when nothing at all is there."""
    if source.is_empty():
        raise ContentUnreadable(
            f"{source.display_name()} is empty although at least {known} files were known; an unmounted volume or a"
            " wrong address looks the same, so nothing is marked as removed. Use `morpheus remove NOVEL` for what"
            " should go."
        )


def _same(file: SourceFile, known: SourceFile | None) -> bool:
    return known is not None and (file.novel, file.size_bytes, file.mtime_ns, file.digest) == (
        known.novel,
        known.size_bytes,
        known.mtime_ns,
        known.digest,
    )
