import pytest

from morpheus_assets.domain.questions import Question
from morpheus_assets.services.evaluation.comparison import compare
from morpheus_assets.services.evaluation.measures import Outcome, by_kind, by_novel, failed, measure


def outcome(number: int, rank: int | None, kind: str = "judged", novel: str = "one", **ranks: int | None) -> Outcome:
    question = Question(f"question {number}", novel, frozenset({1}), kind=kind)
    return Outcome(question, True, "passage" in ranks, rank, ranks.get("passage"), "something else")


def test_measures_are_those_of_the_textbook() -> None:
    found = measure([1, 2, None, 10])
    assert (found.recall_1, found.recall_5, found.recall_10) == (0.25, 0.5, 0.75)
    assert found.mrr == pytest.approx((1 + 1 / 2 + 1 / 10) / 4)
    assert found.ndcg == pytest.approx((1 + 0.63093 + 0.28906) / 4, abs=1e-4)
    assert measure([]).mrr == 0


def test_kinds_are_told_apart_and_so_are_chapter_and_passage() -> None:
    outcomes = [outcome(1, 1, passage=None), outcome(2, 3, passage=5), outcome(3, 2, kind="sentence")]
    found = by_kind(outcomes)
    assert list(found) == ["judged, chapter", "judged, passage", "sentence"]
    assert (found["judged, chapter"].recall_5, found["judged, passage"].recall_5) == (1.0, 0.5)
    assert by_novel([*outcomes, outcome(4, None, novel="two")])["two"].recall_10 == 0


def test_what_failed_comes_with_what_came_instead() -> None:
    outcomes = [outcome(1, None), outcome(2, 4)]
    assert [(each.question.question, each.instead) for each in failed(outcomes)] == [("question 1", "something else")]


def test_a_space_that_is_worse_at_most_questions_is_worse_beyond_doubt() -> None:
    old = [outcome(n, 1 + n % 2) for n in range(40)]
    worse = [outcome(n, 4) for n in range(40)]
    found = compare(worse, old)
    assert found.is_worse
    assert found.questions == 40
    assert found.low <= found.difference <= found.high < 0
    assert not compare(old, worse).is_worse


def test_one_question_lost_and_one_won_proves_nothing() -> None:
    old = [outcome(n, 1) for n in range(40)]
    new = [outcome(0, None), outcome(1, 2), *old[2:]]
    assert not compare(new, old).is_worse
    assert not compare(old, old).is_worse


def test_fewer_than_twenty_questions_prove_nothing_however_bad_they_are() -> None:
    assert not compare([outcome(n, None) for n in range(19)], [outcome(n, 1) for n in range(19)]).is_worse
    assert compare([outcome(n, None) for n in range(20)], [outcome(n, 1) for n in range(20)]).is_worse


def test_only_questions_that_both_answered_are_compared() -> None:
    assert compare([outcome(1, 1), outcome(2, 1)], [outcome(2, 2), outcome(3, 1)]).questions == 1
