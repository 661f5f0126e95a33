"""A fixed sample of a space's inputs, with the vectors that are stored for them: what drift is measured on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.sql import SQL, Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.coverage import MissingInput
from morpheus_assets.store.transactions import Bind, transaction
from morpheus_assets.store.vectors import read_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
