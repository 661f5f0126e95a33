"""Passages and panels by their content hash or place, for showing them. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)


@dataclass(frozen=True)
class TextPiece:
    """Text around a place: `text == novel_text[char_start:char_end]`; `length` is the whole novel's."""

    novel: str
    title: str | None
    char_start: int
    char_end: int
    length: int
    text: str


@dataclass(frozen=True)
class PanelPlace:
    """Where a stored panel's file lies: `path` within its novel's panel folder."""

    novel: str
    path: str
    content_hash: bytes


def passage_body(bind: Bind, content_hash: bytes) -> str | None:
    """The text of a passage, None when no novel has it (any more)."""
    with transaction(bind) as connection:
        row = connection.execute(queries.passage_body, {"content_hash": content_hash}).fetchone()
    return row[0] if row else None


def text_piece(bind: Bind, novel: str, char_start: int, char_end: int) -> TextPiece | None:
    """A piece of a novel's text, cut to what there is; None when no text of that name is stored."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(TextPiece)) as cursor:
        return cursor.execute(
            queries.text_piece,
            {"novel": novel, "start": char_start, "end": char_end, "size": max(0, char_end - char_start)},
        ).fetchone()


def panel_place(bind: Bind, content_hash: bytes) -> PanelPlace | None:
    """A panel of that hash, None when there is none (any more)."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(PanelPlace)) as cursor:
        return cursor.execute(queries.panel_place, {"content_hash": content_hash}).fetchone()


def content_version(bind: Bind) -> str:
    """A digest that changes whenever a search might find something else: content, vectors, or the active space."""
    with transaction(bind) as connection:
        row = connection.execute(queries.content_version).fetchone()
    return str(row[0]) if row else ""


def languages_of_novels(bind: Bind, novels: Sequence[str] | None = None) -> dict[str, str]:
    """The language, ISO 639-1, of each stored text, or of those named; by novel."""
    with reading(bind) as connection:
        rows = connection.execute(
            queries.languages_of_novels, {"novels": None if novels is None else list(novels)}
        ).fetchall()
    return {str(novel): str(language) for novel, language in rows}
