"""Panels: one row per picture of a novel, stored or refused, replaced in one short transaction.

The pictures' bytes stay in the content folder; their vectors hang on the content hash (vectors.py).
"""

from collections.abc import Iterable, Sequence

from morpheus_assets.domain.content import PanelRecord, ReplaceCounts
from morpheus_assets.store.database.transactions import Bind, RowSet, lock_novel, novel_id, replace_rows, transaction

_PANELS = RowSet(
    "panels",
    key=("path", "text"),
    values=(
        ("state", "text"), ("size_bytes", "bigint"), ("reason", "text"), ("content_hash", "bytea"), ("format", "text"),
        ("mode", "text"), ("width", "integer"), ("height", "integer"), ("treatments", "text[]"),
    ),
)  # fmt: skip


def replace_panels(
    bind: Bind, novel: str, rows: Iterable[PanelRecord], *, panels_digest: str | None = None
) -> ReplaceCounts:
    """Make the novel's panels equal to `rows`; a novel with panels only gets its row here.

    `panels_digest` stands for all the files that `rows` came from; a sensor compares it (ingested_digests).
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        connection.execute("INSERT INTO novels (novel) VALUES (%s) ON CONFLICT DO NOTHING", [novel])
        number = novel_id(connection, novel)
        staged = (
            (
                row.path, row.state, row.size_bytes, row.reason, row.content_hash, row.format,
                row.mode, row.width, row.height, list(row.treatments),
            )
            for row in rows
        )  # fmt: skip
        counts = replace_rows(connection, _PANELS, number, staged)
        connection.execute(
            "UPDATE novels SET panels_digest = %(digest)s"
            " WHERE id = %(id)s AND panels_digest IS DISTINCT FROM %(digest)s",
            {"id": number, "digest": panels_digest},
        )
        return counts


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
        for row in connection.execute(
            "SELECT n.novel, p.path, p.state, p.size_bytes, p.reason, p.content_hash, p.format, p.mode, p.width,"
            " p.height, p.treatments FROM novels n JOIN panels p ON p.novel_id = n.id WHERE n.novel = ANY(%s)"
            " ORDER BY n.novel, p.path",
            [list(novels)],
        ):
            found[row[0]].append(PanelRecord(*(*row[1:-1], tuple(row[-1]))))
    return found


def refused_pictures(bind: Bind) -> list[str]:
    """The sentence of each panel that was refused, by novel and path."""
    with transaction(bind) as connection:
        rows = connection.execute(
            "SELECT p.reason FROM panels p JOIN novels n ON n.id = p.novel_id WHERE p.state = 'refused'"
            " ORDER BY n.novel, p.path"
        )
        return [row[0] for row in rows]
