"""Coverage where two spaces, two novels and two purposes stand beside each other."""

import hashlib
import json

import pytest

from morpheus_assets.domain.spaces import SentenceSpace
from morpheus_assets.store.content.panels import load_panels
from morpheus_assets.store.content.regions import Region, replace_regions
from morpheus_assets.store.database.transactions import transaction
from morpheus_assets.store.insight.scenes import SceneSentence, replace_sentences
from morpheus_assets.store.spaces import batch_jobs, refusals, spaces, vectors
from morpheus_assets.store.spaces.coverage import coverage, gaps, missing_page, novel_coverage
from morpheus_assets_tests.fixtures.passages import missing_inputs


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


def test_what_a_batch_job_will_bring_is_missing_and_not_sent_again(engine, two, add_novel, random_vectors) -> None:
    hashes = add_novel("one", ["a ", "b ", "c ", "d "])
    job = batch_jobs.add_batch_job(engine, two[0], "token", "a first load")
    batch_jobs.add_inputs(engine, two[0], job, hashes[:3])
    vectors.write_batch(engine, two[0], hashes[:1], random_vectors(1))
    refusals.record_refusals(engine, two[0], [(hashes[1], "no")])
    for space, counts, wanted in ((two[0], (2, 1, 1), hashes[3:]), (two[1], (4, 0, 4), hashes)):
        found = coverage(engine, space)
        assert (found.missing, found.batched, found.to_send) == counts
        assert [(each.missing, each.batched, each.to_send) for each in found.novels] == [counts]
        assert coverage(engine, space, ["one"]).batched == counts[1]
        assert [gap.inputs for gap in gaps(engine, "text", space)] == [len(wanted)]
        assert {row.content_hash for row in missing_inputs(engine, space, "one")} == set(wanted)


def test_of_one_novel_without_content_nothing_is_needed(engine, two, add_novel) -> None:
    add_novel("one", ["a "])
    found = coverage(engine, two[0], ["two"])
    assert (found.needed, found.present, found.refused, found.missing, found.missing_tokens) == (0, 0, 0, 0, 0)
    assert (found.batched, found.novels, found.whole) == (0, (), True)


def test_several_novels_are_counted_by_name_in_alphabetical_order(engine, two, add_novel) -> None:
    for novel in ("one", "two", "three"):
        add_novel(novel, [f"of {novel} "])
    assert [each.novel for each in novel_coverage(engine, two[0], ["two", "one"])] == ["one", "two"]
    found = coverage(engine, two[0], ["two", "three"])
    assert (found.needed, found.missing_tokens) == (2, 4)
    assert [each.novel for each in found.novels] == ["three", "two"]


def test_a_page_of_what_is_missing_goes_on_behind_the_last_hash(engine, two, add_novel) -> None:
    hashes = sorted(add_novel("one", [f"p{number} " for number in range(5)]))
    add_novel("two", ["of two "])
    with transaction(engine) as connection:
        pages = [missing_page(connection, two[0], "one", after, 2) for after in (b"", hashes[1], hashes[3])]
    assert [[row.content_hash for row in page] for page in pages] == [hashes[:2], hashes[2:4], hashes[4:]]


def a_sentence(ordinal: int, body: str) -> SceneSentence:
    return SceneSentence(ordinal, 1, ordinal, ordinal + 1, hashlib.sha256(body.encode()).digest(), body)


def test_sentences_are_missing_by_themselves_and_each_once(engine, make_space, add_novel, random_vectors) -> None:
    for novel in ("one", "two"):
        add_novel(novel, ["a "])
    of_one = [a_sentence(number, body) for number, body in enumerate(["It rained.", "She left.", "It rained."], 1)]
    replace_sentences(engine, "one", of_one)
    replace_sentences(engine, "two", [a_sentence(1, "She left."), a_sentence(2, "Of two alone.")])
    rows = [spaces.register_space(engine, make_space(key, purpose="image")) for key in ("first", "second")]
    first, second = (SentenceSpace.of(row) for row in rows)
    assert {row.content: row.token_count for row in missing_inputs(engine, first, "one")} == {
        "It rained.": 4, "She left.": 4,
    }  # fmt: skip
    found = coverage(engine, first)
    assert (found.needed, found.missing, found.missing_tokens) == (3, 3, 0)
    assert vectors.write_batch(engine, first, [of_one[1].content_hash], random_vectors(1)) == 1
    refusals.record_refusals(engine, first, [(of_one[0].content_hash, "no")])
    assert missing_inputs(engine, first, "one") == []
    assert [row.content for row in missing_inputs(engine, first, "two")] == ["Of two alone."]
    assert len(missing_inputs(engine, second, ["one", "two"])) == 3
    assert [(each.novel, each.missing) for each in coverage(engine, first).novels] == [("one", 0), ("two", 1)]
    hashes = sorted(each.content_hash for each in of_one[:2])
    with transaction(engine) as connection:
        pages = [missing_page(connection, second, "one", after, 1) for after in (b"", hashes[0], hashes[1])]
    assert [[row.content_hash for row in page] for page in pages] == [hashes[:1], hashes[1:], []]


def test_a_space_of_regions_lacks_those_of_cut_pages_and_waits_for_the_others(
    engine, make_space, add_panels, random_vectors
) -> None:
    add_panels("comic", ["x", "y"])
    whole, regions = (
        spaces.register_space(engine, make_space(key, purpose="image", preparation=json.dumps({"regions": shaping})))
        for key, shaping in (("whole", 1), ("regions", 2))
    )
    page = load_panels(engine, "comic")[0]
    parts = [
        Region(number, "panel", 0, 2 * number - 2, 4, 2 * number, 1.0, "2", bytes([number]) * 32) for number in (1, 2)
    ]
    assert replace_regions(engine, page, parts, cut_of="2")
    assert {row.content for row in missing_inputs(engine, whole, "comic")} == {"x.png", "y.png"}
    found = missing_inputs(engine, regions, "comic")
    assert [(row.content, row.box, row.following) for row in found] == [
        ("x.png", [0, 0, 4, 2], None), ("x.png", [0, 2, 4, 4], None),
    ]  # fmt: skip
    assert [gap.inputs for gap in gaps(engine, "image", None, of=regions)] == [3]
    vectors.write_batch(engine, regions, [parts[0].content_hash], random_vectors(1))
    counts = coverage(engine, regions)
    assert (counts.needed, counts.present, counts.missing) == (3, 1, 2)
    with transaction(engine) as connection:
        assert len(missing_page(connection, whole, "comic", b"", 1)) == 1
