"""Lists of chapters inside the book (contents, table des matières, 目次): where they are and what they name."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.words import title_key, without_page_number
from morpheus_assets.text.documents import Document

_SHORTEST_RUN = 3
_LONGEST_ENTRY_GAP = 1000
_LONGEST_LIST = 120_000
_LINE = re.compile(r"^[^\n]*\S[^\n]*", re.MULTILINE)


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
            if inside and end is not None and not _parts_only(hits, inside):
                regions.append(Region(hit.start, inside[-1].end, True))
            elif end is not None:
                regions.append(Region(hit.start, _before_first_number(hits, hit.end, end), True))
    return _merged(regions)


def contents_pages(document: Document) -> list[Region]:
    """The files of an EPUB's spine that list its chapters."""
    pages = [hint for hint in document.hints if hint.source == "epub-page"]
    ends = [hint.char_offset for hint in pages[1:]] + [len(document.text)]
    return [Region(h.char_offset, end, True) for h, end in zip(pages, ends, strict=False) if h.role == "contents"]


def with_pages(
    text: str, regions: Sequence[Region], pages: Sequence[Region], listed: Sequence[int], marked: Sequence[int]
) -> list[Region]:
    """All lists in order; one in the text ends before the next place that the book's table of contents points to.

    So it does before a marked heading, unless the list's own entries are marked.
    """
    cut = []
    for region in regions:
        stops = _inside(listed, region)[:1]
        headings = _inside(marked, region)
        if headings and len(headings) < _SHORTEST_RUN:
            stops += [stop for stop in headings[:1] if text.count("\n", region.start, stop) >= _SHORTEST_RUN]
        cut.append(region._replace(end=min([region.end, *stops])))
    return _merged([*cut, *pages])


def _inside(places: Sequence[int], region: Region) -> list[int]:
    return list(places[bisect_right(places, region.start) : bisect_left(places, region.end)])


def _parts_only(hits: Sequence[Hit], runs: Sequence[Region]) -> bool:
    """True if the runs found only the parts of a list whose chapters are titles."""
    units = [hit.parsed.unit for hit in hits if hit.parsed and any(r.start <= hit.start < r.end for r in runs)]
    return all(unit in CONTAINERS for unit in units)


def outside(hits: Sequence[Hit], regions: Sequence[Region]) -> list[Hit]:
    """The hits that stand in no contents list and end in no page number."""
    starts = [region.start for region in regions]
    kept = []
    for hit in hits:
        place = bisect_right(starts, hit.start) - 1
        if not hit.leader and not (place >= 0 and hit.start < regions[place].end):
            kept.append(hit)
    return kept


class _Entries:
    """Hits that may be entries of a list, with the facts about them that every run needs."""

    def __init__(self, hits: Sequence[Hit], body: Body) -> None:
        self.hits = [hit for i, hit in enumerate(hits) if hit.quality >= 0.5 or hit.leader or _counts_on(hits, i)]
        self.body = body
        self.keys = [_key(hit) for hit in self.hits]
        self.counts = Counter(self.keys)
        self.last_place = {key: index for index, key in enumerate(self.keys)}
        followers = [hit.start for hit in self.hits[1:]] + [body.end]
        self.gaps = [start - hit.end for hit, start in zip(self.hits, followers, strict=False)]
        self.first_chapter = next(
            (i for i, hit in enumerate(self.hits) if hit.parsed and hit.quality >= 0.7 and self.gaps[i] > 1000),
            len(self.hits),
        )


