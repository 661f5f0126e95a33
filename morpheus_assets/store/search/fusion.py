"""One order out of two measures: cosine to the question, and the weight of the words that a passage shares with it.

Fused by score and not by rank: ranks throw away that a passage holds all five words asked for. How the constants were
chosen is told in bench/README.md. Pure arithmetic; the measures come from the room's statements.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# The words' part of the score; the cosine has the rest.
WORDS_WEIGHT = 0.4
# The same in a language that the model hardly knows: its cosines say little there.
WORDS_WEIGHT_UNKNOWN = 0.8
# What a passage takes of each measure of the two beside it: a scene goes on beyond the bounds of a passage.
_BESIDE = 0.25
# A passage with more than this share of the question's words, by weight, is what was meant by them ...
_COVERED = 0.6
# ... and one with all of them comes first unless several others have them too.
_ALL_COVERED = 2.0


@dataclass(frozen=True)
class Candidate:
    """A passage of the common pool with both measures.

    `words` is the sum over the question's words of weight × rank, `covered` the share of their weights that it has (0
    to 1). `…_beside` are the sums over the passages before and behind it in its chapter. `is_known`: it is in a
    language that the model knows.
    """

    value: bytes
    cosine: float
    words: float
    covered: float
    has_words: bool = True
    cosine_beside: float = 0.0
    words_beside: float = 0.0
    is_known: bool = True


def fuse(candidates: Sequence[Candidate]) -> list[tuple[Candidate, float]]:
    """The candidates with their fused score, best first.

    Each measure counts in standard deviations from the pool's mean, so that neither needs a scale of its own: the
    cosines of one model lie between .1 and .6, another's between .7 and .9.
    """
    cosines = _standardised([each.cosine + _BESIDE * each.cosine_beside for each in candidates])
    words = _standardised([each.words + _BESIDE * each.words_beside for each in candidates])
    scored = []
    for each, cosine, shared in zip(candidates, cosines, words, strict=True):
        weight = WORDS_WEIGHT if each.is_known else WORDS_WEIGHT_UNKNOWN
        scored.append((each, (1 - weight) * cosine + weight * shared + _bonus(each.covered)))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].value))


def _bonus(covered: float) -> float:
    return _ALL_COVERED * max(0.0, covered - _COVERED) / (1 - _COVERED)


def _standardised(values: Sequence[float]) -> list[float]:
    if not values:
        return []
    mean = statistics.fmean(values)
    deviation = statistics.pstdev(values, mean)
    return [(value - mean) / deviation if deviation else 0.0 for value in values]
