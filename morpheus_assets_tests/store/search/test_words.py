"""The weights of a question's words and what finds candidates by them, as arithmetic; test_hits.py has the searches."""

import math

import pytest

from morpheus_assets.store.search import words
from morpheus_assets.store.search.words import QuestionWords, Term, question_words

A, B, C = (Term(f"'{name}'", passages, weight, weight / 10) for name, passages, weight in
           (("a", 1000, 1.0), ("b", 10, 5.0), ("c", 100, 3.0)))  # fmt: skip


def test_words_that_stand_together_thin_out_less_than_by_chance() -> None:
    assert words._finder([B], 2000) == words._Finder("'b'", 5.0, 10)
    both = words._finder([A, B], 2000)
    assert (both.query, both.weight) == ("'a' & 'b'", 6.0)
    assert both.passages == pytest.approx(2000 * 0.005 * math.sqrt(0.5))
    assert words._finder([A], 500).passages == 500, "no more than there are"
    assert words._finder([A], 0).passages == 0


@pytest.mark.parametrize(
    ("most", "found"),
    [
        (0, ["'b' & 'c' & 'a'"]),
        (20, ["'b' & 'c' & 'a'", "'b' & 'c'", "'b' & 'a'"]),
        (22, ["'b' & 'c' & 'a'", "'b' & 'c'", "'b' & 'a'", "'b'"]),
        (9999, ["'b' & 'c' & 'a'", "'b' & 'c'", "'b' & 'a'", "'b'", "'c' & 'a'", "'c'", "'a'"]),
    ],
)
def test_what_fewest_passages_have_finds_candidates_until_there_are_enough(most: float, found: list[str]) -> None:
    assert [finder.query for finder in words._finders([A, B, C], 2000, most)] == found
    assert [finder.query for finder in words._finders([A, B], 2000, 9999)] == ["'b' & 'a'", "'b'", "'a'"]


def test_a_word_weighs_by_how_rare_it_is_in_its_language_and_a_language_by_how_it_fits() -> None:
    found = question_words(
        [
            ("english", None, 100.0, None, 3), ("french", None, 50.0, None, 3),
            ("english", "'x'", 10.0, None, 11), ("english", "'y'", None, None, 0), ("french", "'x'", 1.0, None, 11),
        ]
    )  # fmt: skip
    assert dict(found.totals) == {"english": 100.0, "french": 50.0}
    rare, absent = math.log(1 + 90.5 / 10.5), math.log(1 + 100.5 / 0.5)
    [of_english], [of_french] = found.terms["english"], found.terms["french"]
    assert (of_english.query, of_english.passages) == ("'x'", 10.0)
    # one word of three is too common to be kept in English, two in French, which so fits best
    assert of_english.weight == pytest.approx(4 / 9 * rare)
    assert of_english.share == pytest.approx(rare / (rare + absent)), "what no passage has counts in what they lack"
    assert of_french.weight == pytest.approx(math.log(1 + 49.5 / 1.5))
    assert of_french.share == 1.0
    assert found


def test_a_word_that_is_not_counted_is_as_frequent_as_its_share_says() -> None:
    rows = [("english", None, 30_000.0, None, 1), ("english", "'x'", None, 0.25, None)]
    assert [term.passages for term in question_words(rows).terms["english"]] == [7500.0]
    more_than_all = question_words([("english", None, 30_000.0, None, 1), ("english", "'x'", 40_000.0, None, None)])
    assert [term.passages for term in more_than_all.terms["english"]] == [30_000.0]


def test_a_question_without_a_word_that_occurs_is_none() -> None:
    assert not question_words([])
    assert not question_words([("english", None, 5.0, None, 2), ("english", "'x'", None, None, 0)])
    assert not QuestionWords()


def test_what_is_ranked_and_by_which_words_is_said_in_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_CANDIDATES", 1200), ("_LEADING", 3), ("_PAIRED_WORDS", 4)):
        monkeypatch.setattr(words, name, value)
    terms = [Term(f"'{number}'", 500.0, 1.0, 0.1) for number in range(9)]
    given = QuestionWords({"simple": terms}, {"simple": 100_000.0}).parameters(7)
    assert (given["k"], given["leading"], given["terms"]) == (7, 21, [term.query for term in terms])
    assert (given["configs"], given["weights"], given["shares"]) == (["simple"] * 9, [1.0] * 9, [0.1] * 9)
    assert 1 <= sum("&" not in query for query in given["chosen"]) <= 1200 / 500
