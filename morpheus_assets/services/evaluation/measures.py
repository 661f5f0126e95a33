"""How good the places of the answers are: recall, mean reciprocal rank and nDCG, by kind and by novel."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.questions import Question

# Results that are looked at for each question.
DEPTH = 10


@dataclass(frozen=True)
class Outcome:
    """What a search gave for a question: the place of its answer from 1, None when it is not among the first ten.

    `chapter` is the place of the first passage of an accepted chapter, `passage` that of the first one that holds the
    quotation; each is looked for only where the question names one (`has_…`). `instead` is what came first, for a
    question whose answer did not.
    """

    question: Question
    has_chapter: bool
    has_passage: bool
    chapter: int | None
    passage: int | None
    instead: str = ""

    @property
    def ranks(self) -> dict[str, int | None]:
        """The places that were looked for, "chapter" and "passage"."""
        wanted = {"chapter": (self.has_chapter, self.chapter), "passage": (self.has_passage, self.passage)}
        return {name: rank for name, (asked, rank) in wanted.items() if asked}

    @property
    def score(self) -> float:
        """0 to 1, for comparing spaces: the reciprocal rank, the mean of both where both were looked for."""
        ranks = self.ranks.values()
        return sum(1 / rank for rank in ranks if rank) / max(1, len(ranks))

    def as_json(self) -> dict[str, Any]:
        """What is stored of it: enough to draw a plot or to compare, without the texts of hundreds of questions."""
        question = self.question
        return {"question": question.question, "novel": question.novel, "kind": question.kind, "ranks": self.ranks}


@dataclass(frozen=True)
class Measures:
    """Shares of the questions whose answer is among the first 1, 5 and 10, and how early it comes.

    An answer counts once, at its first place, so nDCG is 1 / log2(1 + rank) and 0 behind the tenth.
    """

    questions: int
    recall_1: float
    recall_5: float
    recall_10: float
    mrr: float
    ndcg: float


def measure(ranks: Sequence[int | None]) -> Measures:
    """The measures of the places of some answers; all 0 without any."""
    count = max(1, len(ranks))
    found = [rank for rank in ranks if rank is not None and rank <= DEPTH]
    first, five, ten = (sum(rank <= most for rank in found) / count for most in (1, 5, 10))
    return Measures(
        len(ranks),
        first,
        five,
        ten,
        sum(1 / rank for rank in found) / count,
        sum(1 / math.log2(1 + rank) for rank in found) / count,
    )


def by_kind(outcomes: Iterable[Outcome]) -> dict[str, Measures]:
    """Measures by kind of question; a kind with both answers has two rows, "judged, chapter" and "judged, passage"."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.question.kind].append(outcome)
    return {name: measure(ranks) for kind, each in groups.items() for name, ranks in _named(kind, each).items()}


def by_novel(outcomes: Iterable[Outcome]) -> dict[str, Measures]:
    """Measures by novel, over all kinds; where both answers were looked for, by the chapter's place."""
    groups: dict[str, list[int | None]] = defaultdict(list)
    for outcome in outcomes:
        ranks = outcome.ranks
        groups[outcome.question.novel].append(ranks.get("chapter", ranks.get("passage")))
    return {novel: measure(groups[novel]) for novel in sorted(groups)}


def failed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those whose answer is nowhere among the first ten, judged ones first."""
    missed = [outcome for outcome in outcomes if not outcome.score]
    return sorted(missed, key=lambda outcome: outcome.question.passage is not None)


def _named(kind: str, outcomes: Sequence[Outcome]) -> Mapping[str, list[int | None]]:
    ranks = {
        answer: [outcome.ranks[answer] for outcome in outcomes if answer in outcome.ranks]
        for answer in ("chapter", "passage")
    }
    asked = {answer: found for answer, found in ranks.items() if found}
    return {kind if len(asked) == 1 else f"{kind}, {answer}": found for answer, found in asked.items()}
