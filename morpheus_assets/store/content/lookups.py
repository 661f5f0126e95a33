"""Passages and panels by their content hash or place, for showing them. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, reading

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
    """Where a region or a whole file of that hash is: `path` below panels/, and the page's `entry` within that file.

    `page` and `region` are ordinals; `box` is (left, top, right, bottom) in pixels of the upright page, whose
    bytes have `page_hash`. Where the box is lower than the page, the region goes on in `following` pages: [path, entry,
    hash in hex].
    """

    novel: str
    path: str
    content_hash: bytes
    entry: str
    page: int
    region: int
    kind: str
    box: list[int | None]
    page_hash: bytes
    page_width: int | None
    page_height: int | None
    following: list[list[str]] | None = None

    @property
    def pixels(self) -> tuple[int, int, int, int] | None:
        """The box, None where the size of the page is not known."""
        left, top, right, bottom = self.box
        if left is None or top is None or right is None or bottom is None:
            return None
        return left, top, right, bottom


@dataclass(frozen=True)
class PanelNeighbours:
    """The hashes of what is read before and after a region; None at the ends of a novel."""

    before: bytes | None
    after: bytes | None


def passage_body(bind: Bind, content_hash: bytes) -> str | None:
    """The text of a passage, None when no novel has it (any more)."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.passage_body, {"content_hash": content_hash}).fetchone()
    return row[0] if row else None


def text_piece(bind: Bind, novel: str, char_start: int, char_end: int) -> TextPiece | None:
    """A piece of a novel's text, cut to what there is; None when no text of that name is stored."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(TextPiece)) as cursor:
        return cursor.execute(
            queries.text_piece,
            {"novel": novel, "start": char_start, "end": char_end, "size": max(0, char_end - char_start)},
        ).fetchone()


def panel_place(bind: Bind, content_hash: bytes) -> PanelPlace | None:
    """A panel of that hash, None when there is none (any more)."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(PanelPlace)) as cursor:
        return cursor.execute(queries.panel_place, {"content_hash": content_hash}).fetchone()


def panels_around(bind: Bind, place: PanelPlace) -> PanelNeighbours:
    """What is read before and after the region at a place, through all pages of its novel."""
    given = {"novel": place.novel, "page": place.page, "region": place.region}
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(PanelNeighbours)) as cursor:
        return cursor.execute(queries.panels_around, given).fetchone() or PanelNeighbours(None, None)


def content_version(bind: Bind) -> str:
    """A digest that changes whenever a search might find something else: content, vectors, or the active space."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.content_version).fetchone()
    return str(row[0]) if row else ""


def languages_of_novels(bind: Bind, novels: Sequence[str] | None = None) -> dict[str, str]:
    """The language, ISO 639-1, of each stored text, or of those named; by novel."""
    with reading(bind) as connection:
        rows = connection.execute(
            queries.languages_of_novels, {"novels": None if novels is None else list(novels)}
        ).fetchall()
    return {str(novel): str(language) for novel, language in rows}
