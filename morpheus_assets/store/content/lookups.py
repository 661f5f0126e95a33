"""Passages and panels by their content hash or place, for showing them; searching is search.py's. Only reads."""

from dataclasses import dataclass

from psycopg.rows import class_row

from morpheus_assets.store.database.transactions import Bind, transaction


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
        row = connection.execute("SELECT body FROM chunks WHERE content_hash = %s LIMIT 1", [content_hash]).fetchone()
    return row[0] if row else None


def text_piece(bind: Bind, novel: str, char_start: int, char_end: int) -> TextPiece | None:
    """A piece of a novel's text, cut to what there is; None when no text of that name is stored."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(TextPiece)) as cursor:
        return cursor.execute(
            "SELECT novel, title, least(%(start)s, body_length) AS char_start,"
            " least(%(end)s, body_length) AS char_end, body_length AS length,"
            " substr(body, %(start)s + 1, %(size)s) AS text FROM novels WHERE novel = %(novel)s AND body IS NOT NULL",
            {"novel": novel, "start": char_start, "end": char_end, "size": max(0, char_end - char_start)},
        ).fetchone()


def panel_place(bind: Bind, content_hash: bytes) -> PanelPlace | None:
    """A panel of that hash, None when there is none (any more)."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(PanelPlace)) as cursor:
        return cursor.execute(
            "SELECT n.novel, p.path, p.content_hash FROM panels p JOIN novels n ON n.id = p.novel_id"
            " WHERE p.content_hash = %s AND p.state = 'stored' ORDER BY n.novel, p.path LIMIT 1",
            [content_hash],
        ).fetchone()


def content_version(bind: Bind) -> str:
    """Changes whenever a search might find something else: content, vectors, or which space answers."""
    with transaction(bind) as connection:
        row = connection.execute(
            "SELECT md5(coalesce((SELECT string_agg(concat_ws(',', novel, body_digest, chunker, panels_digest), ';'"
            " ORDER BY id) FROM novels), '') || coalesce((SELECT string_agg(purpose || space_id, ';' ORDER BY purpose)"
            " FROM active_spaces), '') || coalesce((SELECT id::text FROM spending"
            " WHERE novel IS NOT NULL ORDER BY id DESC LIMIT 1), ''))"
        ).fetchone()
    return str(row[0]) if row else ""
