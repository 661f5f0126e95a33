"""Regions of pages: what image models see of them. Replaced page by page, each in one short transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)


@dataclass(frozen=True)
class Region:
    """A part of a page to look at: its kind ("page", "panel", "piece", "tile", "given") and its box in pixels.

    `ordinal` is its place on the page, 0 for the page itself; `content_hash` that of its upright pixels with their size
    and the shaping's version; `cutter` the version of what made the box, "author" or "person".
    """

    ordinal: int
    kind: str
    x0: int
    y0: int
    x1: int
    y1: int
    confidence: float
    cutter: str
    content_hash: bytes


@dataclass(frozen=True)
class PlacedRegion(Region):
    """A stored region with its page: path, entry and ordinal, and why the cut of that page is doubtful."""

    novel: str
    path: str
    entry: str
    page: int
    doubts: list[str]


@dataclass(frozen=True)
class DoubtfulPages:
    """How many pages of a novel are cut, and of how many the cut is doubtful."""

    novel: str
    pages: int
    doubtful: int


def replace_regions(
    bind: Bind, page: PanelRecord, regions: Sequence[Region], *, cut_of: str, doubts: Sequence[str] = ()
) -> bool:
    """Make the regions of a stored page equal to `regions`; False when the page has another picture by now."""
    noted = {"page": page.id, "cut_of": cut_of, "doubts": list(doubts), "content_hash": page.content_hash}
    rows = json.dumps([vars(region) for region in regions], default=lambda value: "\\x" + value.hex())
    with transaction(bind) as connection:
        if connection.execute(queries.note_cut, noted).fetchone() is None:
            return False
        connection.execute(queries.delete_regions, {"page": page.id})
        connection.execute(queries.write_regions, {"page": page.id, "rows": rows})
    return True


def load_regions(bind: Bind, novels: Sequence[str]) -> list[PlacedRegion]:
    """The regions of some novels in reading order."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(PlacedRegion)) as cursor:
        return cursor.execute(queries.load_regions, {"novels": list(novels)}).fetchall()


def doubtful_pages(bind: Bind) -> list[DoubtfulPages]:
    """How many pages of each novel are cut doubtfully."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(DoubtfulPages)) as cursor:
        return cursor.execute(queries.count_doubtful).fetchall()


def uncut_pages(bind: Bind) -> dict[str, int]:
    """How many stored pages of each novel still have no regions; only novels with some."""
    with transaction(bind) as connection:
        return dict(connection.execute(queries.uncut_pages).fetchall())
