import threading

import numpy as np
import pytest

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.domain.spaces import SentenceSpace
from morpheus_assets.store.accounts import spending
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.database.errors import InvalidVectors, SpaceGone
from morpheus_assets.store.spaces import coverage, refusals, spaces, vectors
from morpheus_assets_tests.fixtures.passages import missing_inputs


def test_vectors_come_back_within_half_precision(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space(dimensions=3072))
    hashes = [bytes([i]) * 32 for i in range(20)]
    written = random_vectors(20, 3072)
    assert vectors.write_batch(engine, space, hashes, written) == 20
    read = vectors.read_vectors(engine, space, [*hashes[::-1], b"\xff" * 32])
    assert set(read) == set(hashes)
    for value, vector in zip(hashes, written, strict=True):
        assert np.dot(read[value], vector) == pytest.approx(1, abs=1e-4)
    [(order, together)] = list(vectors.iter_vectors(engine, space))
    assert order == hashes
    assert together.shape == (20, 3072)


def test_vectors_of_up_to_4000_dimensions_stay_in_line(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space(dimensions=4000))
    assert vectors.write_batch(engine, space, [b"a" * 32], random_vectors(1, 4000)) == 1
    with engine.connect() as connection:
        storage = connection.exec_driver_sql(
            f"SELECT attstorage FROM pg_attribute WHERE attrelid = '{space.table}'::regclass AND attname = 'embedding'"
        ).scalar_one()
    assert storage in ("p", b"p")


def test_a_vector_that_is_there_is_never_overwritten(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space())
    first, second = random_vectors(1, seed=1), random_vectors(3, seed=2)
    assert vectors.write_batch(engine, space, [b"b" * 32], first) == 1
    assert vectors.write_batch(engine, space, [b"a" * 32, b"b" * 32, b"a" * 32], second) == 1
    assert np.allclose(vectors.read_vectors(engine, space, [b"b" * 32])[b"b" * 32], first[0], atol=1e-3)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda v: v * 0, "of length zero"),
        (lambda v: v * np.float32("nan"), "not finite"),
        (lambda v: v * np.float32(1e6), "not finite"),
        (lambda v: v * np.float32(1e-9), "of length zero"),
        (lambda v: v[:, :7], r"takes \[2, 8\]"),
        (lambda v: v[:1], r"takes \[2, 8\]"),
    ],
)
def test_a_batch_with_a_bad_vector_is_refused_whole(engine, make_space, random_vectors, spoil, sentence) -> None:
    space = spaces.register_space(engine, make_space())
    batch = random_vectors(2)
    spoilt = spoil(batch)
    if spoilt.shape == batch.shape:
        batch[1] = spoilt[1]
        spoilt = batch
    with pytest.raises(InvalidVectors, match=sentence):
        vectors.write_batch(engine, space, [b"a" * 32, b"b" * 32], spoilt)
    assert vectors.vector_summary(engine, space).rows == 0


def test_writers_of_overlapping_batches_neither_deadlock_nor_duplicate(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space())
    hashes = [i.to_bytes(32, "big") for i in range(400)]
    batch = random_vectors(400)
    new: list[int] = []
    faults: list[BaseException] = []

    def write(seed: int) -> None:
        order = np.random.default_rng(seed).permutation(400)
        try:
            for part in np.split(order, 4):
                new.append(vectors.write_batch(engine, space, [hashes[i] for i in part], batch[part]))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=[seed]) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sum(new) == vectors.vector_summary(engine, space).rows == 400


def test_missing_is_what_has_neither_vector_nor_refusal(engine, make_space, add_novel, random_vectors) -> None:
    one = add_novel("one", [f"passage {i} " for i in range(30)])
    two = add_novel("two", ["passage 0 ", "passage 1 ", "of two only "])
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, one[:10], random_vectors(10))
    refusals.record_refusals(engine, space, [(one[10], "content policy"), (two[2], "too long")])
    missing = missing_inputs(engine, space, ["one", "two"])
    assert {row.content_hash for row in missing} == set(one[11:])
    assert all(row.content.startswith("passage") and row.token_count == 2 for row in missing)
    found = coverage.coverage(engine, space)
    assert (found.needed, found.present, found.refused, found.missing, found.missing_tokens) == (31, 10, 2, 19, 38)
    assert [(n.novel, n.needed, n.present, n.refused, n.missing) for n in found.novels] == [
        ("one", 30, 10, 1, 19), ("two", 3, 2, 1, 0),
    ]  # fmt: skip
    assert coverage.coverage(engine, space, ["two"]).whole


