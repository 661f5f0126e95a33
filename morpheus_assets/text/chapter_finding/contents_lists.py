"""Lists of chapters inside the book (contents, table des matières, 目次): where they are and what they name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from morpheus_assets.text.chapter_finding.boilerplate import Body
from morpheus_assets.text.chapter_finding.hits import Hit
from morpheus_assets.text.chapter_finding.words import title_key, without_page_number

_SHORTEST_RUN = 3
_LONGEST_ENTRY_GAP = 1000
_LONGEST_LIST = 120_000
_LINE = re.compile(r"[^\n]*\S[^\n]*")


class Region(NamedTuple):
    """A contents list: text[start:end]; `heading` says that a contents heading announces it."""

    start: int
    end: int
    heading: bool


def find_regions(text: str, hits: Sequence[Hit], body: Body) -> list[Region]:
    """The contents lists of the book, in order."""
    runs = _dense_runs(hits, body)
    regions = list(runs)
    for hit in hits:
        if hit.matter == "contents" and hit.quality >= 0.5:
            end = _announced_end(text, hit.end, body)
            inside = [run for run in runs if end is not None and hit.start <= run.start < end]
            if inside:
                regions.append(Region(hit.start, inside[-1].end, True))
            elif end is not None:
                regions.append(Region(hit.start, _before_first_number(hits, hit.end, end), True))
    return _merged(regions)


def outside(hits: Sequence[Hit], regions: Sequence[Region]) -> list[Hit]:
    """The hits that stand in no contents list and end in no page number."""
    return [
        hit for hit in hits if not hit.leader and not any(r.start <= hit.start < r.end for r in regions)
    ]


def _dense_runs(hits: Sequence[Hit], body: Body) -> list[Region]:
    strong = [hit for i, hit in enumerate(hits) if hit.quality >= 0.5 or hit.leader or _counts_on(hits, i)]
    if len(strong) < _SHORTEST_RUN + 1:
        return []
    gaps = [b.start - a.end for a, b in zip(strong, strong[1:], strict=False)] + [body.end - strong[-1].end]
    usual = max(sorted(gaps)[len(gaps) * 3 // 4], (body.end - body.start) / (3 * len(strong)))
    limit = min(_LONGEST_ENTRY_GAP, 0.12 * usual)
    regions = []
    first = 0
    while first < len(strong):
        last = first
        while last < len(strong) and gaps[last] < limit:
            last += 1
        if last - first >= _SHORTEST_RUN:
            region = _checked_run(strong, first, last, body, gaps)
            if region is not None:
                regions.append(region)
        first = last + 1
    return regions


def _counts_on(hits: Sequence[Hit], index: int) -> bool:
    """Whether the line next to a weak hit has the next number: the entries of a list stand close together."""
    hit = hits[index]
    for other in (*hits[max(0, index - 1) : index], *hits[index + 1 : index + 2]):
        near = abs(other.start - hit.start) < 400 and other.family == hit.family
        if near and hit.number is not None and other.number is not None and abs(hit.number - other.number) == 1:
            return True
    return False


def _checked_run(
    strong: Sequence[Hit], first: int, last: int, body: Body, gaps: Sequence[int]
) -> Region | None:
    """strong[first:last] are followed by hardly any text; strong[last] is the first that has some."""
    keys = [_key(hit) for hit in strong]
    while last - 1 > first and _opens_book(strong, keys, first, last - 1):
        last -= 1
    numbered = [i for i in range(first, last) if strong[i].parsed is not None]
    announced = any(
        hit.matter == "contents" and 0 <= strong[first].start - hit.end < 1500 for hit in strong[max(0, first - 4) : first + 1]
    )
    leaders = sum(strong[i].leader for i in numbered) * 2 > len(numbered)
    rest = keys[:first] + keys[last:]
    repeated = sum(keys[i] in rest for i in numbered) >= 0.6 * len(numbered)
    length = body.end - body.start
    at_front = strong[first].start - body.start < 0.25 * length and not any(
        gaps[i] > 1000 and strong[i].parsed is not None and strong[i].quality >= 0.7 for i in range(first)
    )
    at_back = last >= len(strong) - 1 and strong[first].start - body.start > 0.6 * length
    left_alone = at_front and last < len(strong) and body.end - strong[last].end > 0.75 * length and last - first >= 5
    if not (announced or leaders or (repeated and (at_front or at_back)) or left_alone):
        return None
    if last < len(strong) and last > first and _belongs_to_list(strong, first, last):
        last += 1
    return Region(strong[first].start, strong[last - 1].end, announced)


def _opens_book(strong: Sequence[Hit], keys: Sequence[tuple[str, float | None, str]], first: int, index: int) -> bool:
    """Whether the last hit of a run is the book's first heading ("BOOK ONE" right after the list)."""
    hit = strong[index]
    if hit.parsed is None:
        return keys[index] in keys[first:index]
    return hit.number is not None and hit.number <= 1


