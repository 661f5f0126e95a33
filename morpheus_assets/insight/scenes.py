"""Which chapter a panel shows: sentences and pictures of one image space compared, and aligned to the reading order.

Similarities are CSLS (Conneau et al. 2018, arXiv:1710.04087): a sentence that is near to every picture counts less. A
chapter is worth its three best sentences, for a whole passage says too much that no picture shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.unit_vectors import unit_rows
from morpheus_assets.text.sentences import sentence_spans

WEIGHTS = (6 / 11, 3 / 11, 2 / 11)
"""Of a chapter's best sentences, 1 : 1/2 : 1/3. With equal ones 70 % instead of 81 % of panels find their chapter by
themselves where a single sentence describes the panel (15 novels with drawn panels), and as many in the sample."""
NEIGHBOURS = 10
SHUFFLES, MOST_BETTER = 59, 2
"""The order is taken for one if at most two of so many others fit better: by chance, one of twenty would."""
_SHORTEST, _SHORTEST_UNSPACED, _LONGEST = 20, 6, 600


@dataclass(frozen=True)
class Scene:
    """The place of a panel in a novel.

    `chapter` and `sentence` are columns: of `scores` (one a chapter) and of the sentences that were compared.
    `similarity` is the cosine of the panel and that sentence; `aligned` says that the reading order decided.
    """

    chapter: int
    sentence: int
    similarity: float
    scores: Sequence[float]
    aligned: bool


def picturable_sentences(body: str) -> list[tuple[int, int]]:
    """(start, end) of a chapter's sentences that a picture could show; of long ones the first 600 characters."""
    found = []
    for start, end in sentence_spans(body):
        text = body[start:end]
        least = _SHORTEST if text.isascii() or not any(char > "\u2e7f" for char in text) else _SHORTEST_UNSPACED
        if len(text) >= least:
            found.append((start, min(end, start + _LONGEST)))
    return found


def match_scenes(
    sentences: Any, chapters: Sequence[int], panels: Any, fixed: Mapping[int, int] | None = None
) -> list[Scene]:
    """The scene of each panel; [] without panels or sentences.

    `sentences` [n, d] and `panels` [m, d] are vectors of one space, of any length but zero, panels in reading order;
    `chapters` is the column of each sentence's chapter, from 0 and rising. `fixed` are columns that a person confirmed,
    by row of `panels`.
    """
    import numpy as np

    if not len(panels) or not len(sentences):
        return []
    fixed = fixed or {}
    texts, pictures = (unit_rows(np.asarray(rows, dtype=np.float32)) for rows in (sentences, panels))
    cosines = pictures @ texts.T
    similar = csls(cosines)
    bounds = [int(place) for place in np.flatnonzero(np.diff(np.asarray(chapters))) + 1]
    starts, ends = [0, *bounds], [*bounds, len(texts)]
    scores = chapter_scores(similar, starts, ends)
    for row, column in fixed.items():
        # Beyond what any other chapter could make up for.
        scores[row, column] += 1_000
    ordered = has_order(scores)
    chosen = aligned(scores) if ordered else scores.argmax(axis=1)
    for row, column in fixed.items():
        scores[row, column] -= 1_000
    scenes = []
    for row, column in enumerate(chosen):
        first, last = starts[column], ends[column]
        sentence = first + int(similar[row, first:last].argmax())
        values = [round(float(value), 4) for value in scores[row]]
        scenes.append(Scene(int(column), sentence, round(float(cosines[row, sentence]), 4), values, ordered))
    return scenes


def csls(cosines: Any) -> Any:
    """Cosines [m, n] less the mean of the nearest ten of their row and of their column, twice as large."""
    import numpy as np

    across = min(NEIGHBOURS, cosines.shape[1])
    down = min(NEIGHBOURS, cosines.shape[0])
    of_rows = np.partition(cosines, -across, axis=1)[:, -across:].mean(axis=1)
    of_columns = np.partition(cosines, -down, axis=0)[-down:].mean(axis=0)
    return 2 * cosines - of_rows[:, None] - of_columns[None, :]


def chapter_scores(similar: Any, starts: Sequence[int], ends: Sequence[int]) -> Any:
    """What the best sentences of each chapter are worth, [m, chapters]."""
    import numpy as np

    scores = np.empty((len(similar), len(starts)), np.float32)
    for column, (start, end) in enumerate(zip(starts, ends, strict=True)):
        best = min(len(WEIGHTS), end - start)
        weights = np.array(WEIGHTS[:best][::-1], np.float32)
        found = np.sort(np.partition(similar[:, start:end], -best, axis=1)[:, -best:], axis=1)
        scores[:, column] = found @ (weights / weights.sum())
    return scores


def has_order(scores: Any) -> bool:
    """True when the panels, as they come, follow the chapters better than in other orders."""
    import numpy as np

    if len(scores) < 3 or scores.shape[1] < 2:
        return True
    chance = np.random.default_rng(0)
    # Two panels of one chapter that change places are worth as much, but for the last digit.
    best = _worth(scores) + 1e-6
    return sum(_worth(scores[chance.permutation(len(scores))]) > best for _ in range(SHUFFLES)) <= MOST_BETTER


def aligned(scores: Any) -> Any:
    """A column for each row of [m, n], never falling, with the largest sum: dynamic time warping without the warps.

    Columns that no row takes are left out freely, so chapters without a panel cost nothing.
    """
    import numpy as np

    sums, came_from = _sums(scores)
    column = int(sums.argmax())
    chosen = [column]
    for row in range(len(scores) - 1, 0, -1):
        column = int(came_from[row, column])
        chosen.append(column)
    return np.array(chosen[::-1])


def _sums(scores: Any) -> tuple[Any, Any]:
    """The best sum that ends in each column, and the column before it, [m, n]."""
    import numpy as np

    came_from = np.zeros(scores.shape, np.int32)
    sums = scores[0].astype(np.float64)
    places = np.arange(scores.shape[1])
    for row in range(1, len(scores)):
        highest = np.maximum.accumulate(sums)
        # where the running maximum was last reached
        came_from[row] = np.maximum.accumulate(np.where(sums == highest, places, 0))
        sums = highest + scores[row]
    return sums, came_from


def _worth(scores: Any) -> float:
    import numpy as np

    sums = scores[0].astype(np.float64)
    for row in scores[1:]:
        sums = np.maximum.accumulate(sums) + row
    return float(sums.max())
