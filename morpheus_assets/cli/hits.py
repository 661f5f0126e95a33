"""Hits of a search as rows, and a row as a person reads it. Imports nothing that takes time."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 100

Row = Mapping[str, Any]
"""A passage or a panel, JSON-ready; `content_hash` in hex, `space` the key of the space that answered."""


@dataclass(frozen=True)
class Rows:
    """Hits, best first; `notes` is what else a person should know; `nothing_found` is what to say without hits."""

    rows: Sequence[Row]
    notes: Sequence[str]
    nothing_found: str


def format_row(row: Row) -> str:
    """A hit for a person: what it is ordered by, where it stands, how it was found, and the passage."""
    if "path" in row:
        size = f"({row['width']}x{row['height']})"
        return f"{row['rank']:>3}. {row['similarity']:.3f}  {_place_on_page(row)}  {size}"
    found = [f"similarity {row['similarity']:.3f}"] if row["similarity"] is not None else []
    found += [
        f"{name} #{rank}"
        for name, rank in (("vector", row["vector_rank"]), ("text", row["text_rank"]))
        if rank is not None
    ]
    place = f"{row['novel']}, {row['chapter_title'] or 'chapter {}'.format(row['chapter'])}"
    passage = textwrap.fill(
        " ".join(row["body"].split()),
        WIDTH,
        initial_indent="     ",
        subsequent_indent="     ",
        max_lines=6,
        placeholder=" …",
    )
    return f"{row['rank']:>3}. {row['relevance']:.2f}  {place}  [{', '.join(found)}]\n{passage}"


def _place_on_page(row: Row) -> str:
    """The file, the page within an archive, and where on it: box as left, top, right, bottom."""
    place = "/".join(part for part in (row["path"], row.get("entry")) if part)
    if not row.get("region") or not row.get("box"):
        return place
    return f"{place}, {row['kind']} at {','.join(map(str, row['box']))}"
