"""Spaces with context beside one without: what they lack, who may pay for it, and what leaves with a space."""

import hashlib

import pytest

from morpheus_assets.store.content.contexts import place_novel, shared_context
from morpheus_assets.store.content.novels import remove_novel
from morpheus_assets.store.database.transactions import transaction
from morpheus_assets.store.spaces import refusals, spaces, vectors
from morpheus_assets.store.spaces.archive import export_space, restore_space
from morpheus_assets.store.spaces.batch_jobs import owners_of_texts
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import coverage, gaps, missing_page
from morpheus_assets.store.spaces.drift import fixed_sample
from morpheus_assets_tests.fixtures.passages import missing_inputs

BODIES = [f"passage {number} of four words " for number in range(25)]


@pytest.fixture
def windows(engine, make_space):
    """A space that embeds 20 word pieces of a chapter together: four passages of five words."""
    return spaces.register_space(engine, make_space("windows", preparation='as is {"context": "chapter 20"}'))


@pytest.fixture
def titled(engine, make_space):
    return spaces.register_space(engine, make_space("titled", preparation='as is {"context": "titles"}'))


def fill(engine, space, novel, random_vectors, *, without=()) -> int:
    rows = [row.content_hash for row in missing_inputs(engine, space, novel) if row.content_hash not in without]
    return vectors.write_batch(engine, space, rows, random_vectors(len(rows)))


def test_a_window_holds_so_many_word_pieces_of_one_chapter_in_order(engine, windows, add_novel) -> None:
    add_novel("one", BODIES)
    found: dict[bytes, list[str]] = {}
    for row in missing_inputs(engine, windows, "one"):
        found.setdefault(row.window, []).append(row.content)
    chapters = [BODIES[:10], BODIES[10:20], BODIES[20:]]
    wanted = [chapter[start : start + 4] for chapter in chapters for start in range(0, len(chapter), 4)]
    assert sorted(found.values()) == sorted(wanted)
    shared = shared_context(engine, windows.context)
    assert shared.passages == pytest.approx(sum(len(each) ** 2 for each in wanted) / 25)
    assert shared.word_pieces == pytest.approx(5 * shared.passages)


def test_a_repeated_passage_of_a_chapter_has_a_vector_for_each_place_and_an_equal_chapter_has_the_same(
    engine, windows, add_novel, random_vectors
) -> None:
    add_novel("one", ["a b ", "c d ", "a b "])
    add_novel("two", ["a b ", "c d ", "a b "])
    assert fill(engine, windows, "one", random_vectors) == 3
    assert missing_inputs(engine, windows, "two") == []
    assert (coverage(engine, windows).needed, coverage(engine, windows).missing) == (3, 0)
    value = hashlib.sha256(b"a b ").digest()
    assert list(vectors.passage_vectors(engine, windows, [value])) == [value]
    remove_novel(engine, "one")
    assert vectors.count_orphans(engine, windows) == 0


def test_two_who_fill_a_novel_share_its_windows_and_never_one_of_them(engine, windows, add_novel) -> None:
    add_novel("one", BODIES[:10])
    with open_claims(engine, windows, "one") as first, open_claims(engine, windows, "one") as second:
        pulled = first.missing()
        rows = [next(pulled) for _ in range(3)]
        assert list(second.missing()) == []
        assert second.contended == 10
        rows += pulled
    assert [row.content for row in sorted(rows, key=lambda row: BODIES.index(row.content))] == BODIES[:10]


def test_a_window_of_which_anything_lacks_goes_whole_but_for_what_is_refused(
    engine, windows, add_novel, random_vectors
) -> None:
    add_novel("one", BODIES[:8])
    rows = missing_inputs(engine, windows, "one")
    first = [row for row in rows if row.window == rows[0].window]
    refusals.record_refusals(engine, windows, [(first[0].content_hash, "no")])
    fill(engine, windows, "one", random_vectors, without={first[1].content_hash})
    found = coverage(engine, windows)
    assert (found.present, found.refused, found.missing) == (6, 1, 1)
    again = missing_inputs(engine, windows, "one")
    assert [row.content_hash for row in again] == [row.content_hash for row in first[1:]]
    assert vectors.write_batch(engine, windows, [row.content_hash for row in again], random_vectors(3)) == 1
    assert coverage(engine, windows).whole