def _dense_runs(hits: Sequence[Hit], body: Body) -> list[Region]:
    entries = _Entries(hits, body)
    count = len(entries.hits)
    if count < _SHORTEST_RUN + 1:
        return []
    usual = max(sorted(entries.gaps)[count * 3 // 4], (body.end - body.start) / (3 * count))
    limit = min(_LONGEST_ENTRY_GAP, 0.12 * usual)
    regions = []
    first = 0
    while first < count:
        last = first
        while last < count and entries.gaps[last] < limit:
            last += 1
        if last - first >= _SHORTEST_RUN:
            region = _checked_run(entries, first, last)
            if region is not None:
                regions.append(region)
        first = last + 1
    return regions


def _counts_on(hits: Sequence[Hit], index: int) -> bool:
    """True if the line next to a weak hit has the next number: entries of a list stand close together."""
    hit = hits[index]
    for other in (*hits[max(0, index - 1) : index], *hits[index + 1 : index + 2]):
        near = abs(other.start - hit.start) < 400 and other.family == hit.family
        if near and hit.number is not None and other.number is not None and abs(hit.number - other.number) == 1:
            return True
    return False


def _checked_run(entries: _Entries, first: int, last: int) -> Region | None:
    """The list that entries[first:last] form, which hardly any text follows; None where they are short chapters."""
    hits, keys = entries.hits, entries.keys
    while last - 1 > first and _opens_book(entries, first, last - 1):
        last -= 1
    numbered = [i for i in range(first, last) if hits[i].parsed is not None]
    announced = any(
        hit.matter == "contents" and 0 <= hits[first].start - hit.end < 1500
        for hit in hits[max(0, first - 4) : first + 1]
    )
    leaders = sum(hits[i].leader for i in numbered) * 2 > len(numbered)
    inside = Counter(keys[first:last])
    repeated = sum(entries.counts[keys[i]] > inside[keys[i]] for i in numbered) >= 0.6 * len(numbered)
    start, length = entries.body.start, entries.body.end - entries.body.start
    at_front = hits[first].start - start < 0.25 * length and entries.first_chapter >= first
    at_back = last >= len(hits) - 1 and hits[first].start - start > 0.6 * length
    left_alone = at_front and last < len(hits) and last - first >= 5
    left_alone = left_alone and entries.body.end - hits[last].end > 0.75 * length
    if not (announced or leaders or (repeated and (at_front or at_back)) or left_alone):
        return None
    if first < last < len(hits) and _belongs_to_list(entries, first, last):
        last += 1
    return Region(hits[first].start, hits[last - 1].end, announced)


def _opens_book(entries: _Entries, first: int, index: int) -> bool:
    """True if the last hit of a run is the book's first heading ("BOOK ONE" right after the list)."""
    hit = entries.hits[index]
    if hit.parsed is None:
        return entries.keys[index] in entries.keys[first:index]
    return hit.number is not None and hit.number <= 1


def _belongs_to_list(entries: _Entries, first: int, index: int) -> bool:
    """True if the hit after a run is the list's last entry, which front matter follows, and not the first chapter."""
    hit, before, key = entries.hits[index], entries.hits[index - 1], entries.keys[index]
    comes_again = entries.last_place[key] > index
    if hit.parsed is None:
        return comes_again and key not in entries.keys[first:index]
    return (
        comes_again
        and before.parsed is not None
        and hit.family == before.family
        and hit.number is not None
        and before.number is not None
        and hit.number == before.number + 1
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
    for count, match in enumerate(_LINE.finditer(text, start, min(body.end, start + _LONGEST_LIST))):
        if block and text.count("\n", block[-1].end(), match.start()) > 1:
            block = []
        block.append(match)
        if _is_prose(block):
            last = repeat if repeat is not None else block[0].start()
            return last if count - len(block) >= _SHORTEST_RUN else None
        key = title_key(without_page_number(match.group()))
        if len(openings) < 3:
            openings.append(key)
        elif key in openings and key:
            # The list's first entries come again: here the book begins.
            repeat = match.start() if repeat is None or key == openings[0] else repeat
    return repeat


def _before_first_number(hits: Sequence[Hit], start: int, end: int) -> int:
    """End of the list in text[start:end]: a lone number 1 as the last heading in it begins the book."""
    inside = [hit for hit in hits if start < hit.start < end and hit.parsed is not None]
    if inside and inside[-1].number == 1 and inside[-1].quality >= 0.9 and inside[-1].start - start > 100:
        return inside[-1].start
    return end


def _is_prose(block: Sequence[re.Match[str]]) -> bool:
    last = block[-1].group().strip()
    if len(last) > 240 or (len(last) > 110 and last[-1] in '.!?”"。' and len(block) == 1):
        return True
    if len(block) < 3:
        return False
    lines = [match.group().strip() for match in block[-3:]]
    return (
        all(len(line) >= 45 and not line[-1].isdigit() for line in lines)
        and sum(line[0].islower() for line in lines) >= 2
    )


def _merged(regions: list[Region]) -> list[Region]:
    result: list[Region] = []
    for region in sorted(regions):
        if result and region.start <= result[-1].end:
            last = result.pop()
            region = Region(last.start, max(last.end, region.end), last.heading or region.heading)
        result.append(region)
    return result