def _belongs_to_list(strong: Sequence[Hit], first: int, index: int) -> bool:
    """Whether the hit after a run is the list's last entry, which front matter follows, and not the first chapter."""
    hit, before = strong[index], strong[index - 1]
    later = {_key(other) for other in strong[index + 1 :]}
    if hit.parsed is None:
        return _key(hit) in later and _key(hit) not in {_key(other) for other in strong[first:index]}
    return (
        before.parsed is not None
        and hit.family == before.family
        and hit.number is not None
        and before.number is not None
        and hit.number == before.number + 1
        and _key(hit) in later
    )


def _key(hit: Hit) -> tuple[str, float | None, str]:
    if hit.parsed is None:
        return ("matter", None, title_key(hit.text))
    return (hit.parsed.unit or "number", hit.number, "")


def _announced_end(text: str, start: int, body: Body) -> int | None:
    """The end of the list that a contents heading announces, None where prose follows the heading at once."""
    block: list[re.Match[str]] = []
    openings: list[str] = []
    repeat: int | None = None
    count = 0
    for match in _LINE.finditer(text, start, min(body.end, start + _LONGEST_LIST)):
        if block and text.count("\n", block[-1].end(), match.start()) > 1:
            block = []
        block.append(match)
        if _is_prose(block):
            last = repeat if repeat is not None else block[0].start()
            return last if count - len(block) >= _SHORTEST_RUN else None
        count += 1
        key = title_key(without_page_number(match.group()))
        if len(openings) < 3:
            openings.append(key)
        elif key in openings and key:
            # The list's first entries come again: here the book begins.
            repeat = match.start() if repeat is None or key == openings[0] else repeat
    return repeat


def _before_first_number(hits: Sequence[Hit], start: int, end: int) -> int:
    """Where the last heading in text[start:end] is a lone number 1, the book begins with it."""
    inside = [hit for hit in hits if start < hit.start < end and hit.parsed is not None]
    if inside and inside[-1].number == 1 and inside[-1].quality >= 0.9 and inside[-1].start - start > 100:
        return inside[-1].start
    return end


def _is_prose(block: Sequence[re.Match[str]]) -> bool:
    last = block[-1].group().strip()
    if len(last) > 240 or (len(last) > 110 and last[-1] in ".!?”\"。" and len(block) == 1):
        return True
    if len(block) < 3:
        return False
    lines = [match.group().strip() for match in block[-3:]]
    return all(len(line) >= 45 and not line[-1].isdigit() for line in lines) and sum(l[0].islower() for l in lines) >= 2


def _merged(regions: list[Region]) -> list[Region]:
    result: list[Region] = []
    for region in sorted(regions):
        if result and region.start <= result[-1].end:
            last = result.pop()
            region = Region(last.start, max(last.end, region.end), last.heading or region.heading)
        result.append(region)
    return result
