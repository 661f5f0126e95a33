"""Drift of a model: a fixed sample of the embedded inputs, and the measurements of embedding it again."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.rows import class_row
from psycopg.sql import Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.content.contexts import TITLES_BEFORE
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit
from morpheus_assets.store.spaces.coverage import MissingInput
from morpheus_assets.store.spaces.vectors import read_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


queries = load_queries(__file__)
_OCCURRENCES = {
    "text": queries.occurrences_of_text,
    "titled": queries.occurrences_of_titled.format(titles=TITLES_BEFORE),
    "image": queries.occurrences_of_image,
}


@dataclass(frozen=True)
class Drift:
    """A fixed sample embedded again: how many inputs, and the lowest cosine to the stored vectors."""

    inputs: int
    lowest_cosine: float
    measured_at: datetime


def record_drift(bind: Bind, space: SpaceRow, inputs: int, lowest_cosine: float) -> None:
    """Keep one measurement of `inputs` inputs."""
    with autocommit(bind) as connection:
        connection.execute(queries.record_drift, {"space": space.id, "inputs": inputs, "lowest_cosine": lowest_cosine})


def latest_drift(bind: Bind, space: SpaceRow) -> Drift | None:
    """The latest measurement of a space, or None."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(Drift)) as cursor:
        return cursor.execute(queries.latest_drift, {"space": space.id}).fetchone()


@dataclass(frozen=True)
class SampledInput:
    """One input and its stored vector, float32 [dimensions]; `input.content` as for a missing one."""

    input: MissingInput
    vector: "NDArray[np.float32]"


def fixed_sample(bind: Bind, space: SpaceRow, size: int) -> list[SampledInput]:
    """Up to `size` embedded inputs that still occur, the same ones each time while the content stays.

    Of what is embedded together one window as a whole, the smallest of `size`.
    """
    table = Identifier(space.table)
    if space.inputs == "window":
        query = queries.window_sample.format(table=table, more=size)
    else:
        occurrences = _OCCURRENCES[space.inputs]
        query = queries.fixed_sample.format(table=table, more=4 * size, occurrences=occurrences, size=size)
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(MissingInput)) as cursor:
        rows = cursor.execute(query, {"context": space.context}).fetchall()
    vectors = read_vectors(bind, space, [row.content_hash for row in rows])
    return [SampledInput(row, vectors[row.content_hash]) for row in rows if row.content_hash in vectors]
