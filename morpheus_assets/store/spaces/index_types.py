"""The types of approximate index, a class each: how it is built, how a search scans it, how many bytes it takes.

The arithmetic of sizes is Postgres's own: pages of 8 KB, nothing shared between them, as the columns are stored PLAIN.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from psycopg.sql import Composable

from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

# Up to here the whole vector is indexed; above, its signs are, and the best of those are ranked again exactly.
LARGEST_FULL_INDEX = 1024
# Signs of up to so many rows lie in lists, those of more in a graph, whose searches grow by its depth alone. At 100,000
# of 3072 dimensions: recall@10 .998 from lists, .979 from the graph; 11 and 5 ms of CPU a search; and a vector that is
# stored into the built index costs .02 against .55 ms more, as a graph has 16 neighbours rewritten for it.
LARGEST_IN_LISTS = 120_000

# A search reads the lists of so many rows at the time of the build. Of 20,000 real passages (MiniLM's, turned to 3072
# dimensions) .25 of the lists held .997 of the ten nearest to a passage and .969 of those to a question, .2 .990 and
# .954; of 13,500 .2 held .970, so of more rows a smaller share is enough. Among 100,000 the lists of 35,000 rows took
# 14 ms of CPU, those of 20,000 8.
_SIGNS_READ = 20_000
# Of the same passages' signs the best 100 held all of the best 10, and the best 120 (200) .979 (.995) of the best 40.
_RERANKED, _RERANKED_EACH = 120, 3
# Of a graph over signs more must be looked at than is ranked: with 200 recall@10 at 100,000 fell from .979 to .936.
_EF_SEARCH_SIGNS, _EF_SEARCH = 400, 100

_PAGE, _PAGE_HEADER, _ITEM = 8192, 24, 4
_ROW = 24 + 40  # tuple header; 32 bytes of hash with its length, aligned
_HASH_INDEX_ROW = 8 + 40 + 4
_HASH_INDEX_FILL = 0.70  # hashes arrive in random order, which leaves pages of a b-tree at 70 %
# pgvector: an element with its header and heap pointers, and 2 * m neighbours of 6 bytes on the lowest level.
_ELEMENT, _NEIGHBOURS, _NEIGHBOUR = 76, 16, 6
_SIGNS = 8 + 8  # the header of an index row; the length of the bits and their number


@dataclass(frozen=True)
class Scan:
    """A search through an index: rows come in the `order` of an expression, and the first `ranked` are ranked exactly.

    `ef_search` and `probes` are pgvector's: how much of a graph or how many lists are looked at.
    """

    order: Composable
    ranked: int
    ef_search: int
    probes: int = 1


class IndexType(Protocol):
    """One way of indexing `rows` vectors of `dimensions`; `kind` is what `embedding_spaces.index_kind` holds."""

    @property
    def kind(self) -> str:
        """Its name in the database."""

    def method(self, dimensions: int, rows: int) -> Composable:
        """The part of CREATE INDEX that follows USING."""

    def scan(self, dimensions: int, rows: int, k: int) -> Scan:
        """The scan for the `k` nearest; `rows` were there when the index was built, 0 when nobody knows."""

    def bytes(self, dimensions: int, rows: int) -> int:
        """The room on disk that it will take."""


@dataclass(frozen=True)
class VectorGraph:
    """A graph of whole vectors."""

    kind: str = "hnsw"
    # pgvector's `m`.
    connections: int = 16

    def method(self, dimensions: int, rows: int) -> Composable:
        """The part of CREATE INDEX that follows USING."""
        return queries.graph_of_vectors.format(connections=self.connections)

    def scan(self, dimensions: int, rows: int, k: int) -> Scan:
        """The scan for the `k` nearest, by their distance."""
        return Scan(queries.by_distance, k + 20, max(_EF_SEARCH, k))

    def bytes(self, dimensions: int, rows: int) -> int:
        """The room on disk that it will take."""
        return _graph_bytes(2 * dimensions + 8, self.connections, rows)


@dataclass(frozen=True)
class SignGraph:
    """A graph of the signs, for many rows."""

    kind: str = "hnsw-binary"
    # Signs need fewer neighbours than whole vectors: at 100,000 of 3072 dimensions recall@10 was no worse with 8 than
    # with 16, and with an ef_construction of 32 or 16 in place of 64 it fell from .975 to .946 and .845.
    connections: int = 8

    def method(self, dimensions: int, rows: int) -> Composable:
        """The part of CREATE INDEX that follows USING."""
        return queries.graph_of_signs.format(dimensions=dimensions, connections=self.connections)

    def scan(self, dimensions: int, rows: int, k: int) -> Scan:
        """The scan for the `k` nearest, by their signs."""
        return _scan_of_signs(dimensions, rows, k)

    def bytes(self, dimensions: int, rows: int) -> int:
        """The room on disk that it will take."""
        return _graph_bytes(math.ceil(dimensions / 8) + 8, self.connections, rows)


@dataclass(frozen=True)
class SignLists:
    """Lists of the signs around centres."""

    kind: str = "ivf-binary"

    def method(self, dimensions: int, rows: int) -> Composable:
        """The part of CREATE INDEX that follows USING."""
        return queries.lists_of_signs.format(dimensions=dimensions, lists=lists_of(rows))

    def scan(self, dimensions: int, rows: int, k: int) -> Scan:
        """The scan for the `k` nearest, by their signs."""
        return _scan_of_signs(dimensions, rows, k)

    def bytes(self, dimensions: int, rows: int) -> int:
        """The room on disk that it will take."""
        signs, lists = _aligned(_SIGNS + math.ceil(dimensions / 8)), lists_of(rows)
        filled = _pages(rows, signs) / _PAGE / lists
        # A list's last page is half empty on average; the centres stand on pages of their own.
        return math.ceil(lists * (filled + 0.5 if filled > 1 else 1)) * _PAGE + _pages(lists, signs)


INDEX_TYPES: dict[str, IndexType] = {each.kind: each for each in (VectorGraph(), SignGraph(), SignLists())}


def index_type_of(dimensions: int, rows: int) -> IndexType:
    """The type to build: of whole vectors up to 1024 dimensions, where signs tell too little (.92 at 384).

    Above, of signs, which take a twelfth of the room: in lists, or for many rows in a graph.
    """
    if dimensions <= LARGEST_FULL_INDEX:
        return VectorGraph()
    return SignLists() if rows <= LARGEST_IN_LISTS else SignGraph()


def lists_of(rows: int) -> int:
    """The number of lists for the signs of so many vectors.

    Of 13,500 real passages twice the root of the rows needed .3 of the lists for a recall of .97, three and four times
    needed .2. More lists take longer to build: of 100,000 rows 632 took .09 ms of CPU a row, 1,000 took .18.
    """
    return max(1, round(3 * math.sqrt(rows)))


def index_type_built(kind: str | None, dimensions: int, rows: int) -> IndexType:
    """The type of that kind; of one that is not known (yet), the type that would be built."""
    return INDEX_TYPES.get(kind or "") or index_type_of(dimensions, rows)


def table_bytes(dimensions: int, rows: int) -> int:
    """Bytes of `rows` vectors with their hashes and the primary key."""
    table = _pages(rows, _aligned(_ROW + 8 + 2 * dimensions))
    return table + math.ceil(rows * _HASH_INDEX_ROW / _HASH_INDEX_FILL)


def index_bytes(dimensions: int, rows: int) -> int:
    """Bytes of the index that `rows` vectors will get."""
    return index_type_of(dimensions, rows).bytes(dimensions, rows)


def _scan_of_signs(dimensions: int, rows: int, k: int) -> Scan:
    # For a graph and for lists: one may have become the other since the space was read.
    rows = rows or _SIGNS_READ
    probes = math.ceil(lists_of(rows) * min(1.0, _SIGNS_READ / rows))
    order = queries.by_signs.format(dimensions=dimensions)
    return Scan(order, max(_RERANKED, _RERANKED_EACH * k), max(_EF_SEARCH_SIGNS, 10 * k), probes)


def _graph_bytes(vector: int, connections: int, rows: int) -> int:
    return _pages(rows, _aligned(_ELEMENT + vector) + _NEIGHBOURS + 2 * connections * _NEIGHBOUR + _ITEM)


def _aligned(size: int) -> int:
    return math.ceil(size / 8) * 8


def _pages(rows: int, row: int) -> int:
    per_page = max(1, (_PAGE - _PAGE_HEADER) // (row + _ITEM))
    return math.ceil(rows / per_page) * _PAGE
