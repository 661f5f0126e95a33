"""One order out of two measures: cosine to the question, and the weight of the words that a passage shares with it.

Fused by score and not by rank: ranks throw away that a passage holds all five words asked for. How the constants were
chosen is told in bench/README.md. Pure arithmetic; the measures come from the room's statements.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

# The words' part of the score; the cosine has the rest.
WORDS_WEIGHT = 0.4
# The same in a language that the model hardly knows: its cosines say little there.
WORDS_WEIGHT_UNKNOWN = 0.8
# What a passage takes of the cosines of the two beside it: a scene goes on beyond the bounds of a passage.
_BESIDE = 0.25
# What a chapter gives for the best three of its candidates: what answers seldom stands alone.
_CHAPTER, _OF_CHAPTER = 0.2, 3
# What is among the first four by ranks, whose order a single measure cannot spoil, stays among the first ten.
_LEADERS, _FIRST = 4, 10
_RANK_OFFSET = 60
# A passage with more than this share of the question's words, by weight, is what was meant by them ...
_COVERED = 0.6
# ... and one with all of them comes first unless several others have them too.
_ALL_COVERED = 2.0


@dataclass(frozen=True)
class Candidate:
    """A passage of the common pool with both measures.

    `words` is the sum over the question's words of weight × rank, `covered` the share of their weights that it has (0
    to 1). `cosine_beside` is the sum over the `beside` passages before and behind it in its chapter, `chapter` names
    that. `is_known`: it is in a language that the model knows. `vector_rank` and `text_rank` are its places in the two
    lists, from 1.
    """

    value: bytes
    cosine: float
    words: float
    covered: float
    cosine_beside: float = 0.0
    beside: int = 0
    chapter: Hashable = None
    is_known: bool = True
    vector_rank: int | None = None
    text_rank: int | None = None


def fuse(candidates: Sequence[Candidate]) -> list[tuple[Candidate, float]]:
    """The candidates with their fused score, best first.

    Each measure counts in standard deviations from the pool's mean, so that neither needs a scale of its own: the
    cosines of one model lie between .1 and .6, another's between .7 and .9.
    """
    # A passage at the end of its chapter has one beside it. What is not there is taken for an average one: as 0 it set
    # back what a model found whose cosines all lie about .8.
    beside = sum(each.beside for each in candidates)
    usual = math.fsum(each.cosine_beside for each in candidates) / beside if beside else 0.0
    cosines = _standardised([each.cosine + _BESIDE * (each.cosine_beside - usual * each.beside) for each in candidates])
    words = _standardised([each.words for each in candidates])
    scores = []
    for each, cosine, shared in zip(candidates, cosines, words, strict=True):
        weight = WORDS_WEIGHT if each.is_known else WORDS_WEIGHT_UNKNOWN
        scores.append((1 - weight) * cosine + weight * shared + _bonus(each.covered))
    chapters = _standardised(_of_chapters(candidates, scores))
    scored = [
        (each, score + _CHAPTER * chapter) for each, score, chapter in zip(candidates, scores, chapters, strict=True)
    ]
    return _with_leaders(sorted(scored, key=lambda pair: (-pair[1], pair[0].value)))


def _of_chapters(candidates: Sequence[Candidate], scores: Sequence[float]) -> list[float]:
    """For each candidate the best scores of its chapter, above the pool's least one."""
    least = min(scores, default=0.0)
    of_chapter: dict[Hashable, list[float]] = defaultdict(list)
    for each, score in zip(candidates, scores, strict=True):
        of_chapter[each.chapter].append(score - least)
    best = {chapter: sum(sorted(found, reverse=True)[:_OF_CHAPTER]) for chapter, found in of_chapter.items()}
    return [best[each.chapter] for each in candidates]


def _with_leaders(scored: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """The same order, with the leaders by reciprocal ranks (Cormack and others, SIGIR 2009) among the first ten."""
    by_ranks = sorted(scored, key=lambda pair: (-_reciprocal(pair[0]), pair[0].value))
    leaders = {each.value for each, _ in by_ranks[:_LEADERS]}
    behind = [pair for pair in scored[_FIRST:] if pair[0].value in leaders]
    if not behind:
        return scored
    kept = scored[: _FIRST - len(behind)]
    rest = [pair for pair in scored[len(kept) :] if pair not in behind]
    # The score says the order: what is put forward has that of the one before it.
    return [*kept, *((each, kept[-1][1]) for each, _ in behind), *rest]


def _reciprocal(candidate: Candidate) -> float:
    return sum(1 / (_RANK_OFFSET + rank) for rank in (candidate.vector_rank, candidate.text_rank) if rank)


def _bonus(covered: float) -> float:
    return _ALL_COVERED * max(0.0, covered - _COVERED) / (1 - _COVERED)


def _standardised(values: Sequence[float]) -> list[float]:
    if not values:
        return []
    # statistics.pstdev reckons in fractions, which was a third of a search's CPU in the client.
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return [(value - mean) / deviation if deviation else 0.0 for value in values]
