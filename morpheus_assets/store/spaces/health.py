"""What the standing checks of a space look at, in two round trips whatever there is to look at. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row, dict_row
from psycopg.sql import Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading
from morpheus_assets.store.spaces.coverage import Coverage, count_totals
from morpheus_assets.store.spaces.drift import Drift
from morpheus_assets.store.spaces.refusals import Refusal
from morpheus_assets.store.spaces.vectors import VectorSummary

queries = load_queries(__file__)


@dataclass(frozen=True)
class SpaceHealth:
    """How a space is; what was not asked for is None.

    The coverage is without the novels' own; `indexed` says that the index is there and whole.
    """

    coverage: Coverage | None
    summary: VectorSummary | None
    refusals: Sequence[Refusal]
    indexed: bool
    drift: Drift | None


def space_and_rows(bind: Bind, key: str) -> tuple[SpaceRow, int] | None:
    """A stored space and about how many vectors it has, without counting them; None when none is stored of that key."""
    with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(queries.space_and_rows, {"key": key}).fetchone()
    if row is None:
        return None
    rows = int(row.pop("rows"))
    return SpaceRow(**row), rows


def space_health(
    bind: Bind, space: SpaceRow, *, coverage: bool, summary: bool, novels: Sequence[str] | None = None
) -> SpaceHealth:
    """Look at a space; `coverage` (by all novels, or those named) and `summary` read all of it, the rest does not."""
    with reading(bind) as connection:
        with connection.pipeline():
            covered = count_totals(connection, space, novels) if coverage else None
            summed = None
            if summary:
                summed = connection.execute(queries.vector_summary.format(table=Identifier(space.table)))
            refused = connection.cursor(row_factory=class_row(Refusal))
            refused.execute(queries.list_refusals, {"space": space.id, "novel": None, "ignored": False})
            index = connection.execute(queries.valid_index, {"index": f"{space.table}_nearest"})
            drift = connection.cursor(row_factory=class_row(Drift))
            drift.execute(queries.latest_drift, {"space": space.id})
        return SpaceHealth(
            covered() if covered else None,
            VectorSummary(*(summed.fetchone() or (0, None, None))) if summed else None,
            refused.fetchall(),
            bool((index.fetchone() or [False])[0]),
            drift.fetchone(),
        )
