"""Pages of a novel: one row a picture, stored or refused, replaced as a whole in one short transaction.

A page is a file or an entry of an archive. The pictures' bytes stay in the content folder; vectors hang on the hashes
of its regions (regions.py), or on the page's own in spaces that see whole files.
"""

import json
from collections.abc import Iterable, Sequence

from psycopg.rows import class_row

from morpheus_assets.domain.content import ComicBook, PanelRecord, ReplaceCounts
from morpheus_assets.sources.names import natural_order
from morpheus_assets.store.content.novel_rows import lock_novel, novel_id, replace_rows
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction

queries = load_queries(__file__)
_OF_THE_STORE = ("id", "cut_of")


def replace_panels(
    bind: Bind,
    novel: str,
    panels: Iterable[PanelRecord],
    *,
    panels_digest: str | None = None,
    books: Sequence[ComicBook] = (),
) -> ReplaceCounts:
    """Make the novel's pages equal to `panels`; a novel with pages only gets its row here.

    `books` are what the files say of themselves. Pages without an ordinal are numbered by their paths. `panels_digest`
    stands for all the files that they came from; a sensor compares it (`ingested_digests`).
    """
    rows = [
        {name: value for name, value in vars(page).items() if name not in _OF_THE_STORE}
        | {"ordinal": page.ordinal or place, "key": f"{page.path}\n{page.entry}", "frames": _flat(page)}
        for place, page in enumerate(sorted(panels, key=_given_order), 1)
    ]
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(queries.add_novel, {"novel": novel})
        number = novel_id(connection, novel)
        counts = replace_rows(connection, queries.write_pages, queries.delete_other_pages, number, rows, key="key")
        connection.execute(queries.delete_regions_of_refused, {"number": number})
        told = json.dumps([vars(book) for book in books])
        connection.execute(queries.write_comic_books, {"number": number, "books": told})
        connection.execute(queries.set_panels_digest, {"number": number, "digest": panels_digest})
        return counts


def _given_order(page: PanelRecord) -> tuple[object, ...]:
    return page.ordinal, natural_order(page.path), natural_order(page.entry)


def _flat(page: PanelRecord) -> list[int]:
    return [side for box in page.frames for side in box]


def remove_panels(bind: Bind, novel: str) -> int:
    """Delete a novel's panels, observations and tombstones of them, and the novel where it has no text; how many."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        removed = connection.execute(queries.delete_panels_of_novel, {"novel": novel}).rowcount
        connection.execute(queries.delete_comic_books_of_novel, {"novel": novel})
        connection.execute(queries.delete_source_files_of_novel, {"novel": novel, "kind": "panel"})
        connection.execute(queries.delete_tombstones_of_novel, {"novel": novel, "kind": "panel"})
        connection.execute(queries.delete_novel_without_text, {"novel": novel})
        connection.execute(queries.forget_panels_digest, {"novel": novel})
    return removed


def load_comic_books(bind: Bind, novel: str) -> list[ComicBook]:
    """What the files of a novel's pages say of themselves, in reading order; [] where they say nothing."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(ComicBook)) as cursor:
        return cursor.execute(queries.load_comic_books, {"novel": novel}).fetchall()


def load_panels(bind: Bind, novel: str, *, state: str | None = None) -> list[PanelRecord]:
    """One novel's pages in reading order, of one state ("stored", "refused") or all. Raises UnknownNovel."""
    with transaction(bind) as connection:
        novel_id(connection, novel)
        panels = load_panels_of(bind, [novel])[novel]
    return [panel for panel in panels if state is None or panel.state == state]


def load_panels_of(bind: Bind, novels: Sequence[str]) -> dict[str, list[PanelRecord]]:
    """The pages of many novels; every name asked for is a key."""
    found: dict[str, list[PanelRecord]] = {name: [] for name in novels}
    with autocommit(bind) as connection:
        for novel, *values in connection.execute(queries.load_pages, {"novels": list(novels)}):
            *known, treatments, entry, ordinal, role, direction, spread, frames, edges, number, cut_of = values
            boxes = tuple((*frames[at : at + 4],) for at in range(0, len(frames), 4))
            found[novel].append(
                PanelRecord(
                    *(*known, tuple(treatments), entry, ordinal, role, direction, spread, boxes, edges, number, cut_of)
                )
            )
    return found
