"""The types of approximate index: how each is built, how a search orders through it, how many bytes it takes.

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

_PAGE, _PAGE_HEADER, _ITEM = 8192, 24, 4
_ROW = 24 + 40  # tuple header; 32 bytes of hash with its length, aligned
_HASH_INDEX_ROW = 8 + 40 + 4
_HASH_INDEX_FILL = 0.70  # hashes arrive in random order, which leaves pages of a b-tree at 70 %
# pgvector: an element with its header and heap pointers, and 2 * m neighbours of 6 bytes on the lowest level.
_ELEMENT, _NEIGHBOURS, _NEIGHBOUR = 76, 16, 6
_SIGNS = 8 + 8  # the header of an index row; the length of the bits and their number


class IndexType(Protocol):
    """One way of indexing `rows` vectors of `dimensions`; `kind` is what `embedding_spaces.index_kind` holds."""

    @property
    def kind(self) -> str:
        """Its name in the database."""

    def method(self, dimensions: int, rows: int) -> Composable:
        """The part of CREATE INDEX that follows USING."""

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

    def bytes(self, dimensions: int, rows: int) -> int:
        """The room on disk that it will take."""
        signs, lists = _aligned(_SIGNS + math.ceil(dimensions / 8)), lists_of(rows)
        filled = _pages(rows, signs) / _PAGE / lists
        # A list's last page is half empty on average; the centres stand on pages of their own.
        return math.ceil(lists * (filled + 0.5 if filled > 1 else 1)) * _PAGE + _pages(lists, signs)


def index_type_of(dimensions: int, rows: int) -> IndexType:
    """The type to build: of whole vectors up to 1024 dimensions, where signs tell too little (.92 at 384).

    Above, of signs, which take a twelfth of the room: in lists, or for many rows in a graph.
    """
    if dimensions <= LARGEST_FULL_INDEX:
        return VectorGraph()
    return SignLists() if rows <= LARGEST_IN_LISTS else SignGraph()


def scan_order(dimensions: int) -> Composable:
    """The expression that a search orders by, which is the one that vectors of so many dimensions are indexed by."""
    if dimensions <= LARGEST_FULL_INDEX:
        return queries.by_distance
    return queries.by_signs.format(dimensions=dimensions)


def lists_of(rows: int) -> int:
    """The number of lists for the signs of so many vectors.

    Of 13,500 real passages twice the root of the rows needed .3 of the lists for a recall of .97, three and four times
    needed .2. More lists take longer to build: of 100,000 rows 632 took .09 ms of CPU a row, 1,000 took .18.
    """
    return max(1, round(3 * math.sqrt(rows)))


def table_bytes(dimensions: int, rows: int) -> int:
    """Bytes of `rows` vectors with their hashes and the primary key."""
    table = _pages(rows, _aligned(_ROW + 8 + 2 * dimensions))
    return table + math.ceil(rows * _HASH_INDEX_ROW / _HASH_INDEX_FILL)


def index_bytes(dimensions: int, rows: int) -> int:
    """Bytes of the index that `rows` vectors will get."""
    return index_type_of(dimensions, rows).bytes(dimensions, rows)


def _graph_bytes(vector: int, connections: int, rows: int) -> int:
    return _pages(rows, _aligned(_ELEMENT + vector) + _NEIGHBOURS + 2 * connections * _NEIGHBOUR + _ITEM)


def _aligned(size: int) -> int:
    return math.ceil(size / 8) * 8


def _pages(rows: int, row: int) -> int:
    per_page = max(1, (_PAGE - _PAGE_HEADER) // (row + _ITEM))
    return math.ceil(rows / per_page) * _PAGE
