"""What is known of a space without counting its vectors."""

from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.health import space_and_rows


def test_a_space_is_found_by_its_key_with_about_as_many_rows_as_it_has(engine, make_space, random_vectors) -> None:
    rows = {"first": 2000, "empty": 0, "last": 500}
    for key, number in rows.items():
        space = spaces.register_space(engine, make_space(key))
        vectors.write_batch(engine, space, [n.to_bytes(32, "big") for n in range(number)], random_vectors(number))
    for key, number in rows.items():
        found = space_and_rows(engine, key)
        assert found is not None
        assert found[0] == spaces.get_space(engine, key)
        assert number <= found[1] <= 1.6 * number + 100, "as many as its pages can hold, for nobody has counted"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ANALYZE {spaces.get_space(engine, 'first').table}")
    counted = space_and_rows(engine, "first")
    assert counted is not None
    assert counted[1] == 2000
    assert space_and_rows(engine, "none") is None
