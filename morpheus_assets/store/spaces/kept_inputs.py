"""Texts and pictures that were embedded over HTTP to be kept, by content hash: stored, looked up, deleted.

What a novel holds is kept for its own sake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction
from morpheus_assets.store.spaces.spaces import list_spaces
from morpheus_assets.store.spaces.vectors import ORPHANED, read_vectors, write_batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

queries = load_queries(__file__)


class StillNeeded(Exception):
    """A vector that passages or panels of novels need."""


@dataclass(frozen=True)
class StoredVector:
    """The float32 [dimensions] vector of an input in one space."""

    space: SpaceRow
    embedding: "NDArray[np.float32]"


def keep_texts(bind: Bind, space: SpaceRow, hashes: Sequence[bytes], embeddings: "NDArray[np.float32]") -> None:
    """Store the vectors of texts under their content hashes, to be kept although no novel has them.

    `embeddings` is float32 [len(hashes), space.dimensions]. Raises as `write_batch`.
    """
    write_batch(bind, space, hashes, embeddings)
    with transaction(bind) as connection:
        connection.execute(queries.keep_texts, {"hashes": sorted(hashes)})


def find_vectors(bind: Bind, content_hash: bytes) -> list[StoredVector]:
    """What is stored of one text or picture, in every space that has it."""
    found = []
    for purpose in ("text", "image"):
        for space in list_spaces(bind, purpose):
            try:
                vectors = read_vectors(bind, space, [content_hash])
            except psycopg.errors.UndefinedTable:
                # dropped in between
                continue
            found += [StoredVector(space, vector) for vector in vectors.values()]
    return found


def delete_vectors(bind: Bind, content_hash: bytes) -> bool:
    """Delete a text or picture that was kept, with its vectors in every space; False when there was none.

    Raises StillNeeded, and deletes nothing, for a passage or a panel of a novel.
    """
    stored = [each.space for each in find_vectors(bind, content_hash)]
    with transaction(bind) as connection:
        wanted = {"content_hash": content_hash}
        kept = [connection.execute(query, wanted).rowcount for query in (queries.let_go_text, queries.let_go_picture)]
        for space in stored:
            query = queries.delete_orphan.format(table=Identifier(space.table), orphaned=ORPHANED[space.inputs])
            if not connection.execute(query, wanted).rowcount:
                raise StillNeeded(f"{content_hash.hex()} belongs to a novel.")
    return bool(stored or any(kept))
