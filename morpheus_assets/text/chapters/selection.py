"""Choice between possible divisions: the level of headings that is the book's chapters."""

import itertools
from bisect import bisect_left
from collections.abc import Sequence

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.divisions import Division, measure, share_of_parents
from morpheus_assets.text.chapters.hits import Hit

_LONGEST_STORY, _LONGEST_CHAPTER = 80_000, 150_000
_TITLE_PAGE = 600
_PAGE = 3_500
_WHOLE = 0.97
_MANY = 10
_PAIR_COVERS = 0.6
_FAULTLESS = 0.99
_SHORTEST_OPENING, _ALONE, _MOST_PARTS = 1_500, 0.9, 0.7
_INNER = frozenset({"section", "scene", "poem"})
"""Units that books with chapters count within them."""


def choose(divisions: Sequence[Division], titles: Division | None, body: Body) -> Division | None:
    """The division whose pieces are chapters, None where none of them holds."""
    units = [d for d in divisions if d.kind == "unit" and _holds(d, body)]
    numbers = [d for d in divisions if d.kind == "number" and _holds(d, body)]
    containers = [d for d in divisions if d.kind == "container" and _holds(d, body)]
    if len(units) == 1 and len(units[0].heads) == 1 and (numbers or containers):
        # a lone "Chapter 1" says less than what counts on
        units = []
    if units:
        best = _best_unit(units, body)
        if titles is not None and titles.family == "contents" and best.family in _INNER:
            return _title_or_number(titles, best, body)
        return best
    number = max(numbers, key=_worth, default=None)
    container = max(containers, key=lambda d: len(d.heads), default=None)
    if titles is not None and number is not None:
        return _title_or_number(titles, number, body)
    if number is not None:
        if container is not None and share_of_parents(container, number, body) < 0.7:
            return container
        return number
    if titles is not None:
        if container is not None and (len(container.heads) >= len(titles.heads) or _outranks(container, titles)):
            return container
        within = max((d for d in divisions if d.kind == "number"), key=lambda d: len(d.heads), default=None)
        return _divided(titles, within, body) if within is not None and _are_too_long(titles, body) else titles
    return container


def has_units(divisions: Sequence[Division], body: Body) -> bool:
    """True if a word with numbers ("CHAPTER IV") divides the book; titles need not be looked for then."""
    return any(d.kind == "unit" and _holds(d, body) for d in divisions)


def _holds(division: Division, body: Body) -> bool:
    count = len(division.heads)
    if division.usual_length < 60:
        return division.kind == "unit" and count >= 3 and division.regularity > 0.95
    if division.kind in ("unit", "container"):
        own_word = division.family.startswith("~")
        if count == 1:
            counted = division.opens_at_one and division.heads[0].quality >= 0.7
            return division.family in ("chapter", "episode") and (counted or _is_whole(division))
        if own_word and (count < 3 or not division.opens_at_one):
            return False
        if _counts_without_fault(division):
            return True
        if count == 2 and division.coverage < _PAIR_COVERS:
            return False
        return division.coverage >= (0.6 if own_word else 0.45) and division.regularity >= (0.8 if own_word else 0.5)
    if count == 1:
        return division.family == "titled-arabic" and _is_whole(division)
    if not division.opens_at_one or division.coverage < 0.6 or division.regularity < 0.75:
        return False
    if count == 2 and min(hit.quality for hit in division.heads) < 1.0:
        return False
    return not _page_numbers(division)


def _counts_without_fault(division: Division) -> bool:
    """True for many chapters that count from one without a gap, whatever long piece follows the last of them."""
    named = division.kind == "unit" and not division.family.startswith("~") and division.family not in _INNER
    whole = len(division.heads) >= _MANY and division.opens_at_one and division.regularity >= _FAULTLESS
    return named and whole and division.usual_length >= _PAGE / 2 and min(h.quality for h in division.heads) >= 0.7


def _is_whole(division: Division) -> bool:
    """True for the heading of a file that is one chapter of a serial."""
    return division.heads[0].quality >= 0.9 and division.coverage > _WHOLE and division.usual_length < _LONGEST_STORY


def _page_numbers(division: Division) -> bool:
    return division.family == "bare-arabic" and len(division.heads) > 60 and division.usual_length < _PAGE


def _best_unit(units: Sequence[Division], body: Body) -> Division:
    """Chapters before other words; between two words that cover the book, the finer one."""
    rank = dict.fromkeys(_INNER, 0)
    best = max(units, key=lambda d: (rank.get(d.family, 1 if d.family.startswith("~") else 2), _worth(d)))
    for other in units:
        if other is best or rank.get(other.family, 2) < 2 or other.family.startswith("~"):
            continue
        if other.regularity < 0.8 or other.coverage < 0.8 * best.coverage:
            continue
        if len(other.heads) > len(best.heads) and share_of_parents(best, other, body) > 0.7:
            best = other
    return best


