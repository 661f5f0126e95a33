"""Whether one space finds better than another: a paired bootstrap over the questions that both were asked.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 16. The seed is fixed: the same outcomes give
the same interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morpheus_assets.services.evaluation.measures import Outcome

# Fewer questions prove nothing, whatever they say.
FEWEST_QUESTIONS = 20
_RESAMPLES = 5000
_LEVEL = 0.95


@dataclass(frozen=True)
class Comparison:
    """The mean difference in reciprocal rank, new minus old, with its 95 % interval."""

    questions: int
    difference: float
    low: float
    high: float

    @property
    def is_worse(self) -> bool:
        """Beyond doubt: the whole interval lies below zero, and over enough questions."""
        return self.questions >= FEWEST_QUESTIONS and self.high < 0

    def __str__(self) -> str:
        return (
            f"{self.difference:+.3f} in reciprocal rank over {self.questions} questions"
            f" (95 % interval {self.low:+.3f} to {self.high:+.3f})"
        )


def compare(new: Sequence[Outcome], old: Sequence[Outcome]) -> Comparison:
    """`new` beside `old`, by the questions that both answered; questions are paired by their text, novel and kind."""
    known = {_identity(outcome): outcome.score for outcome in old}
    pairs = [(outcome.score, known[_identity(outcome)]) for outcome in new if _identity(outcome) in known]
    if not pairs:
        return Comparison(0, 0.0, 0.0, 0.0)
    differences = np.array([after - before for after, before in pairs])
    drawn = np.random.default_rng(16).integers(0, len(differences), (_RESAMPLES, len(differences)))
    means = differences[drawn].mean(axis=1)
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Comparison(len(pairs), float(differences.mean()), float(low), float(high))


def _identity(outcome: Outcome) -> tuple[str, str, str]:
    question = outcome.question
    return question.question, question.novel, question.kind
