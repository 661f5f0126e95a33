import hashlib

import pytest

from morpheus_assets.store.spaces import index_types, spaces, vectors
from morpheus_assets.store.spaces.indexes import ensure_index


@pytest.mark.parametrize("dimensions", [64, 384, 1536])
def test_the_room_that_is_announced_is_the_room_that_is_taken(engine, make_space, random_vectors, dimensions) -> None:
    rows = 3000
    row = spaces.register_space(engine, make_space(dimensions=dimensions))
    for start in range(0, rows, 500):
        hashes = [hashlib.sha256(str(number).encode()).digest() for number in range(start, start + 500)]
        vectors.write_batch(engine, row, hashes, random_vectors(500, dimensions, seed=start))
    [size] = spaces.space_sizes(engine)
    assert index_types.table_bytes(dimensions, rows) == pytest.approx(size.table_bytes + size.index_bytes, rel=0.15)
    ensure_index(engine, row, smallest=1)
    [indexed] = spaces.space_sizes(engine)
    assert index_types.index_bytes(dimensions, rows) == pytest.approx(indexed.index_bytes - size.index_bytes, rel=0.15)
