"""Coverage where two spaces, two novels and two purposes stand beside each other."""

import pytest

from morpheus_assets.store.spaces import refusals, spaces, vectors
from morpheus_assets.store.spaces.coverage import coverage, gaps


@pytest.fixture
def two(engine, make_space):
    return [spaces.register_space(engine, make_space(key)) for key in ("first", "second")]


def test_vectors_and_refusals_of_another_space_cover_nothing(engine, two, add_novel, random_vectors) -> None:
    hashes = add_novel("one", ["a ", "b ", "c "])
    vectors.write_batch(engine, two[0], hashes[:1], random_vectors(1))
    refusals.record_refusals(engine, two[0], [(hashes[1], "no"), (hashes[0], "refused once, and given later")])
    counts = [(c.needed, c.present, c.refused, c.missing) for c in (coverage(engine, space) for space in two)]
    assert counts == [(3, 1, 1, 1), (3, 0, 0, 3)]
    assert [coverage(engine, space).key for space in two] == ["first", "second"]
    assert [[(gap.novel, gap.inputs) for gap in gaps(engine, "text", space)] for space in two] == [
        [("one", 1)], [("one", 3)],
    ]  # fmt: skip


def test_a_passage_of_two_novels_counts_in_each_and_once_in_all(engine, two, add_novel) -> None:
    add_novel("one", ["a ", "b ", "a "])
    add_novel("two", ["b ", "c c "])
    add_novel("empty", [])
    found = coverage(engine, two[0])
    assert (found.needed, found.missing, found.missing_tokens) == (3, 3, 4)
    assert [(each.novel, each.needed, each.missing_tokens) for each in found.novels] == [("one", 2, 2), ("two", 2, 3)]
    of_two = coverage(engine, two[0], ["two"])
    assert (of_two.needed, [each.novel for each in of_two.novels]) == (2, ["two"])
    assert coverage(engine, two[0], []).needed == 0
    lacking = gaps(engine, "text", two[0])
    assert [(gap.novel, gap.inputs, gap.word_pieces, gap.characters) for gap in lacking] == [
        ("one", 2, 2, 4), ("two", 1, 2, 4),
    ]  # fmt: skip
    assert [gap.inputs for gap in gaps(engine, "text", None)] == [2, 1]


def test_a_novel_that_lacks_only_what_an_earlier_one_lacks_is_named_without_inputs(engine, two, add_novel) -> None:
    add_novel("one", ["a "])
    add_novel("two", ["a "])
    assert [(gap.novel, gap.inputs) for gap in gaps(engine, "text", two[0])] == [("one", 1), ("two", 0)]


def test_sizes_are_of_characters_and_of_bytes(engine, two, add_novel) -> None:
    add_novel("one", ["été "])
    [gap] = gaps(engine, "text", two[0])
    assert (gap.characters, gap.octets) == (4, 6)


def test_pages_are_covered_by_a_space_of_images_alone(
    engine, make_space, add_novel, add_panels, random_vectors
) -> None:
    add_novel("one", ["a "])
    pages = add_panels("comic", ["x", "y"])
    image = spaces.register_space(engine, make_space("image", purpose="image"))
    vectors.write_batch(engine, image, pages[:1], random_vectors(1))
    found = coverage(engine, image)
    assert (found.needed, found.present, found.missing, found.missing_tokens) == (2, 1, 1, 0)
    assert [each.novel for each in found.novels] == ["comic"]
    assert [(gap.novel, gap.inputs, gap.octets) for gap in gaps(engine, "image", image)] == [("comic", 1, 0)]
    assert not found.whole
    refusals.record_refusals(engine, image, [(pages[1], "no")])
    assert coverage(engine, image).whole
    assert gaps(engine, "image", image) == []
