"""What each space found for the questions, over time, and the verdicts on spaces that were to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)

# Measurements of a space that are kept: a year of weekly ones.
_KEPT = 60


@dataclass(frozen=True)
class Verdict:
    """Whether a space was found worse than the one whose place it is to take, by which questions, and a sentence."""

    is_worse: bool
    reason: str
    questions_digest: str
    decided_at: datetime


def add_measurement(bind: Bind, space: SpaceRow, digest: str, outcomes: Sequence[dict[str, Any]]) -> None:
    """Store what a space found for the questions of a digest; the oldest measurements go."""
    with transaction(bind) as connection:
        wanted = {"space_id": space.id, "digest": digest, "outcomes": Jsonb(list(outcomes)), "kept": _KEPT}
        connection.execute(queries.add_measurement, wanted)
        connection.execute(queries.delete_old_measurements, wanted)


def latest_measurement(bind: Bind, space_key: str) -> tuple[datetime, int] | None:
    """When a space was measured last, and by how many questions; None when it never was."""
    with reading(bind) as connection:
        return connection.execute(queries.latest_measurement, {"key": space_key}).fetchone()


def note_verdict(bind: Bind, space: SpaceRow, against: SpaceRow, digest: str, *, is_worse: bool, reason: str) -> None:
    """Remember whether `space` finds worse than `against`, in place of what was known."""
    wanted = {
        "space_id": space.id, "against_id": against.id, "digest": digest, "is_worse": is_worse, "reason": reason,
    }  # fmt: skip
    with transaction(bind) as connection:
        connection.execute(queries.note_verdict, wanted)


def verdict_on(bind: Bind, space: SpaceRow, against: SpaceRow) -> Verdict | None:
    """What is known of `space` beside `against`; None when nobody measured it."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(Verdict)) as cursor:
        return cursor.execute(queries.verdict_on, {"space_id": space.id, "against_id": against.id}).fetchone()


def forget_verdicts(bind: Bind, space: SpaceRow) -> None:
    """Forget every verdict on a space: a person lets it answer anyway."""
    with transaction(bind) as connection:
        connection.execute(queries.forget_verdicts, {"space_id": space.id})
