"""Tries in vain: counted by space and input, and for a day."""

from morpheus_assets.store.spaces import spaces, unanswered
from morpheus_assets_tests.fixtures.passages import missing_inputs


def tries(engine, space, novel="one") -> dict[bytes, tuple[int, int]]:
    return {row.content_hash: (row.tries, row.together) for row in missing_inputs(engine, space, novel)}


def test_each_try_in_vain_is_counted_for_its_space_and_its_input(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    first, second = (spaces.register_space(engine, make_space(key)) for key in ("first", "second"))
    unanswered.record_unanswered(engine, first, hashes, 40)
    unanswered.record_unanswered(engine, first, hashes[:1], 7)
    assert tries(engine, first) == {hashes[0]: (2, 7), hashes[1]: (1, 40)}
    assert tries(engine, second) == {hashes[0]: (0, 0), hashes[1]: (0, 0)}


def test_a_region_is_counted_too(engine, make_space, add_panels) -> None:
    hashes = add_panels("comic", ["x", "y"])
    space = spaces.register_space(engine, make_space(purpose="image"))
    unanswered.record_unanswered(engine, space, hashes[:1], 3)
    assert tries(engine, space, "comic") == {hashes[0]: (1, 3), hashes[1]: (0, 0)}


def test_after_a_day_the_tries_of_a_space_are_forgotten(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b ", "c "])
    first, second = (spaces.register_space(engine, make_space(key)) for key in ("first", "second"))

    def age(hours: float, value: bytes, space) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE unanswered_inputs SET first_at = now() - make_interval(secs => %(seconds)s)"
                " WHERE content_hash = %(value)s AND space_id = %(space)s",
                {"seconds": hours * 3600, "value": value, "space": space.id},
            )

    for space in (first, second):
        unanswered.record_unanswered(engine, space, hashes[:2], 1)
        age(23, hashes[0], space)
        age(25, hashes[1], space)
    assert [tries(engine, first)[value][0] for value in hashes] == [1, 0, 0], "what is old does not count"
    unanswered.record_unanswered(engine, first, hashes, 1)
    assert [tries(engine, first)[value][0] for value in hashes] == [2, 1, 1]
    with engine.connect() as connection:
        count = "SELECT count(*) FROM unanswered_inputs WHERE space_id = %(space)s"
        assert connection.exec_driver_sql(count, {"space": second.id}).scalar_one() == 2
