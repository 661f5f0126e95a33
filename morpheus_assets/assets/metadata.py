"""What a person reads on a materialization: counts, tables, a contact sheet. Nothing here decides anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from morpheus_assets.assets.panels import FoundPanels
from morpheus_assets.domain.content import ChapterCount, ChapterRecord, ReplaceCounts

PREVIEW_ROWS = 60


def replaced(counts: ReplaceCounts) -> dict[str, Any]:
    """Rows in all, and what became of them."""
    return {
        "dagster/row_count": counts.written + counts.unchanged,
        "rows_written": counts.written,
        "rows_unchanged": counts.unchanged,
        "rows_deleted": counts.deleted,
    }


def chapter_preview(rows: Sequence[ChapterRecord]) -> dg.TableMetadataValue:
    """The first chapters as a table."""
    return _table(
        {"ordinal": "int", "kind": "string", "title": "string", "line": "int", "characters": "int"},
        [
            {
                "ordinal": row.ordinal,
                "kind": row.kind,
                "title": row.title,
                "line": row.line,
                "characters": row.char_end - row.char_start,
            }
            for row in rows[:PREVIEW_ROWS]
        ],
    )


def chunk_preview(counts: Sequence[ChapterCount], titles: Mapping[int, str]) -> dg.TableMetadataValue:
    """Chunks of the first chapters."""
    return _table(
        {"chapter": "int", "title": "string", "chunks": "int"},
        [
            {"chapter": count.chapter, "title": titles.get(count.chapter, ""), "chunks": count.chunks}
            for count in counts[:PREVIEW_ROWS]
        ],
    )


def panel_sheet(panels: FoundPanels) -> dg.MarkdownMetadataValue:
    """The first panels as one small picture."""
    from morpheus_assets.images.previews import as_markdown, contact_sheet

    picture = contact_sheet(panels.first_pictures())
    return dg.MetadataValue.md(as_markdown(picture, "the first panels") or "no panels")


def _table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema=schema)
