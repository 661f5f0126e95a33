"""Panels of a novel: one row per picture, stored or refused, replaced as a whole in one short transaction.

The pictures' bytes stay in the content folder; their vectors hang on the content hash.
"""

from collections.abc import Iterable, Sequence

from morpheus_assets.domain.content import PanelRecord, ReplaceCounts
from morpheus_assets.store.content.novel_rows import lock_novel, novel_id, replace_rows
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)


def replace_panels(
    bind: Bind, novel: str, panels: Iterable[PanelRecord], *, panels_digest: str | None = None
) -> ReplaceCounts:
    """Make the novel's panels equal to `panels`; a novel with panels only gets its row here.

    `panels_digest` stands for all the files that they came from; a sensor compares it (`ingested_digests`).
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute(queries.add_novel, {"novel": novel})
        number = novel_id(connection, novel)
        rows = map(vars, panels)
        counts = replace_rows(connection, queries.write_panels, queries.delete_other_panels, number, rows, key="path")
        connection.execute(queries.set_panels_digest, {"number": number, "digest": panels_digest})
        return counts


def remove_panels(bind: Bind, novel: str) -> int:
    """Delete a novel's panels, observations and tombstones of them, and the novel where it has no text; how many."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        removed = connection.execute(queries.delete_panels_of_novel, {"novel": novel}).rowcount
        connection.execute(queries.forget_panel_files_of_novel, {"novel": novel})
        connection.execute(queries.delete_panel_tombstones_of_novel, {"novel": novel})
        connection.execute(queries.delete_novel_without_text, {"novel": novel})
        connection.execute(queries.forget_panels_digest, {"novel": novel})
    return removed


def load_panels(bind: Bind, novel: str, *, state: str | None = None) -> list[PanelRecord]:
    """One novel's panels by path, of one state ("stored", "refused") or all. Raises UnknownNovel."""
    with transaction(bind) as connection:
        novel_id(connection, novel)
        panels = load_panels_of(bind, [novel])[novel]
    return [panel for panel in panels if state is None or panel.state == state]


def load_panels_of(bind: Bind, novels: Sequence[str]) -> dict[str, list[PanelRecord]]:
    """The panels of many novels; every name asked for is a key."""
    found: dict[str, list[PanelRecord]] = {name: [] for name in novels}
    with transaction(bind) as connection:
        for novel, *values in connection.execute(queries.load_panels, {"novels": list(novels)}):
            found[novel].append(PanelRecord(*(*values[:-1], tuple(values[-1]))))
    return found


def refused_panels(bind: Bind) -> list[str]:
    """The reason of each panel that was refused, by novel and path."""
    with transaction(bind) as connection:
        return [reason for (reason,) in connection.execute(queries.refused_panels)]
