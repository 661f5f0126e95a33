"""Nearest content hashes of one space: exactly, exactly within some novels, or through the approximate index.

Only hashes and similarities; where a hash occurs, and full text, are search.py's business.
"""

import math
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier

from morpheus_assets.domain.spaces import SpaceRow

# Up to here the whole vector is indexed; above, its signs are, and the best of those are ranked again exactly.
LARGEST_FULL_INDEX = 1024
# Signs of up to so many rows lie in lists, those of more in a graph, whose searches grow by its depth alone. At 100,000
# of 3072 dimensions: recall@10 .998 from lists, .979 from the graph; 11 and 5 ms of CPU a search; and a vector that is
# stored into the built index costs .02 against .55 ms more, as a graph has 16 neighbours rewritten for it.
LARGEST_IN_LISTS = 120_000
# pgvector's `m`. Signs need fewer neighbours than whole vectors: at 100,000 of 3072 dimensions recall@10 was no worse
# with 8 than with 16, and with an ef_construction of 32 or 16 in place of 64 it fell from .975 to .946 and .845.
CONNECTIONS = {"hnsw": 16, "hnsw-binary": 8}
# A search reads the lists of so many rows at the time of the build. Made vectors needed a third of it; of 13,500 real
# passages the lists of .2 (.28) held .970 (.983) of the ten nearest to a passage, and index_recall is to be .97.
_SIGNS_READ = 35_000
# Of 13,500 real vectors' signs the best 100 held all of the best 10, and the best 200 .998 of the best 40.
_RERANKED, _RERANKED_EACH = 200, 5
# Of a graph over signs more must be looked at than is ranked: with 200 recall@10 at 100,000 fell from .979 to .936.
_EF_SEARCH_SIGNS, _EF_SEARCH = 400, 100

Nearest = list[tuple[bytes, float]]
"""(content hash, cosine similarity), the most similar first."""


def index_kind_of(dimensions: int, rows: int) -> str:
    """The kind to build: "hnsw" of whole vectors up to 1024 dimensions, where signs tell too little (.92 at 384).

    Above, of signs, which take a twelfth of the room: "ivf-binary" (lists) or, for many rows, "hnsw-binary" (a graph).
    """
    if dimensions <= LARGEST_FULL_INDEX:
        return "hnsw"
    return "ivf-binary" if rows <= LARGEST_IN_LISTS else "hnsw-binary"


def lists_of(rows: int) -> int:
    """How many lists the signs of so many vectors are put in.

    Of 13,500 real passages twice the root of the rows needed .3 of the lists for a recall of .97, three and four times
    needed .2. More lists take longer to build: of 100,000 rows 632 took .09 ms of CPU a row, 1,000 took .18.
    """
    return max(1, round(3 * math.sqrt(rows)))


def vector_text(vector: Any) -> str:
    """A query vector (any sequence of floats) as pgvector's text. Raises ValueError when it cannot have a direction."""
    import numpy as np
    import orjson

    values = np.asarray(vector, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or not values.any():
        raise ValueError("A query vector is one row of finite numbers that are not all zero.")
    unit = (values / np.linalg.norm(values)).astype(np.float32)
    # A fourteenth of the time that Python takes to write 1,536 numbers.
    return orjson.dumps(unit, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def nearest_exact(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: str, k: int, among: Composable | None = None,
    parameters: dict[str, Any] | None = None,
) -> Nearest:  # fmt: skip
    """The k nearest, by looking at every vector, or at those whose hash the query `among` gives."""
    found = connection.execute(_exactly(space, among), {**(parameters or {}), "vector": vector, "k": k})
    return [(bytes(value), 1.0 - distance) for value, distance in found]


def nearest_approximate(connection: psycopg.Connection[Any], space: SpaceRow, vector: str, k: int) -> Nearest:
    """The k nearest of the whole space through its index (exactly, where there is none)."""
    query, wanted = _through_index(connection, space, k)
    found = connection.execute(query, {**wanted, "vector": vector, "k": k})
    return [(bytes(value), 1.0 - distance) for value, distance in found]


def nearest_within(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: str, k: int, within: Composable,
    parameters: dict[str, Any],
) -> tuple[Nearest, bool]:  # fmt: skip
    """The nearest of the whole space for which `within` holds, a condition on `near`; and whether these are all.

    Looks at twice k, for a novel that was removed leaves its vectors until the orphans are collected. Through the
    index where there is one. One statement: a second one costs as much as the scan of some thousand rows.
    """
    query: Composable = _exactly(space)
    wanted: dict[str, Any] = {}
    if space.index_kind is not None:
        query, wanted = _through_index(connection, space, k)
    found = connection.execute(
        SQL("SELECT near.content_hash, near.distance, {} FROM ({}) near ORDER BY near.distance").format(within, query),
        {**parameters, **wanted, "vector": vector, "k": 2 * k},
    ).fetchall()
    return [(bytes(value), 1.0 - distance) for value, distance, kept in found if kept], len(found) < 2 * k


def _exactly(space: SpaceRow, among: Composable | None = None) -> Composed:
    # OFFSET 0 keeps the planner from the index, which under a filter returned 2 of 10 rows, and from computing the
    # distance once to sort by and once to show (2.6 against 3.2 ms for 2,500 of 1536 dimensions).
    return SQL(
        "SELECT content_hash, distance FROM (SELECT e.content_hash, e.embedding <=> %(vector)s::halfvec AS distance"
        " FROM {among} {table} e {on} OFFSET 0) every ORDER BY distance LIMIT %(k)s"
    ).format(
        table=Identifier(space.table),
        among=SQL("({}) needed JOIN").format(among) if among is not None else SQL(""),
        on=SQL("USING (content_hash)") if among is not None else SQL(""),
    )


def _through_index(
    connection: psycopg.Connection[Any], space: SpaceRow, k: int
) -> tuple[Composed, dict[str, Any]]:  # fmt: skip
    """The query and its parameters beside `vector` and `k`; sets for the transaction how the index is scanned."""
    order: Composable
    if space.dimensions <= LARGEST_FULL_INDEX:
        wide, scanned, order = k + 20, max(_EF_SEARCH, k), SQL("embedding <=> %(vector)s::halfvec")
    else:
        wide, scanned = max(_RERANKED, _RERANKED_EACH * k), max(_EF_SEARCH_SIGNS, 10 * k)
        order = SQL(
            "binary_quantize(embedding)::bit({size}) <~> binary_quantize(%(vector)s::halfvec)::bit({size})"
        ).format(size=space.dimensions)
    rows = space.index_rows or _SIGNS_READ
    lists = math.ceil(lists_of(rows) * min(1.0, _SIGNS_READ / rows))
    # A scan stops at ef_search rows unless it may go on; in relaxed order it goes on until it has enough.
    connection.execute(
        "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %s, true),"
        " set_config('ivfflat.iterative_scan', 'relaxed_order', true), set_config('ivfflat.probes', %s, true)",
        [str(min(1000, scanned)), str(lists)],
    )
    query = SQL(
        "WITH near AS MATERIALIZED (SELECT content_hash, embedding FROM {table} ORDER BY {order} LIMIT %(wide)s)"
        " SELECT content_hash, embedding <=> %(vector)s::halfvec AS distance FROM near ORDER BY 2 LIMIT %(k)s"
    ).format(table=Identifier(space.table), order=order)
    return query, {"wide": wide}
