"""Refused inputs, each for its own space and hash: what is said of one says nothing of another."""

import pytest

from morpheus_assets.store.spaces import refusals, spaces, unanswered
from morpheus_assets_tests.fixtures.passages import missing_inputs


@pytest.fixture
def two(engine, make_space):
    return [spaces.register_space(engine, make_space(key)) for key in ("first", "second")]


def refused(engine, **given) -> set[tuple[str, bytes]]:
    return {(each.space_key, each.content_hash) for each in refusals.list_refusals(engine, **given)}


def test_an_input_is_refused_in_one_space_and_missing_in_another(engine, two, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    first, second = two
    assert refusals.record_refusals(engine, first, [(hashes[0], "no")]) == 1
    assert [row.content_hash for row in missing_inputs(engine, first, "one")] == hashes[1:]
    assert {row.content_hash for row in missing_inputs(engine, second, "one")} == set(hashes)
    assert refused(engine, space=second) == set()
    assert refused(engine) == refused(engine, space=first) == {("first", hashes[0])}


def test_what_is_asked_again_is_one_hash_of_one_space_with_its_tries(engine, two, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    for space in two:
        refusals.record_refusals(engine, space, [(value, "no answer") for value in hashes])
        for _ in range(3):
            unanswered.record_unanswered(engine, space, hashes, 2)
    assert refusals.retry_refusals(engine, two[0], hashes[:1]) == 1
    assert refused(engine) == {("first", hashes[1]), ("second", hashes[0]), ("second", hashes[1])}
    [again] = missing_inputs(engine, two[0], "one")
    assert (again.content_hash, again.tries, again.together) == (hashes[0], 0, 0)
    assert refusals.retry_refusals(engine, two[1]) == 2
    assert refused(engine) == {("first", hashes[1])}
    assert [row.tries for row in missing_inputs(engine, two[1], "one")] == [0, 0]
    refusals.retry_refusals(engine, two[0])
    assert {row.content_hash: row.tries for row in missing_inputs(engine, two[0], "one")} == {
        hashes[0]: 0, hashes[1]: 0,
    }  # fmt: skip


def test_what_is_ignored_is_one_hash_of_one_space_and_counted_once(engine, two, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    for space in two:
        refusals.record_refusals(engine, space, [(value, "no") for value in hashes])
    assert refusals.ignore_refusals(engine, two[0], hashes[:1]) == 1
    assert refused(engine, with_ignored=False) == {
        ("first", hashes[1]), ("second", hashes[0]), ("second", hashes[1]),
    }  # fmt: skip
    assert refusals.ignore_refusals(engine, two[0]) == 1
    assert refused(engine, space=two[0], with_ignored=False) == set()
    assert len(refused(engine)) == 4


def test_a_refusal_is_listed_at_all_its_places_and_only_there(engine, make_space, add_novel, add_panels) -> None:
    hashes = add_novel("one", ["a ", "b ", "c "], per_chapter=2)
    add_novel("two", ["b ", "d ", "b again "])
    pages = add_panels("comic", ["x", "y"])
    text, image = (spaces.register_space(engine, make_space(key, purpose=key)) for key in ("text", "image"))
    refusals.record_refusals(engine, text, [(hashes[2], "no"), (hashes[1], "no"), (b"g" * 32, "of nothing any more")])
    refusals.record_refusals(engine, image, [(pages[1], "no"), (hashes[0], "a text's hash among pictures")])
    places = {each.content_hash: each.places for each in refusals.list_refusals(engine)}
    assert places == {
        hashes[1]: ["one, chapter 1, passage 2", "two, chapter 1, passage 1"],
        hashes[2]: ["one, chapter 2, passage 3"],
        b"g" * 32: [],
        pages[1]: ["comic, y.png"],
        hashes[0]: [],
    }
    assert refused(engine, novel="two") == {("text", hashes[1])}
    assert refused(engine, novel="comic") == {("image", pages[1])}


def test_the_newest_refusal_comes_first_and_a_repeated_one_is_new_again(engine, two, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    for value in (*hashes, hashes[0]):
        refusals.record_refusals(engine, two[0], [(value, "no")])
    assert [each.content_hash for each in refusals.list_refusals(engine)] == hashes
    first, second = refusals.list_refusals(engine)
    assert first.first_seen < second.last_seen < first.last_seen
