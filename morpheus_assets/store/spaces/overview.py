"""What a step that embeds asks first, in one round trip: the spaces of its purpose, and what its novels have."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading

queries = load_queries(__file__)

_CONTENT = {"text": queries.novels_with_chunks, "image": queries.novels_with_panels}


@dataclass(frozen=True)
class NovelContent:
    """One stored novel: whether it has anything to embed, or panels that were refused, and why its text was refused."""

    novel: str
    has_content: bool
    refused_reason: str | None


@dataclass(frozen=True)
class Overview:
    """The stored spaces of a purpose, the one that answers searches among them, and some novels by name."""

    spaces: Sequence[SpaceRow]
    active: SpaceRow | None
    novels: dict[str, NovelContent]


def overview(bind: Bind, purpose: str, novels: Sequence[str]) -> Overview:
    """Look at the spaces of a purpose ("text", "image") and at what some novels have for them."""
    with reading(bind) as connection, connection.pipeline():
        spaces = connection.cursor(row_factory=class_row(SpaceRow))
        spaces.execute(queries.list_spaces, {"purpose": purpose})
        content = connection.cursor(row_factory=class_row(NovelContent))
        query = _CONTENT[purpose]
        content.execute(query, {"novels": list(novels)})
    rows = spaces.fetchall()
    active = next((row for row in rows if row.state == "active"), None)
    return Overview(rows, active, {each.novel: each for each in content.fetchall()})
