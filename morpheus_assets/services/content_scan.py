"""One look at a store of objects, page by page: what is new, changed or gone against what Postgres knows.

A page is the whole truth about the paths from its beginning to its end, so that each is compared by itself and a look
may stop behind any of them. What is known lies in Postgres; a sensor's cursor keeps one path and nothing else of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.services.ingest_plan import StaleNovel, stale_texts, state_of
from morpheus_assets.sources.base import ContentUnreadable, Entry, Page
from morpheus_assets.sources.names import Passed, object_folders, one_object_a_novel, take_novel, take_panel
from morpheus_assets.sources.objects import ObjectPlace

if TYPE_CHECKING:
    from sqlalchemy import Engine

# The other sensors of the daemon wait for no tick longer than this and a page; the next one goes on.
SECONDS = 3.0
# Ranges a little shorter than a page: a few new objects between two known ones still fit into one request.
FILL = 0.97


@dataclass
class Look:
    """What one look found; `after` is the path behind which the next one goes on, None at the end of the place.

    `held` is the novel in the middle of whose folder that is.
    """

    objects: int = 0
    pages: int = 0
    changed: int = 0
    gone: int = 0
    after: str | None = None
    held: str | None = None
    problems: dict[str, str] = field(default_factory=dict)


def novels_at_address(
    place: ObjectPlace, engine: "Engine", after: str | None, *, seconds: float = SECONDS
) -> tuple[Look, list[StaleNovel]]:
    """Look at `novels/`; which novels are stale by what is known then, two objects for one key left out."""
    from morpheus_assets.store.content.novels import ingested_digests
    from morpheus_assets.store.content.source_files import (
        load_source_files,
    )

    look = look_at_objects(engine, place, "text", take_novel, after=after, seconds=seconds)
    files, problems = one_object_a_novel(load_source_files(engine, "text").values())
    look.problems.update(problems)
    digests = ingested_digests(engine)
    return look, stale_texts(files, {novel: (known.text, known.refused) for novel, known in digests.items()})


def panels_at_address(
    place: ObjectPlace, engine: "Engine", after: str | None, *, seconds: float = SECONDS
) -> tuple[Look, list[StaleNovel]]:
    """Look at `panels/`; which novels are stale, save the one in the middle of whose folder the look stopped."""
    from morpheus_assets.store.content.source_files import (
        changed_panel_sets,
    )

    owners, problems = object_folders(place)
    look = look_at_objects(
        engine, place, "panel", lambda entry: take_panel(entry, owners), after=after, seconds=seconds
    )
    look.problems.update(problems)
    unfinished = look.after.partition("/")[0] if look.after else None
    look.held = next((novel for novel, folder in owners.items() if folder == unfinished), None)
    stale = [
        StaleNovel(novel, state_of(digest, latest))
        for novel, digest, latest in changed_panel_sets(engine)
        if novel in owners and novel != look.held
    ]
    return look, stale


def look_at_objects(
    engine: "Engine",
    place: ObjectPlace,
    kind: str,
    take: Callable[[Entry], SourceFile | Passed],
    *,
    after: str | None,
    seconds: float,
) -> Look:
    """Compare pages behind `after` with what is known and store the difference, for `seconds` or to the end.

    Raises ContentUnreadable when a page cannot be had or cannot be right; pages before it are stored, it is not.
    """
    from morpheus_assets.store.content.source_files import (
        path_bounds,
    )

    look = Look()
    bounds = path_bounds(engine, kind, after, max(1, int(place.page_size * FILL)))
    for start, page in place.ranges(after, bounds, seconds=seconds):
        _compare(engine, place, kind, take, start, page, look)
        look.after = page.after
    return look


def _compare(
    engine: "Engine",
    place: ObjectPlace,
    kind: str,
    take: Callable[[Entry], SourceFile | Passed],
    start: str | None,
    page: Page,
    look: Look,
) -> None:
    from morpheus_assets.store.content.source_files import (
        forget_source_files,
        note_missing,
        note_returned,
        save_source_files,
        source_files_between,
    )

    known = source_files_between(engine, kind, start, page.after)
    files: dict[str, SourceFile] = {}
    for entry in page.entries:
        taken = take(entry)
        if isinstance(taken, SourceFile):
            files[taken.path] = taken
        elif taken.problem:
            look.problems[taken.name] = taken.problem
    unseen = known.keys() - {entry.path for entry in page.entries}
    if unseen:
        place.make_sure(unseen)
        _make_sure_of_the_place(place, len(known))
    vanished = [(file.novel, path) for path, file in known.items() if path not in files]
    changed = [file for file in files.values() if not _same(file, known.get(file.path))]
    save_source_files(engine, changed)
    if vanished:
        note_missing(engine, kind, vanished)
        forget_source_files(engine, kind, [path for _, path in vanished])
    appeared = files.keys() - known.keys()
    if appeared:
        note_returned(engine, kind, appeared)
    look.objects += len(files)
    look.pages += 1
    look.changed += len(changed)
    look.gone += len(vanished)


def _make_sure_of_the_place(place: ObjectPlace, known: int) -> None:
    """Raise ContentUnreadable when nothing at all is there."""
    if not ObjectPlace(place.url, page_size=1).page().entries:
        raise ContentUnreadable(
            f"{place.shown()} is empty although {known} or more objects were known; a wrong address looks the same, so"
            " nothing is marked as removed. Use `morpheus remove NOVEL` for what should go."
        )


def _same(file: SourceFile, known: SourceFile | None) -> bool:
    return known is not None and (file.novel, file.size_bytes, file.mtime_ns, file.digest) == (
        known.novel,
        known.size_bytes,
        known.mtime_ns,
        known.digest,
    )