def _worth(division: Division) -> float:
    return division.coverage * division.regularity * min(1.0, len(division.heads) / 4)


def _title_or_number(titles: Division, number: Division, body: Body) -> Division:
    chosen = _titles_or_numbers(titles, number, body)
    return _divided(titles, number, body) if chosen is titles and _are_too_long(titles, body) else chosen


def _are_too_long(titles: Division, body: Body) -> bool:
    """True if a third of the book stands under titles that hold more than a chapter does."""
    lengths = [end - start for start, end in itertools.pairwise([*(hit.start for hit in titles.heads), body.end])]
    return sum(length for length in lengths if length > _LONGEST_CHAPTER) * 3 > sum(lengths)


def _divided(titles: Division, number: Division, body: Body) -> Division:
    """The titles, and the numbers below those that have several: a narrator's chapters."""
    heads: list[Hit] = []
    for title, end in zip(titles.heads, [*(hit.start for hit in titles.heads[1:]), body.end], strict=True):
        inner = [hit for hit in number.heads if title.start < hit.start < end]
        first = 1 if inner and inner[0].start - title.end < _TITLE_PAGE else 0
        heads += [title, *inner[first:]] if len(inner) > 1 else [title]
    return measure(heads, titles.kind, titles.family, body)


def _titles_or_numbers(titles: Division, number: Division, body: Body) -> Division:
    if len(titles.heads) * 1.2 >= len(number.heads):
        near = _near(titles.heads, number.heads)
        if near > 0.7 * len(titles.heads):
            return number
        among = _near(number.heads, titles.heads) > 0.7 * len(number.heads)
        if titles.family == "contents" and not among and share_of_parents(titles, number, body) < 0.5:
            return titles
        return titles if titles.coverage > number.coverage and titles.family == "contents" else number
    # Titles over numbers: stories with numbered sections, or parts with numbered chapters.
    if titles.family == "isolation" and _restarts(number) < 0.6 * len(titles.heads):
        return number
    if share_of_parents(titles, number, body) < 0.8:
        return titles
    if _restarts(number) < 0.6 * len(titles.heads):
        return number
    return titles if len(titles.heads) >= 5 and titles.usual_length < _LONGEST_STORY else number


def _outranks(container: Division, titles: Division) -> bool:
    """True for many books that count without fault and are as long as chapters, over lines that only stand apart."""
    counts = len(container.heads) >= _MANY and container.opens_at_one and container.regularity >= _FAULTLESS
    return counts and titles.family == "isolation" and _PAGE <= container.usual_length <= _LONGEST_STORY


def _restarts(division: Division) -> int:
    """Number of times that counting begins, the first one included."""
    return sum(hit.number is not None and hit.number <= 1 for hit in division.heads)


def _near(first: Sequence[Hit], second: Sequence[Hit]) -> int:
    places = sorted(hit.start for hit in second)
    count = 0
    position = 0
    for hit in sorted(first, key=lambda h: h.start):
        while position < len(places) and places[position] < hit.start - 400:
            position += 1
        count += position < len(places) and abs(places[position] - hit.start) <= 400
    return count


def completed(division: Division, divisions: Sequence[Division], hits: Sequence[Hit], body: Body) -> Division:
    """The division with what belongs to it from other families: its missing numbers, and its neighbours.

    "ADVENTURE VI" may be followed by "VII. THE …"; letters 1 to 4 may come before chapter 1.
    """
    heads = list(division.heads)
    if division.kind in ("unit", "number") and division.opens_at_one:
        heads = _continued(heads, hits, body)
    heads = _with_epilogue(heads, hits, body)
    first, last = heads[0].start, heads[-1].start
    for other in divisions:
        if other.family == division.family or other.kind != "unit" or not other.opens_at_one or len(other.heads) < 2:
            continue
        outside = all(h.start < first or h.start > last for h in other.heads)
        before = other.heads[-1].start < first
        length = (first if before else body.end) - other.heads[0].start
        if outside and before and other.regularity > 0.9 and length / len(other.heads) > 0.1 * division.usual_length:
            heads = sorted(heads + other.heads, key=lambda h: h.start)
    heads = _with_openings(heads, divisions, division, body)
    heads = _closed(heads, hits, division)
    return measure(heads, division.kind, division.family, body)


