import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from morpheus_assets.store.database.engine import raw
from morpheus_assets.store.database.vector_parameters import half_vector
from morpheus_assets.store.search.nearest import nearest_approximate, nearest_exact
from morpheus_assets.store.spaces import index_types, indexes, spaces, vectors


def hashes_of(start: int, end: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(start, end)]


def lumped(rows: int, dimensions: int) -> NDArray[np.float32]:
    """Unit vectors around 40 centres, so that there are neighbours to find."""
    chance = np.random.default_rng(4)
    centres = chance.normal(size=(40, dimensions))
    made = centres[chance.integers(0, 40, rows)] + 0.6 * chance.normal(size=(rows, dimensions))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def signs(engine, make_space):
    """A space of 2,000 vectors whose signs are indexed, and all 2,500 vectors."""
    made = lumped(2500, 1100)
    space = spaces.register_space(engine, make_space(dimensions=1100))
    vectors.write_batch(engine, space, hashes_of(0, 2000), made[:2000])
    return space, made


def share_found(engine, space, made: NDArray[np.float32]) -> float:
    """Of the ten nearest of some vectors, how many the index finds."""
    with engine.connect() as connection:
        cursor = raw(connection)
        found = 0
        for row in made:
            nearest = {value for value, _ in nearest_approximate(cursor, space, half_vector(row), 10)}
            found += len(nearest & {value for value, _ in nearest_exact(cursor, space, half_vector(row), 10)})
        return found / 10 / len(made)


def test_what_is_stored_after_the_build_is_found_through_the_index(engine, signs) -> None:
    space, made = signs
    assert indexes.ensure_index(engine, space, smallest=1000).kind == "ivf-binary"
    vectors.write_batch(engine, space, hashes_of(2000, 2500), made[2000:])
    assert share_found(engine, spaces.get_space(engine, space.key), made[2000:2050]) >= 0.97


def test_a_search_reads_the_lists_and_not_the_table(engine, signs) -> None:
    space, made = signs
    indexes.ensure_index(engine, space, smallest=1000)
    with engine.connect() as outer:
        cursor = raw(outer.execution_options(isolation_level="AUTOCOMMIT"))
        with cursor.transaction():
            assert len(nearest_approximate(cursor, space, half_vector(made[7]), 10)) == 10
        cursor.execute("SELECT pg_stat_force_next_flush()")
        used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelid = to_regclass(%s)"
        assert cursor.execute(used, [f"{space.table}_nearest"]).fetchone() == (1,)


def test_an_index_of_the_other_kind_serves_until_it_is_built_anew(engine, signs, monkeypatch) -> None:
    space, made = signs
    monkeypatch.setattr(index_types, "LARGEST_IN_LISTS", 1999)
    built = indexes.ensure_index(engine, space, smallest=1000)
    assert (built.action, built.kind) == ("built", "hnsw-binary")
    monkeypatch.undo()
    kept = indexes.ensure_index(engine, space, smallest=1000)
    assert (kept.action, kept.kind) == ("kept", "hnsw-binary")
    assert share_found(engine, spaces.get_space(engine, space.key), made[:50]) >= 0.97
    rebuilt = indexes.ensure_index(engine, space, smallest=1000, rebuild=True)
    assert (rebuilt.action, rebuilt.kind) == ("rebuilt", "ivf-binary")
    assert share_found(engine, spaces.get_space(engine, space.key), made[:50]) >= 0.97


def test_most_lists_need_less_memory_than_a_build_has() -> None:
    # pgvector refuses a build whose samples (50 a list) and their distances to all centres exceed its memory.
    lists, vector = index_types.lists_of(index_types.LARGEST_IN_LISTS), 4096 // 8 + 8
    assert 50 * lists * (4 * lists + vector) < 512 * 2**20
