from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.store.search.fusion import Candidate, fuse

PLAIN = [Candidate(bytes([number]), 0.3 + 0.01 * number, 0.1 * number, 0.1) for number in range(20)]


def order(candidates: list[Candidate]) -> list[int]:
    return [each.value[0] for each, _ in fuse(candidates)]


def test_a_passage_with_all_words_asked_for_comes_before_a_slightly_nearer_one() -> None:
    holds_all = Candidate(b"\xff", 0.3, 3.0, 1.0)
    assert order([*PLAIN, holds_all])[0] == 255


def test_many_common_words_are_no_answer_beside_a_much_nearer_passage() -> None:
    near, wordy = Candidate(b"\xfe", 0.9, 0.0, 0.0), Candidate(b"\xff", 0.2, 2.2, 0.5)
    assert order([*PLAIN, near, wordy])[0] == 254


def test_a_passage_between_two_good_ones_comes_before_a_lonely_equal() -> None:
    between = Candidate(b"\xfe", 0.45, 1.0, 0.3, cosine_beside=0.9, beside=2)
    lonely = Candidate(b"\xff", 0.45, 1.0, 0.3, cosine_beside=0.4, beside=2)
    found = order([*PLAIN, lonely, between])
    assert found.index(254) < found.index(255)


def test_of_two_equals_the_one_in_a_chapter_with_other_good_ones_comes_first() -> None:
    beside = [Candidate(bytes([200 + number]), 0.5, 1.5, 0.3, chapter=(1, 7)) for number in range(2)]
    alone = Candidate(b"\xf0", 0.42, 1.2, 0.3, chapter=(1, 8))
    accompanied = Candidate(b"\xf1", 0.42, 1.2, 0.3, chapter=(1, 7))
    found = order([*(replace(each, chapter=(2, each.value[0])) for each in PLAIN), alone, accompanied, *beside])
    assert found.index(0xF1) < found.index(0xF0)


def test_what_leads_one_list_and_stands_high_in_the_other_is_among_the_first_ten() -> None:
    ranked = [replace(each, vector_rank=30 - place, text_rank=30 - place) for place, each in enumerate(PLAIN)]
    leader = Candidate(b"\xff", 0.3, 0.1, 0.1, vector_rank=2, text_rank=3)
    assert order([*PLAIN, replace(leader, vector_rank=None, text_rank=None)]).index(255) >= 10
    scored = fuse([*ranked, leader])
    assert [each.value[0] for each, _ in scored].index(255) == 9
    scores = [score for _, score in scored]
    assert scores == sorted(scores, reverse=True)
    assert len({each.value for each, _ in scored}) == len(scored) == 21


@given(st.floats(0.01, 50), st.floats(-5, 5))
def test_the_scale_of_a_models_cosines_does_not_matter(scale: float, offset: float) -> None:
    stretched = [replace(each, cosine=scale * each.cosine + offset) for each in PLAIN]
    assert order(stretched) == order(PLAIN)


@pytest.mark.parametrize("same", [[], PLAIN[:1], [replace(each, cosine=0.5, words=0.0) for each in PLAIN]])
def test_a_pool_without_differences_is_given_as_it_is(same: list[Candidate]) -> None:
    assert len(fuse(same)) == len(same)


# As near as they have words, so that both measures weigh what their share of the score is.
EVEN = [Candidate(bytes([number]), 0.3 + 0.01 * (number % 3), 0.3 + 0.01 * (number % 3), 0.1) for number in range(18)]


@pytest.mark.parametrize(("is_known", "first"), [(True, 254), (False, 255)])
def test_nearness_counts_more_than_words_where_the_model_knows_the_language_and_less_elsewhere(
    is_known: bool, first: int
) -> None:
    near, wordy = Candidate(b"\xfe", 0.6, 0.3, 0.1), Candidate(b"\xff", 0.3, 0.6, 0.1)
    assert order([replace(each, is_known=is_known) for each in (*EVEN, near, wordy)])[0] == first


@pytest.mark.parametrize(("beside", "first"), [(0.4, 254), (0.8, 255)])
def test_what_stands_beside_a_passage_counts_a_quarter_of_the_passage_itself(beside: float, first: int) -> None:
    alone, between = Candidate(b"\xfe", 0.6, 0.3, 0.1), Candidate(b"\xff", 0.45, 0.3, 0.1, cosine_beside=beside)
    assert order([replace(each, beside=2) for each in (*EVEN, alone, between)])[0] == first


@pytest.mark.parametrize("usual", [0.1, 0.5, 0.8], ids=["of a model whose cosines are low", "middling", "high"])
def test_a_passage_at_the_end_of_its_chapter_is_not_set_back_by_what_is_not_there(usual: float) -> None:
    inside = [
        Candidate(bytes([number]), usual + 0.01 * number, 0.1, 0.1, 2 * usual, beside=2, chapter=number)
        for number in range(6)
    ]
    at_the_end = Candidate(b"\xff", usual + 0.06, 0.1, 0.1, usual, beside=1, chapter=255)
    by_itself = Candidate(b"\xfe", usual + 0.055, 0.1, 0.1, chapter=254)
    assert order([*inside, by_itself, at_the_end])[:2] == [255, 254]


@pytest.mark.parametrize(("near", "is_first"), [(0.43, False), (0.46, True)])
def test_good_company_in_a_chapter_outweighs_a_little_and_no_more(near: float, is_first: bool) -> None:
    company = [Candidate(bytes([200 + number]), 0.5, 0.5, 0.1, chapter="c") for number in range(2)]
    accompanied, alone = Candidate(b"\xfe", 0.42, 0.42, 0.1, chapter="c"), Candidate(b"\xff", near, near, 0.1)
    found = order([*(replace(each, chapter=each.value) for each in EVEN), *company, accompanied, alone])
    assert (found.index(255) < found.index(254)) is is_first


def test_a_chapter_counts_by_its_best_three_and_no_more() -> None:
    many = [Candidate(bytes([100 + number]), 0.4, 0.4, 0.1, chapter="many") for number in range(9)]
    three = [Candidate(bytes([200 + number]), 0.41, 0.41, 0.1, chapter="three") for number in range(3)]
    found = order([*(replace(each, chapter=each.value) for each in EVEN), *many, *three])
    assert set(found[:3]) == {200, 201, 202}


def test_most_of_the_questions_words_are_worth_more_the_more_of_them_there_are() -> None:
    holders = [Candidate(bytes([250 + place]), 0.3, 0.3, covered) for place, covered in enumerate((0.6, 0.7, 0.9, 1.0))]
    scores = {each.value[0]: score for each, score in fuse([*EVEN, *holders])}
    assert scores[251] - scores[250] == pytest.approx(0.5)
    assert scores[253] - scores[250] == pytest.approx(2.0)
    assert scores[252] - scores[251] == pytest.approx(1.0)


def test_equals_come_in_the_order_of_their_hashes() -> None:
    same = [Candidate(bytes([number]), 0.5, 0.5, 0.1) for number in (9, 3, 7)]
    assert order([*same, *EVEN][::-1])[:3] == [3, 7, 9]
