"""What upkeep remembers: deletions that were announced and not done yet, and measurements of drift.

The deletions themselves are in spaces.py and vectors.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.transactions import Bind, transaction
from morpheus_assets.store.spaces.coverage import MissingInput
from morpheus_assets.store.spaces.vectors import read_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Drift:
    """A fixed sample embedded again: how many inputs, and the lowest cosine to the stored vectors."""

    inputs: int
    lowest_cosine: float
    measured_at: datetime


def announced(bind: Bind, action: str, space_key: str) -> datetime | None:
    """When `action` was announced for a space; None: it was not, and it must not be done yet."""
    with transaction(bind) as connection:
        row = connection.execute(
            "SELECT announced_at FROM announcements WHERE action = %s AND space_key = %s", [action, space_key]
        ).fetchone()
    return row[0] if row else None


def announce(bind: Bind, action: str, space_key: str) -> None:
    """Note that `action` was announced; the first announcement counts."""
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO announcements (action, space_key) VALUES (%s, %s) ON CONFLICT DO NOTHING", [action, space_key]
        )


def withdraw(bind: Bind, action: str, space_key: str) -> None:
    """Forget an announcement: it was done, or there is no reason for it any more."""
    with transaction(bind) as connection:
        connection.execute("DELETE FROM announcements WHERE action = %s AND space_key = %s", [action, space_key])


def record_drift(bind: Bind, space: SpaceRow, inputs: int, lowest_cosine: float) -> None:
    """Keep one measurement of `inputs` inputs."""
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO drift_measurements (space_id, inputs, lowest_cosine) VALUES (%s, %s, %s)",
            [space.id, inputs, lowest_cosine],
        )


def latest_drift(bind: Bind, space: SpaceRow) -> Drift | None:
    """The latest measurement of a space, or None."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(Drift)) as cursor:
        return cursor.execute(
            "SELECT inputs, lowest_cosine, measured_at FROM drift_measurements WHERE space_id = %s"
            " ORDER BY measured_at DESC, id DESC LIMIT 1",
            [space.id],
        ).fetchone()


_PLACES = {
    "text": SQL("SELECT n.novel, c.body AS content, c.token_count FROM chunks c"),
    "image": SQL("SELECT n.novel, c.path AS content, 0 AS token_count FROM panels c"),
}


@dataclass(frozen=True)
class SampledInput:
    """One input and its stored vector, float32 [dimensions]; `input.content` as for a missing one."""

    input: MissingInput
    vector: "NDArray[np.float32]"


def fixed_sample(bind: Bind, space: SpaceRow, size: int) -> list[SampledInput]:
    """Up to `size` embedded inputs that still occur, the same ones each time while the content stays."""
    # By the hash's hash: the content hash itself decides the order on disk, and a model may err there first.
    query = SQL(
        "SELECT s.content_hash, p.novel, p.content, p.token_count FROM"
        " (SELECT content_hash FROM {table} ORDER BY md5(content_hash::text) LIMIT {more}) s"
        " CROSS JOIN LATERAL ({places} JOIN novels n ON n.id = c.novel_id"
        "   WHERE c.content_hash = s.content_hash ORDER BY n.id LIMIT 1) p LIMIT {size}"
    ).format(table=Identifier(space.table), more=4 * size, places=_PLACES[space.purpose], size=size)
    with transaction(bind) as connection:
        rows = [MissingInput(bytes(row[0]), *row[1:]) for row in connection.execute(query)]
    vectors = read_vectors(bind, space, [row.content_hash for row in rows])
    return [SampledInput(row, vectors[row.content_hash]) for row in rows if row.content_hash in vectors]