def test_missing_reads_page_by_page(engine, make_space, add_novel) -> None:
    hashes = add_novel("long", [f"passage {i} " for i in range(1203)])
    space = spaces.register_space(engine, make_space())
    missing = missing_inputs(engine, space, "long")
    assert [row.content_hash for row in missing] == sorted(hashes)


def test_missing_panels_are_named_by_path(engine, make_space, add_panels) -> None:
    hashes = add_panels("comic", ["a", "b"])
    space = spaces.register_space(engine, make_space(purpose="image"))
    missing = {row.content_hash: row for row in missing_inputs(engine, space, "comic")}
    assert missing[hashes[1]].content == "b.png"
    assert missing[hashes[1]].novel == "comic"


def test_orphans_are_counted_first_and_deleted_on_demand(engine, make_space, add_novel, random_vectors) -> None:
    hashes = add_novel("one", ["a ", "b ", "c "])
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, [*hashes, b"x" * 32], random_vectors(4))
    assert vectors.delete_orphans(engine, space) == 1
    assert vectors.vector_summary(engine, space).rows == 4
    assert vectors.delete_orphans(engine, space, dry_run=False) == 1
    assert set(vectors.read_vectors(engine, space, [*hashes, b"x" * 32])) == set(hashes)


def test_refusals_say_where_they_are_and_can_be_ignored_or_retried(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    add_novel("two", ["b "])
    space = spaces.register_space(engine, make_space())
    refusals.record_refusals(engine, space, [(hashes[1], "the provider says it is too long")])
    [refusal] = refusals.list_refusals(engine, space)
    assert refusal.places == ["one, chapter 1, passage 2", "two, chapter 1, passage 1"]
    assert refusals.list_refusals(engine, novel="three") == []
    assert refusals.ignore_refusals(engine, space, [hashes[1]]) == 1
    assert refusals.list_refusals(engine, with_ignored=False) == []
    refusals.record_refusals(engine, space, [(hashes[1], "again")])
    [again] = refusals.list_refusals(engine)
    assert (again.ignored, again.reason, again.first_seen) == (True, "again", refusal.first_seen)
    assert refusals.retry_refusals(engine, space) == 1
    assert coverage.coverage(engine, space).missing == 2


def test_writing_into_a_dropped_space_says_so(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space())
    spaces.drop(engine, space.key)
    with pytest.raises(SpaceGone, match="dropped"):
        vectors.write_batch(engine, space, [b"a" * 32], random_vectors(1))


def test_spending_is_summed_by_space_and_outlives_it(engine, make_space) -> None:
    from decimal import Decimal

    space = spaces.register_space(engine, make_space())
    for cost in (Decimal("0.0001"), None):
        spending.record_spending(engine, space, "one", tokens=10, inputs=2, requests=1, cost=cost)
    spaces.drop(engine, space.key)
    [total] = spending.spending_totals(engine)
    assert (total.tokens, total.inputs, total.requests, total.cost) == (20, 4, 2, Decimal("0.0001"))


def test_an_empty_space_has_no_vector_and_no_lengths(engine, make_space) -> None:
    space = spaces.register_space(engine, make_space())
    assert not vectors.holds_vectors(engine, space)
    assert vectors.write_batch(engine, space, [], np.zeros((0, 8), np.float32)) == 0
    with pytest.raises(InvalidVectors, match=r"takes \[0, 8\]"):
        vectors.write_batch(engine, space, [], np.zeros((1, 8), np.float32))
    assert vectors.vector_summary(engine, space) == vectors.VectorSummary(0, None, None)
    assert list(vectors.iter_vectors(engine, space)) == []


def test_the_shortest_and_the_longest_vector_are_found(engine, make_space) -> None:
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, [b"a" * 32, b"b" * 32, b"c" * 32], np.diag([3, 1, 2, 1, 1, 1, 1, 1])[:3] * 1.0)
    assert vectors.holds_vectors(engine, space)
    assert vectors.vector_summary(engine, space) == vectors.VectorSummary(3, 1.0, 3.0)


