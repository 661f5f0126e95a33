import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from morpheus_assets.store import indexes, spaces, vectors
from morpheus_assets.store.database import raw
from morpheus_assets.store.vector_search import nearest_approximate, nearest_exact, vector_text


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
            nearest = {value for value, _ in nearest_approximate(cursor, space, vector_text(row), 10)}
            found += len(nearest & {value for value, _ in nearest_exact(cursor, space, vector_text(row), 10)})
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
            assert len(nearest_approximate(cursor, space, vector_text(made[7]), 10)) == 10
        cursor.execute("SELECT pg_stat_force_next_flush()")
        used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelid = to_regclass(%s)"
        assert cursor.execute(used, [f"{space.table}_nearest"]).fetchone() == (1,)


def test_a_graph_over_signs_serves_until_the_index_is_built_anew(engine, signs) -> None:
    # As spaces have it that were indexed before the lists.
    space, made = signs
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE INDEX {space.table}_nearest ON {space.table}"
            " USING hnsw ((binary_quantize(embedding)::bit(1100)) bit_hamming_ops) WITH (m = 8)"
        )
        connection.exec_driver_sql(
            "UPDATE embedding_spaces SET index_kind = 'hnsw-binary', index_rows = 2000 WHERE id = %s", (space.id,)
        )
    kept = indexes.ensure_index(engine, space, smallest=1000)
    assert (kept.action, kept.kind) == ("kept", "hnsw-binary")
    assert share_found(engine, spaces.get_space(engine, space.key), made[:50]) >= 0.97
    built = indexes.ensure_index(engine, space, smallest=1000, rebuild=True)
    assert (built.action, built.kind) == ("rebuilt", "ivf-binary")
    assert share_found(engine, spaces.get_space(engine, space.key), made[:50]) >= 0.97


def test_a_build_seeks_no_more_centres_than_its_memory_holds(engine, make_space, random_vectors) -> None:
    # pgvector fails a build whose centres need more than maintenance_work_mem.
    rows = 18_000
    space = spaces.register_space(engine, make_space(dimensions=1100))
    vectors.write_batch(engine, space, hashes_of(0, rows), random_vectors(rows, 1100))
    with engine.connect() as outer:
        cursor = raw(outer.execution_options(isolation_level="AUTOCOMMIT"))
        cursor.execute("SET maintenance_work_mem = '16MB'")
        indexes._build(cursor, space, rows, concurrently=False)
        options = cursor.execute(
            "SELECT reloptions[1] FROM pg_class WHERE oid = to_regclass(%s)", [f"{space.table}_nearest"]
        ).fetchone()
        cursor.execute("RESET maintenance_work_mem")
    assert options is not None
    lists = int(options[0].removeprefix("lists="))
    assert 0.9 * indexes.lists_of(rows) < lists < indexes.lists_of(rows)
