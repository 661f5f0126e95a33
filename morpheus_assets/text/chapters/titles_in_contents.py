"""Chapters that have titles only, found because a contents list names them. The list itself: contents_lists.py."""

import itertools
import re
from bisect import bisect_left
from collections.abc import Sequence
from difflib import SequenceMatcher

from morpheus_assets.text.chapters.contents_lists import Region
from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hits import Hit, title_hit
from morpheus_assets.text.chapters.lines import LineTable, ShortLine, clean
from morpheus_assets.text.chapters.matter import lists_pictures, matter_kind
from morpheus_assets.text.chapters.words import title_key, without_page_number

_LINE = re.compile(r"^[^\n]*\S[^\n]*", re.MULTILINE)
_LONGEST_LIST = 120_000
_SIMILAR = 0.85

Keyed = tuple[ShortLine, list[str]]


def keyed_lines(text: str, table: LineTable) -> list[Keyed]:
    """The lines that may repeat an entry of a contents list, each with the keys it can be found by."""
    lines = (line for line in table.lines if len(line.text) <= 160 and (line.before or not table.usual_gap))
    return [(line, _line_keys(text, line)) for line in lines]


def by_contents(text: str, keyed: Sequence[Keyed], region: Region, end: int) -> tuple[list[Hit], float]:
    """The lines outside the region that repeat its entries in order, and the share of entries found (0..1)."""
    entries = _entries(text, region)
    if len(entries) < 3:
        return [], 0.0
    places: dict[str, list[int]] = {}
    for index, spellings in enumerate(entries):
        for key in spellings:
            places.setdefault(key, []).append(index)
    matches: list[tuple[ShortLine, int]] = []
    for line, keys in keyed:
        if region.start <= line.start < region.end or line.start >= end:
            continue
        for key in keys:
            if key in places:
                matches.extend((line, index) for index in reversed(places[key]))
                break
    chosen = _longest_rise(matches)
    chosen = _with_misspelled(chosen, entries, keyed, region)
    chosen = _with_text_below(text, chosen)
    used = len({index for _, index in chosen})
    return [title_hit(line) for line, _ in chosen], used / max(1, len(entries))


def _with_text_below(text: str, chosen: list[tuple[ShortLine, int]]) -> list[tuple[ShortLine, int]]:
    """Without the title of a part, which the title of its first chapter follows at once."""
    following = [line.start for line, _ in chosen[1:]] + [len(text)]
    return [pair for pair, after in zip(chosen, following, strict=False) if text[pair[0].end : after].strip()]


def _entries(text: str, region: Region) -> list[set[str]]:
    """For each line of the list the keys under which the body may repeat it (alone, or joined to the next line)."""
    lines = [
        m.group().strip() for m in _LINE.finditer(text, region.start, min(region.end, region.start + _LONGEST_LIST))
    ]
    entries = []
    for index, line in enumerate(lines):
        if len(line) > 200:
            continue
        words = clean(without_page_number(line))
        if lists_pictures(words):
            break
        if not words or matter_kind(words) is not None:
            continue
        parsed = parse_heading(words)
        if parsed is not None and (parsed.unit in CONTAINERS or not parsed.title):
            continue
        title = parsed.title if parsed is not None else words
        spellings = {title_key(title)}
        if index + 1 < len(lines):
            spellings.add(title_key(title + without_page_number(lines[index + 1])))
        entries.append({key for key in spellings if len(key) >= 2})
    return entries


def _with_misspelled(
    chosen: list[tuple[ShortLine, int]], entries: Sequence[set[str]], keyed: Sequence[Keyed], region: Region
) -> list[tuple[ShortLine, int]]:
    """Adds the one line between two found titles that nearly is the entry between theirs ("Couterparts")."""
    result = list(chosen)
    starts = [line.start for line, _ in keyed]
    for (earlier, before), (later, after) in itertools.pairwise(chosen):
        for index in range(before + 1, min(after, before + 4)):
            between = keyed[bisect_left(starts, earlier.end) : bisect_left(starts, later.start)]
            alone = [line for line, _ in between if line.before and line.after]
            alone = [line for line in alone if not region.start <= line.start < region.end]
            rated = [(_similarity(line, entries[index]), line) for line in alone]
            best = max(rated, key=lambda pair: pair[0], default=None)
            if best is not None and best[0] >= _SIMILAR:
                result.append((best[1], index))
    return sorted(result, key=lambda pair: pair[0].start)


def _similarity(line: ShortLine, keys: set[str]) -> float:
    if not any(abs(len(line.text) - len(key)) <= 8 for key in keys):
        return 0.0
    mine = title_key(line.text)
    return max(
        (SequenceMatcher(None, mine, key).ratio() for key in keys if abs(len(mine) - len(key)) <= 3), default=0.0
    )


def _line_keys(text: str, line: ShortLine) -> list[str]:
    words = clean(line.text)
    keys = [title_key(words)]
    parsed = parse_heading(words)
    if parsed is not None and parsed.title:
        keys.append(title_key(parsed.title))
    if not line.after:
        following = _LINE.match(text, line.end + 1)
        if following and len(following.group()) < 120:
            keys.append(title_key(words + following.group()))
    return keys


def _longest_rise(matches: Sequence[tuple[ShortLine, int]]) -> list[tuple[ShortLine, int]]:
    """The longest run of matches whose entries follow the order of the list, one line to an entry."""
    tails: list[int] = []
    ends: list[int] = []
    links: list[int] = []
    for position, (_, index) in enumerate(matches):
        slot = bisect_left(tails, index)
        if slot == len(tails):
            tails.append(index)
            ends.append(position)
        else:
            tails[slot] = index
            ends[slot] = position
        links.append(ends[slot - 1] if slot else -1)
    chain = []
    position = ends[-1] if ends else -1
    while position >= 0:
        chain.append(matches[position])
        position = links[position]
    return chain[::-1]
