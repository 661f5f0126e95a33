"""What upkeep remembers: deletions that were announced and not done yet, and measurements of drift.

The deletions themselves are in spaces.py and vectors.py.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.transactions import Bind, transaction


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
