import hashlib

import numpy as np
import pytest
from sqlalchemy import Engine

from bench.known_items import as_json, describe_worst, indexed, interval, judgement, read_stored
from morpheus_assets.domain.questions import Question
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.services.evaluation.comparison import compare
from morpheus_assets.services.evaluation.measures import Outcome
from morpheus_assets.store.spaces import spaces, vectors


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


def test_another_kind_of_index_is_there_while_it_is_measured(engine: Engine) -> None:
    space = spaces.register_space(engine, resolve_text_space("openai/text-embedding-3-small@256"))
    hashes = [hashlib.sha256(b"passage %d" % number).digest() for number in range(60)]
    made = np.random.default_rng(3).standard_normal((60, 256)).astype(np.float32)
    vectors.write_batch(engine, space, hashes, made)
    spaces.activate_first(engine, space.key)

    def kind_within(kind: str) -> str | None:
        with indexed(engine, kind):
            return spaces.get_space(engine, space.key).index_kind

    assert [kind_within(kind) for kind in ("ivf-binary", "exact", "hnsw-binary")] == ["ivf-binary", None, "hnsw-binary"]
    assert spaces.get_space(engine, space.key).index_kind == "hnsw", "the usual one, for so few dimensions"
