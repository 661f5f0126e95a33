"""Mean vectors of novels in one text space, and where a novel's passages stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from morpheus_assets.store.content.novel_rows import lock_novel, novel_id
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)


@dataclass(frozen=True)
class NovelMean:
    """A novel's mean vector, one float a dimension, and what a person knows it by."""

    novel: str
    language: str | None
    title: str | None
    author: str | None
    mean: Sequence[float]


@dataclass(frozen=True)
class PassagePlace:
    """Where a passage stands first in its novel: its chapter's ordinal and its characters in the novel's text."""

    content_hash: bytes
    chapter: int
    char_start: int
    char_end: int


def save_mean(bind: Bind, novel: str, space_id: int, mean: Any, passages: int) -> bool:
    """Store a novel's mean [dimensions] of so many passages; None deletes it. True when anything changed."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        values = {"space": space_id, "number": novel_id(connection, novel)}
        if mean is None:
            return connection.execute(queries.delete_mean, values).rowcount > 0
        row = {**values, "passages": passages, "mean": [float(value) for value in mean]}
        return connection.execute(queries.save_mean, row).rowcount > 0


def load_means(bind: Bind, space_id: int) -> list[NovelMean]:
    """The means of all novels in a space, in no order."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(NovelMean)) as cursor:
        return cursor.execute(queries.means, {"space": space_id}).fetchall()


def passages_of(bind: Bind, novel: str) -> list[PassagePlace]:
    """The distinct passages of a novel by content hash."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(PassagePlace)) as cursor:
        return cursor.execute(queries.passages_of, {"novel": novel}).fetchall()


def passage_bodies(bind: Bind, hashes: Sequence[bytes]) -> dict[bytes, str]:
    """The texts of passages by content hash; those that are not stored are left out."""
    with reading(bind) as connection:
        rows = connection.execute(queries.bodies, {"hashes": list(hashes)}).fetchall()
    return {bytes(content_hash): body for content_hash, body in rows}
