"""How much room a space's table and index will take, before they exist; space_sizes (spaces.py) tells it afterwards.

The arithmetic is Postgres's own: pages of 8 KB, nothing shared between pages, as the columns are stored PLAIN.
"""

import math

from morpheus_assets.store.search.nearest import CONNECTIONS, index_kind_of, lists_of

_PAGE, _PAGE_HEADER, _ITEM = 8192, 24, 4
_ROW = 24 + 40  # tuple header; 32 bytes of hash with its length, aligned
_HASH_INDEX_ROW = 8 + 40 + 4
_HASH_INDEX_FILL = 0.70  # hashes arrive in random order, which leaves pages of a b-tree at 70 %
# pgvector: an element with its header and heap pointers, and 2 * m neighbours of 6 bytes on the lowest level.
_ELEMENT, _NEIGHBOURS, _NEIGHBOUR = 76, 16, 6
_SIGNS = 8 + 8  # the header of an index row; the length of the bits and their number


def table_bytes(dimensions: int, rows: int) -> int:
    """Bytes of `rows` vectors with their hashes and the primary key."""
    table = _pages(rows, _aligned(_ROW + 8 + 2 * dimensions))
    return table + math.ceil(rows * _HASH_INDEX_ROW / _HASH_INDEX_FILL)


def index_bytes(dimensions: int, rows: int) -> int:
    """Bytes of the index: whole vectors up to 1024 dimensions, their signs above."""
    kind = index_kind_of(dimensions, rows)
    if kind == "ivf-binary":
        signs, lists = _aligned(_SIGNS + math.ceil(dimensions / 8)), lists_of(rows)
        filled = _pages(rows, signs) / _PAGE / lists
        # A list's last page is half empty on average; the centres stand on pages of their own.
        return math.ceil(lists * (filled + 0.5 if filled > 1 else 1)) * _PAGE + _pages(lists, signs)
    vector = 2 * dimensions + 8 if kind == "hnsw" else math.ceil(dimensions / 8) + 8
    return _pages(rows, _aligned(_ELEMENT + vector) + _NEIGHBOURS + 2 * CONNECTIONS[kind] * _NEIGHBOUR + _ITEM)


def _aligned(size: int) -> int:
    return math.ceil(size / 8) * 8


def _pages(rows: int, row: int) -> int:
    per_page = max(1, (_PAGE - _PAGE_HEADER) // (row + _ITEM))
    return math.ceil(rows / per_page) * _PAGE
