"""Nearest content hashes of one space: exactly, exactly within some novels, or through the approximate index.

Only hashes and similarities: where a hash occurs, and full text, are not known here.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.vector_parameters import BinaryVector
from morpheus_assets.store.spaces.index_types import index_type_built

queries = load_queries(__file__)

# Within a filter that leaves a tenth, for each row that is ranked ten are looked at: only so many of each wanted, and
# these at least. Of 20,000 real passages' signs the best 80 within a few novels held .999 of the best 10, as 120 do.
_RANKED_WITHIN, _RANKED_WITHIN_EACH = 80, 2

Nearest = list[tuple[bytes, float]]
"""(content hash, cosine similarity), the most similar first."""


def in_one_trip(connection: psycopg.Connection[Any], space: SpaceRow) -> AbstractContextManager[Any]:
    """A block in which a search of the whole space is one round trip: what sets up the scan of an index goes along."""
    return nullcontext() if space.index_kind is None else connection.pipeline()


def nearest_exact(connection: psycopg.Connection[Any], space: SpaceRow, vector: BinaryVector, k: int) -> Nearest:
    """The k nearest, by looking at every vector."""
    query = queries.nearest_exact.format(table=Identifier(space.table))
    return _nearest(connection.execute(query, {"vector": vector, "k": k}))


def ask_nearest_among(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: BinaryVector, k: int, among: Composed,
    parameters: dict[str, Any],
) -> psycopg.Cursor[Any]:  # fmt: skip
    """Ask for the k nearest of the content hashes that the query `among` gives with its parameters, exactly.

    `read_nearest` reads the answer.
    """
    query = queries.nearest_exact_among.format(table=Identifier(space.table), among=among)
    return connection.execute(query, {**parameters, "vector": vector, "k": k})


def nearest_approximate(connection: psycopg.Connection[Any], space: SpaceRow, vector: BinaryVector, k: int) -> Nearest:
    """The k nearest of the whole space through its index."""
    query, wide = _through_index(connection, space, k)
    return _nearest(connection.execute(query, {"vector": vector, "k": k, "wide": wide}))


def ask_nearest_within(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: BinaryVector, k: int, within: Composed,
    parameters: dict[str, Any],
) -> psycopg.Cursor[Any]:  # fmt: skip
    """Ask for the nearest of the whole space for which `within` holds, a condition on `near`.

    Within `in_one_trip` or a transaction, for how an index is scanned is set for as long. Looks at twice k,
    for a novel that was removed leaves its vectors until the orphans are collected. Through the index where there is
    one. `read_nearest` reads the answer, behind the pipeline: so that is one round trip with all that it holds.
    """
    nearest, wanted = whole_space(connection, space, vector, k)
    return connection.execute(queries.nearest_within.format(within=within, nearest=nearest), {**parameters, **wanted})


def nearest_filtered(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: BinaryVector, k: int, content: str, within: Composed,
    parameters: dict[str, Any], share: float,
) -> Nearest:  # fmt: skip
    """The k nearest of the hashes in `content` for which `within` holds, a condition on `c`, through the index.

    `share` is the part of all that the filter leaves. Fewer than k when the scan ended before it had them.
    """
    with connection.pipeline():
        query, wide = _through_index(
            connection, space, k, share, queries.nearest_through_index_within,
            content=Identifier(content), within=within,
        )  # fmt: skip
        wide = min(wide, max(_RANKED_WITHIN, _RANKED_WITHIN_EACH * k))
        found = connection.execute(query, {**parameters, "vector": vector, "k": k, "wide": wide})
    return _nearest(found)


def read_nearest(asked: psycopg.Cursor[Any], k: int) -> tuple[Nearest, bool]:
    """The nearest that were asked for, and True when these are all."""
    found = asked.fetchall()
    return _nearest(row[:2] for row in found if all(row[2:])), len(found) < 2 * k


def whole_space(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: BinaryVector, k: int
) -> tuple[Composed, dict[str, Any]]:
    """The query for the nearest of the whole space, twice k of them, and its parameters: to be a part of another one.

    Within `in_one_trip`, as `ask_nearest_within`.
    """
    if space.index_kind is None:
        nearest, wide = queries.nearest_exact.format(table=Identifier(space.table)), 0
    else:
        nearest, wide = _through_index(connection, space, k)
    return nearest, {"vector": vector, "k": 2 * k, "wide": wide}


def _nearest(rows: Iterable[tuple[Any, ...]]) -> Nearest:
    return [(bytes(value), 1.0 - distance) for value, distance in rows]


def _through_index(
    connection: psycopg.Connection[Any],
    space: SpaceRow,
    k: int,
    share: float = 1.0,
    form: SQL = queries.nearest_through_index,
    **parts: Composable,
) -> tuple[Composed, int]:
    """The query and its parameter `wide`; sets for the transaction how the index is scanned."""
    built = index_type_built(space.index_kind, space.dimensions, space.index_rows or 0)
    scan = built.scan(space.dimensions, space.index_rows or 0, k)
    # pgvector takes no larger one.
    ef_search = min(1000, round(scan.ef_search / share))
    connection.execute(queries.set_scan, {"scanned": str(ef_search), "lists": str(scan.probes)})
    return form.format(table=Identifier(space.table), order=scan.order, **parts), scan.ranked
