"""The numbering among the hits of a family: the best chain by dynamic programming. Knows numbers only."""

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from morpheus_assets.text.chapters.hits import Hit

_LOOK_BACK = 24
_LONGEST_STEP = 6
_SHORTEST_COUNT = 4
_STANDS_WELL = 0.95
_OWN_ROOM = 0.3
_SECOND = 2
_SKIPPED = 0.6


def best_chain(hits: Sequence[Hit], parents: Sequence[int]) -> list[Hit]:
    """The subsequence that counts up best, in order.

    `parents` are the sorted offsets of headings of a higher level: a restart at 1 is natural after one of them.
    Time is linear in the number of hits (a bounded look back).
    """
    if not hits:
        return []
    weights = _weights(hits)
    scores: list[float] = []
    links: list[int] = []
    highest = 0.0
    for index, hit in enumerate(hits):
        best, link = weights[index] - _opening_cost(hit.number), -1
        for back in range(index - 1, max(-1, index - 1 - _LOOK_BACK), -1):
            cost = _step_cost(hits[back], hit, parents)
            score = scores[back] + weights[index] - cost
            if score > best:
                best, link = score, back
            if cost == 0 and scores[back] >= highest:
                # No other predecessor can do better: this keeps a regular book cheap.
                break
        highest = max(highest, best)
        scores.append(best)
        links.append(link)
    position = max(range(len(scores)), key=scores.__getitem__)
    chain = []
    while position >= 0:
        chain.append(hits[position])
        position = links[position]
    return _with_displaced(_with_misprints(_without_strays(_without_excursions(chain[::-1])), hits), hits)


def regularity(chain: Sequence[Hit]) -> float:
    """The share of steps that count on by one, or restart."""
    if len(chain) < 2:
        return 1.0
    good = counted = 0
    for earlier, later in itertools.pairwise(chain):
        if earlier.number is None or later.number is None or 0 < later.number - earlier.number <= 1:
            good += 1
            counted += 1
        elif _opens_next(earlier, later):
            good += 1
        elif later.number <= 1:
            # A restart is natural only where something has been counted before it.
            good += counted > 0
            counted = 0
    return good / (len(chain) - 1)


def _without_excursions(chain: list[Hit]) -> list[Hit]:
    """Drops a list inside a chapter: XXII, I, II, III, XXIII counts on after the list as if it were not there."""
    numbers = [hit.number for hit in chain]
    dropped: set[int] = set()
    opening: int | None = None
    for index in range(1, len(chain)):
        here, before = numbers[index], numbers[index - 1]
        if here is None or before is None:
            continue
        if here <= 1 < before:
            opening = index
        elif opening is not None and here > 1 and here != before + 1:
            reached = numbers[opening - 1]
            if reached is not None and 0 < here - reached <= 2:
                dropped.update(range(opening, index))
            opening = None
    return [hit for index, hit in enumerate(chain) if index not in dropped]


def _weights(hits: Sequence[Hit]) -> list[float]:
    """Quality, measured against the family's own best: a text without blank lines has no isolated heading."""
    ordered = sorted(hit.quality for hit in hits)
    reference = max(0.2, ordered[int(len(ordered) * 0.8)])
    upper = sum(1 for hit in hits if hit.parsed and hit.parsed.upper) * 2 >= len(hits)
    shape, number = Counter(hit.shape for hit in hits).most_common(1)[0]
    weights = []
    for hit in hits:
        weight = min(1.0, hit.quality / reference)
        if hit.shape != shape and number > 0.6 * len(hits):
            weight *= 0.7
        if hit.parsed and hit.parsed.unit and hit.parsed.upper != upper:
            weight *= 0.8
        weights.append(weight)
    return weights


def _opening_cost(number: float | None) -> float:
    if number is None:
        return 0.4
    return 0.0 if number < 2 else min(1.5, 0.3 * (number - 1))


def _step_cost(earlier: Hit, later: Hit, parents: Sequence[int]) -> float:
    if earlier.number is None or later.number is None:
        return 0.2
    step = later.number - earlier.number
    if 0 < step <= 1 or _opens_next(earlier, later):
        return 0.0
    if step == 0:
        if later.number <= 1 and not later.unit and not _between(parents, earlier.start, later.start):
            return 1.2
        return 0.6 if later.start - earlier.end > 400 else 1.2
    if 1 < step <= _LONGEST_STEP:
        return 0.25 * (step - 1)
    if later.number <= 1:
        return 0.05 if _between(parents, earlier.start, later.start) else 0.5
    if later.number == _SECOND and _between(parents, earlier.start, later.start):
        # the heading of the part stands for its first chapter's
        return 0.5
    if step > 0:
        # A serial skips numbers; what stands as well as the other headings is one all the same.
        stands_well = min(earlier.quality, later.quality) >= _STANDS_WELL
        if stands_well and earlier.family == later.family == "chapter":
            return _SKIPPED
        return min(3.0, 1.5 + 0.05 * step)
    return 2.2