def test_a_sample_of_what_is_embedded_together_is_one_whole_window(
    engine, windows, titled, add_novel, random_vectors
) -> None:
    add_novel("one", BODIES[:6])
    fill(engine, windows, "one", random_vectors)
    sample = fixed_sample(engine, windows, 20)
    assert [each.input.content for each in sample] == BODIES[4:6]
    assert len({each.input.window for each in sample}) == 1
    fill(engine, titled, "one", random_vectors)
    assert {each.input.content for each in fixed_sample(engine, titled, 20)} == {
        f"One, Chapter 1\n\n{body}" for body in BODIES[:6]
    }


def test_a_plan_counts_titles_and_a_space_that_is_not_stored_yet(engine, titled, add_novel, make_space) -> None:
    add_novel("one", ["a ", "b "])
    before = len("One, Chapter 1\n\n")
    for placed in (False, True):
        [gap] = gaps(engine, "text", titled)
        assert (gap.inputs, gap.characters, gap.word_pieces) == (2, 2 * (before + 2), 2), placed
        place_novel(engine, "one")
    other = make_space("other", preparation='as is {"context": "chapter 100"}')
    [gap] = gaps(engine, "text", None, of=other)
    assert (gap.inputs, gap.characters) == (2, 4)


def test_who_owns_a_titled_text_is_told_by_its_own_hash(engine, titled, add_novel) -> None:
    add_novel("one", ["a b "])
    [row] = missing_inputs(engine, titled, "one")
    assert owners_of_texts(engine, titled, [row.content_hash]) == {row.content_hash: ("one", 2)}
    assert row.content_hash == hashlib.sha256(row.content.encode()).digest()


def test_the_places_of_a_context_go_with_its_last_space_and_come_back_with_its_archive(
    engine, windows, titled, add_novel, random_vectors, tmp_path
) -> None:
    add_novel("one", BODIES)
    for space in (windows, titled):
        fill(engine, space, "one", random_vectors)
    spaces.retire(engine, "windows")
    path = export_space(engine, windows, tmp_path)
    spaces.drop(engine, "windows")
    with engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT context, count(*) FROM chunks_in_context GROUP BY 1").fetchall()
    assert [tuple(row) for row in left] == [("titles", 25)]
    restored = restore_space(engine, path)
    found = coverage(engine, restored)
    assert (found.needed, found.present) == (25, 25)


def test_a_novel_that_is_cut_anew_leaves_no_place_behind(engine, windows, titled, add_novel) -> None:
    add_novel("one", BODIES)
    for space in (windows, titled):
        missing_inputs(engine, space, "one")
    add_novel("one", [*BODIES[:3], "another passage "])
    with engine.connect() as connection:
        places = connection.exec_driver_sql(
            "SELECT context, array_agg((chapter, ordinal)::text ORDER BY chapter, ordinal)"
            " FROM chunks_in_context GROUP BY 1"
        ).fetchall()
    expected = ["(1,1)", "(1,2)", "(1,3)", "(1,4)"]
    assert [list(row[1]) for row in places] == [expected, expected]
    assert [coverage(engine, space).missing for space in (windows, titled)] == [4, 4]


def test_what_is_missing_in_a_context_goes_on_behind_the_last_that_was_read(
    engine, windows, titled, add_novel, random_vectors
) -> None:
    add_novel("one", BODIES[:10])
    add_novel("two", ["of two alone "])

    def behind(space, after: bytes) -> set[bytes]:
        with transaction(engine) as connection:
            return {row.unit for row in missing_page(connection, space, "one", after, 99)}

    for space, many in ((windows, 3), (titled, 10)):
        units = sorted({row.unit for row in missing_inputs(engine, space, "one")})
        assert len(units) == many
        assert [behind(space, after) for after in (b"", units[0], units[-1])] == [set(units), set(units[1:]), set()]
        rows = [row.content_hash for row in missing_inputs(engine, space, "one") if row.unit == units[0]]
        vectors.write_batch(engine, space, rows, random_vectors(len(rows)))
        assert behind(space, b"") == set(units[1:])