def test_all_vectors_are_read_in_batches_by_hash_each_once(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space())
    hashes = [bytes([number]) * 32 for number in range(5)]
    written = random_vectors(5)
    vectors.write_batch(engine, space, hashes[::-1], written[::-1])
    batches = list(vectors.iter_vectors(engine, space, rows_at_once=2))
    assert [found for found, _ in batches] == [hashes[:2], hashes[2:4], hashes[4:]]
    assert np.allclose(np.concatenate([found for _, found in batches]), written, atol=1e-3)


def test_the_faulty_vectors_of_a_batch_are_counted_and_the_first_is_named(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space())
    batch = random_vectors(4)
    batch[2:, 3] = np.inf
    hashes = [bytes([number]) * 32 for number in range(4)]
    with pytest.raises(InvalidVectors, match=r"2 of 4 vectors for demo-8 are not finite.*0202020202"):
        vectors.write_batch(engine, space, hashes, batch)
    with pytest.raises(InvalidVectors, match="32 bytes"):
        vectors.write_batch(engine, space, [b"short"], random_vectors(1))


def test_within_a_transaction_a_batch_of_which_something_is_there_harms_nothing(
    engine, make_space, random_vectors
) -> None:
    space = spaces.register_space(engine, make_space())
    with engine.begin() as connection:
        assert vectors.write_batch(connection, space, [b"a" * 32], random_vectors(1)) == 1
        assert vectors.write_batch(connection, space, [b"a" * 32, b"b" * 32], random_vectors(2)) == 1
        assert vectors.write_batch(connection, space, [b"b" * 32, b"c" * 32], random_vectors(2)) == 1
        connection.exec_driver_sql("SELECT 1")
    assert vectors.vector_summary(engine, space).rows == 3
    with engine.connect() as connection:
        assert vectors.write_batch(connection, space, [b"d" * 32], random_vectors(1)) == 1
        connection.rollback()
    assert vectors.vector_summary(engine, space).rows == 4


def test_sentences_of_one_space_are_not_those_of_another_nor_its_pictures(engine, make_space, random_vectors) -> None:
    rows = [spaces.register_space(engine, make_space(key, purpose="image")) for key in ("first", "second")]
    first, second = (SentenceSpace.of(row) for row in rows)
    written = random_vectors(2)
    hashes = [b"b" * 32, b"a" * 32]
    assert vectors.write_batch(engine, first, hashes[:1], written[:1]) == 1
    assert vectors.write_batch(engine, first, hashes, written[::-1]) == 1
    assert vectors.write_batch(engine, second, hashes[:1], written[1:]) == 1
    found = vectors.read_vectors(engine, first, hashes)
    assert np.allclose([found[value] for value in hashes], [written[0], written[0]], atol=1e-3)
    assert set(vectors.read_vectors(engine, second, hashes)) == {b"b" * 32}
    assert vectors.read_vectors(engine, rows[0], hashes) == {}
    spaces.drop(engine, "second")
    with pytest.raises(SpaceGone, match="second was dropped"):
        vectors.write_batch(engine, second, hashes, written)


def test_a_page_that_is_refused_now_needs_its_vector_no_more(engine, make_space, add_panels, random_vectors) -> None:
    pages = add_panels("comic", ["x", "y"])
    space = spaces.register_space(engine, make_space(purpose="image"))
    vectors.write_batch(engine, space, pages, random_vectors(2))
    assert vectors.count_orphans(engine, space) == 0
    kept = PanelRecord("x.png", "stored", 9, None, pages[0], "PNG", "RGB", 4, 4)
    replace_panels(engine, "comic", [kept, PanelRecord("y.png", "refused", 9, "cut off", pages[1])])
    assert vectors.delete_orphans(engine, space) == 1
    assert vectors.delete_orphans(engine, space, dry_run=False) == 1
    assert set(vectors.read_vectors(engine, space, pages)) == {pages[0]}
