import pytest

from bench.known_items import as_json, describe_worst, interval, judgement, read_stored
from morpheus_assets.domain.questions import Question
from morpheus_assets.services.evaluation.comparison import compare
from morpheus_assets.services.evaluation.measures import Outcome


def outcome(number: int, chapter: int | None, passage: int | None) -> Outcome:
    question = Question(f"question {number}", "one", frozenset({1}), "words of it")
    return Outcome(question, True, True, chapter, passage, "something else")


def outcomes(rank: int | None, count: int = 40) -> list[Outcome]:
    return [outcome(number, 1 + number % 2, rank) for number in range(count)]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(1, 4, "worse"), (4, 1, "better"), (None, 2, "better"), (2, 2, "neither better nor worse beyond doubt")],
)
def test_a_change_is_judged_by_what_an_earlier_run_saved(before: int | None, after: int | None, said: str) -> None:
    saved = read_stored(as_json(outcomes(before)))
    assert judgement(compare(outcomes(after), saved)).endswith(f": {said}")


def test_outcomes_are_read_as_they_were_saved() -> None:
    each = [outcome(1, 2, None), outcome(2, None, 7)]
    assert [(one.ranks, one.score) for one in read_stored(as_json(each))] == [(one.ranks, one.score) for one in each]


def test_few_questions_judge_nothing() -> None:
    assert "too few" in judgement(compare(outcomes(9, 19), outcomes(1, 19)))


def test_an_interval_of_a_share_is_wilsons() -> None:
    assert interval(0.5, 100) == pytest.approx((0.404, 0.596), abs=1e-3)
    assert interval(0.0, 10) == pytest.approx((0.0, 0.278), abs=1e-3)


def test_the_worst_answered_come_first_with_what_came_instead() -> None:
    told = describe_worst([outcome(1, 1, 1), outcome(2, None, None), outcome(3, 1, 9)])
    assert [line.split(" (")[0] for line in told.splitlines() if line.startswith("- ")] == [
        "- question 2",
        "- question 3",
        "- question 1",
    ]
    assert "something else" in told