def _with_openings(heads: list[Hit], divisions: Sequence[Division], division: Division, body: Body) -> list[Hit]:
    """Adds the headings of parts that text of their own follows, as an act's first scene that has no heading."""
    starts = [hit.start for hit in heads]
    shortest = max(_SHORTEST_OPENING, 0.2 * division.usual_length)
    usual = min(_ALONE, sorted(hit.quality for hit in heads)[len(heads) // 2])
    named = {hit.parsed.outer[0] for hit in heads if hit.parsed and hit.parsed.outer}
    openings = []
    for other in divisions:
        if other.kind != "container" or other.family == division.family:
            continue
        if other.family not in named and not _is_above(other, starts, body):
            continue
        for hit in other.heads:
            place = bisect_left(starts, hit.start)
            within = 0 < place < len(starts) and hit.start > heads[place - 1].end
            if within and starts[place] - hit.end >= shortest and hit.quality >= usual:
                openings.append(hit)
    return sorted([*heads, *openings], key=lambda hit: hit.start)


def _is_above(container: Division, starts: Sequence[int], body: Body) -> bool:
    """True if the parts begin with the book and nearly all hold chapters; a play that is told in a chapter doesn't."""
    edges = [*(hit.start for hit in container.heads), body.end]
    held = sum(bisect_left(starts, begin) < bisect_left(starts, end) for begin, end in itertools.pairwise(edges))
    return container.opens_at_one and edges[0] <= starts[0] and held > _MOST_PARTS * len(container.heads)


def _continued(heads: list[Hit], hits: Sequence[Hit], body: Body) -> list[Hit]:
    """Goes on counting after the last heading with numbers of another family."""
    result = _without_gaps(heads, hits)
    chosen = {hit.start for hit in result}
    expected = int(result[-1].number or 0) + 1
    family: str | None = None
    tail = [hit for hit in hits if hit.start > result[-1].start and hit.start not in chosen and hit.parsed is not None]
    for hit in tail:
        if hit.number == expected and hit.quality >= 0.7 and (family is None or hit.family == family):
            if family is None and any(h.family == hit.family and h.number == 1 for h in tail):
                continue
            family = hit.family
            result.append(hit)
            expected += 1
    return result


def _without_gaps(heads: Sequence[Hit], hits: Sequence[Hit]) -> list[Hit]:
    """Puts in headings of the same family whose number is missing: markup sometimes forgets one."""
    result = [heads[0]]
    for earlier, later in itertools.pairwise(heads):
        if earlier.number is not None and later.number is not None and later.number - earlier.number == 2:
            fitting = [
                hit
                for hit in hits
                if earlier.end + 400 < hit.start < later.start - 400
                and hit.family == earlier.family
                and hit.number == earlier.number + 1
                and hit.quality >= 0.7
            ]
            result.extend(fitting[:1])
        result.extend(_halves(earlier, later, hits))
        result.append(later)
    return result


def _halves(earlier: Hit, later: Hit, hits: Sequence[Hit]) -> list[Hit]:
    """Headings "2.5" between the numbers 2 and 3 of a book that counts by numbers alone."""
    if earlier.number is None or later.number is None or (earlier.parsed and earlier.parsed.unit):
        return []
    return [
        hit
        for hit in hits
        if earlier.end < hit.start < later.start
        and hit.family == "bare-decimal"
        and hit.number is not None
        and earlier.number < hit.number < later.number
        and hit.quality >= 0.7
    ]


def _with_epilogue(heads: list[Hit], hits: Sequence[Hit], body: Body) -> list[Hit]:
    """Adds the numbered chapters of an epilogue that has at least two ("EPILOGUE / I / … / II")."""
    after = [hit for hit in hits if hit.start > heads[-1].start and hit.quality >= 0.9]
    for index, hit in enumerate(after):
        if hit.matter not in ("back", "ending"):
            continue
        inner = [h for h in after[index + 1 :] if h.parsed is not None]
        inner = [h for h in inner if h.family == inner[0].family]
        close = bool(inner) and inner[0].start - hit.end < 300
        if not close or len(inner) < 2 or _counts_within(inner[0].family, heads, hits):
            return heads
        starts = [*(h.start for h in inner), body.end]
        counted = [h.number for h in inner] == [float(n) for n in range(1, len(inner) + 1)]
        long = min(later - earlier for earlier, later in itertools.pairwise(starts)) > 1_000
        return heads + inner if counted and long else heads
    return heads


def _counts_within(family: str, heads: Sequence[Hit], hits: Sequence[Hit]) -> bool:
    """True if the chapters have such headings inside them too: scenes, numbered sections."""
    inside = sum(hit.family == family and heads[0].start < hit.start < heads[-1].start for hit in hits)
    return family != heads[0].family and inside * 2 > len(heads)


def _closed(heads: list[Hit], hits: Sequence[Hit], division: Division) -> list[Hit]:
    """Adds a last chapter without a number ("CONCLUSION")."""
    best = sorted(hit.before for hit in heads)[len(heads) // 2]
    for hit in hits:
        if (
            hit.matter == "closing"
            and hit.start > heads[-1].start + 400
            and hit.quality >= 0.7
            and hit.before >= min(best, 2)
        ):
            return [*heads, hit]
    return heads