def _opens_next(earlier: Hit, later: Hit) -> bool:
    """True for the first of the next part, where both say which they are in ("ACT II. SCENE I.")."""
    before, after = (hit.parsed.outer if hit.parsed else None for hit in (earlier, later))
    if before is None or after is None or before[0] != after[0] or before[1] is None or after[1] is None:
        return False
    return after[1] - before[1] == 1 and later.number is not None and later.number <= 1


def _between(parents: Sequence[int], start: int, end: int) -> bool:
    first = bisect_left(parents, start)
    return first < len(parents) and parents[first] <= end


def _without_strays(chain: list[Hit]) -> list[Hit]:
    """Drops a lone "I." before the first chapter or after the last: no book counts anew after a single one."""
    if len(chain) < _SHORTEST_COUNT or chain[0].unit or any(hit.number is None for hit in chain):
        return chain
    numbers = [hit.number or 0 for hit in chain]
    end = -1 if numbers[-1] <= 1 < numbers[-2] else None
    start = 1 if numbers[1] <= 1 and chain[0].shape != chain[1].shape else 0
    return chain[start:end]


def _with_displaced(chain: list[Hit], hits: Sequence[Hit]) -> list[Hit]:
    """Puts back chapters out of their order ("9, 2, 10"), as serials that were saved page by page have them.

    Each stands as the others do, with text of its own, and its number is found nowhere else.
    """
    if len(chain) < _SHORTEST_COUNT or chain[0].family not in ("chapter", "episode"):
        return chain
    usual = sorted(later.start - earlier.start for earlier, later in itertools.pairwise(chain))[len(chain) // 2 - 1]
    shape, _ = Counter(hit.shape for hit in chain).most_common(1)[0]
    result = list(chain)
    starts = [hit.start for hit in result]
    chosen = set(starts)
    counts = _counts(chain)
    for hit in hits:
        if hit.shape != shape or hit.quality < _STANDS_WELL or hit.number is None or hit.start in chosen:
            continue
        place = bisect_left(starts, hit.start)
        near = [abs(hit.start - start) for start in starts[max(0, place - 1) : place + 1]]
        count = counts[max(0, bisect_left([begin for begin, _ in counts], hit.start) - 1)][1]
        if min(near) >= _OWN_ROOM * usual and hit.number not in count and 0 < hit.number < max(count):
            result.insert(place, hit)
            starts.insert(place, hit.start)
            count.add(hit.number)
    return result


def _counts(chain: Sequence[Hit]) -> list[tuple[int, set[float]]]:
    """For each time that counting begins anew, its place and its numbers."""
    counts: list[tuple[int, set[float]]] = [(chain[0].start, set())]
    for earlier, later in itertools.pairwise(chain):
        counts[-1][1].add(earlier.number or 0)
        if later.number is not None and later.number <= 1 < (earlier.number or 0):
            counts.append((later.start, set()))
    counts[-1][1].add(chain[-1].number or 0)
    return counts


def _with_misprints(chain: list[Hit], hits: Sequence[Hit]) -> list[Hit]:
    """Puts back well-placed hits with a wrong number where exactly their number is missing ("XL, XXI, XLII")."""
    if len(chain) < 4 or len(hits) == len(chain):
        return chain
    chosen = {id(hit) for hit in chain}
    others = [hit for hit in hits if id(hit) not in chosen]
    starts = [hit.start for hit in others]
    usual = sorted(hit.quality for hit in chain)[len(chain) // 2]
    result = [chain[0]]
    for earlier, later in itertools.pairwise(chain):
        missing = int((later.number or 0) - (earlier.number or 0)) - 1 if later.number and earlier.number else 0
        between = others[bisect_left(starts, earlier.end) : bisect_left(starts, later.start)] if missing > 0 else []
        good = [hit for hit in between if hit.quality >= usual * 0.85]
        if 0 < len(good) <= missing:
            result.extend(good)
        result.append(later)
    return result
