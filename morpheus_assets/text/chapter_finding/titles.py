"""Chapters that have titles only: found by a contents list, or by standing alike and apart through the whole book."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from morpheus_assets.text.chapter_finding.contents_lists import Region
from morpheus_assets.text.chapter_finding.grammar import parse_heading
from morpheus_assets.text.chapter_finding.hits import Hit
from morpheus_assets.text.chapter_finding.lines import LineTable, ShortLine, clean
from morpheus_assets.text.chapter_finding.matter import matter_kind
from morpheus_assets.text.chapter_finding.units import CONTAINERS
from morpheus_assets.text.chapter_finding.words import title_key, without_page_number

_LINE = re.compile(r"[^\n]*\S[^\n]*")
_BLOCK = re.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_SENTENCE_END = ".!?…”\"’'»。！？」』:;,—"
_LONGEST_LIST = 120_000
_SHORTEST_CHAPTER = 700
_LONGEST_CHAPTER = 120_000
_SIMILAR = 0.85


def by_contents(text: str, table: LineTable, region: Region, end: int) -> tuple[list[Hit], float]:
    """The lines outside the region that repeat its entries in order, and the share of entries found (0..1)."""
    entries = _entries(text, region)
    if len(entries) < 3:
        return [], 0.0
    places: dict[str, list[int]] = {}
    for index, keys in enumerate(entries):
        for key in keys:
            places.setdefault(key, []).append(index)
    matches: list[tuple[ShortLine, int]] = []
    for line in table.lines:
        if region.start <= line.start < region.end or line.start >= end or len(line.text) > 160:
            continue
        if table.usual_gap and not line.before:
            continue
        for key in _line_keys(text, line):
            if key in places:
                matches.extend((line, index) for index in reversed(places[key]))
                break
    chosen = _longest_rise(matches)
    chosen = _with_misspelled(chosen, entries, table, region)
    used = len({index for _, index in chosen})
    return [_hit(line) for line, _ in chosen], used / max(1, len(entries))


def by_isolation(text: str, table: LineTable, start: int, end: int) -> list[Hit]:
    """Lines that stand further apart from the text than its paragraphs do, all in one style, each before prose."""
    if not table.usual_gap:
        return []
    candidates = [line for line in table.lines if start <= line.start < end and _could_be_title(line)]
    counts = Counter(title_key(line.text) for line in candidates)
    candidates = [line for line in candidates if counts[title_key(line.text)] <= 2]
    best: list[ShortLine] = []
    best_score = 0.0
    apart = _gaps_before(table)
    for capitals in (True, False):
        for gap in range(6, table.usual_gap, -1):
            group = [
                line
                for line in candidates
                if apart[line.start] >= gap and line.after and (not capitals or _is_upper(clean(line.text)))
            ]
            raw = len(group)
            group = _before_prose(text, group, end)
            if len(group) < 0.6 * raw:
                continue
            score = _evenness(group, start, end) * (1.0 if capitals else 0.8)
            if score > best_score:
                best, best_score = group, score
    return [_hit(line) for line in _with_first(text, best, candidates, start)]


def _gaps_before(table: LineTable) -> dict[int, int]:
    """Blank lines before each line, where a heading right under "PART TWO" stands as far apart as that does."""
    gaps: dict[int, int] = {}
    earlier: ShortLine | None = None
    for line in table.lines:
        gaps[line.start] = line.before
        if earlier is not None and line.start - earlier.end <= line.before + 1 and _is_container(earlier.text):
            gaps[line.start] = max(line.before, gaps[earlier.start])
        earlier = line
    return gaps


def _is_container(words: str) -> bool:
    parsed = parse_heading(clean(words))
    return parsed is not None and parsed.unit in CONTAINERS


def _with_first(
    text: str, group: list[ShortLine], candidates: Sequence[ShortLine], start: int
) -> list[ShortLine]:
    """Adds the first title, which often stands closer to the title page than the others to the text before them."""
    if not group:
        return group
    capitals = all(_is_upper(clean(line.text)) for line in group)
    early = [line for line in candidates if line.start < group[0].start and line.before and line.after]
    early = [line for line in early if not capitals or _is_upper(clean(line.text))]
    for line in early:
        if group[0].start - line.end > _SHORTEST_CHAPTER * 2 and _has_prose(text[line.end : line.end + 3_000], 0):
            return [line, *group]
    return group


def _evenness(group: Sequence[ShortLine], start: int, end: int) -> float:
    if len(group) < 3:
        return 0.0
    lengths = [b.start - a.start for a, b in zip(group, group[1:], strict=False)] + [end - group[-1].start]
    usual = sorted(lengths)[len(lengths) // 2]
    if not 2_000 <= usual <= _LONGEST_CHAPTER:
        return 0.0
    covered = sum(min(length, 6 * usual) for length in lengths) / max(1, end - start)
    return covered * min(1.0, len(group) / 5) if covered > 0.7 else 0.0


def _could_be_title(line: ShortLine) -> bool:
    words = clean(line.text)
    if not words or len(words) > 90 or words[0] in "\"“«([-—–*" or words[-1] in ",;:-—":
        return False
    if not any(c.isalpha() for c in words) or matter_kind(words) is not None:
        return False
    parsed = parse_heading(words)
    if parsed is not None and (not parsed.unit or parsed.unit == "chapter" or parsed.unit in CONTAINERS):
        return False
    if _is_upper(words):
        return True
    significant = [w for w in re.findall(r"[^\W\d_]+", words) if len(w) > 3]
    capitalised = sum(w[0].isupper() for w in significant)
    return words[-1] not in ".!?" and words[0].isupper() and capitalised * 2 >= len(significant)


def _is_upper(words: str) -> bool:
    return words.upper() == words and any(c.isalpha() for c in words)


def _before_prose(text: str, group: Sequence[ShortLine], end: int) -> list[ShortLine]:
    starts = [line.start for line in group]
    kept = []
    for index, line in enumerate(group):
        stop = starts[index + 1] if index + 1 < len(group) else end
        if stop - line.end >= _SHORTEST_CHAPTER and _has_prose(text[line.end : min(stop, line.end + 3_000)]):
            kept.append(line)
    return kept


def _has_prose(piece: str, titles: int = 2) -> bool:
    """Whether prose follows at once, after a subtitle or two at most (a title page goes on with short lines)."""
    short = amount = 0
    for block in _BLOCK.finditer(piece):
        words = block.group().strip()
        if len(words) > 90 or words[-1] in _SENTENCE_END:
            amount += len(words)
        else:
            short += 1
        if amount > 300:
            return short <= titles
    return False


def _entries(text: str, region: Region) -> list[set[str]]:
    """For each line of the list the keys under which the body may repeat it (alone, or joined to the next line)."""
    lines = [m.group().strip() for m in _LINE.finditer(text, region.start, min(region.end, region.start + _LONGEST_LIST))]
    entries = []
    for index, line in enumerate(lines):
        if len(line) > 200:
            continue
        words = clean(without_page_number(line))
        if not words or matter_kind(words) is not None:
            continue
        parsed = parse_heading(words)
        if parsed is not None and (parsed.unit in CONTAINERS or not parsed.title):
            continue
        title = parsed.title if parsed is not None else words
        keys = {title_key(title)}
        if index + 1 < len(lines):
            keys.add(title_key(title + without_page_number(lines[index + 1])))
        entries.append({key for key in keys if len(key) >= 2})
    return entries


def _with_misspelled(
    chosen: list[tuple[ShortLine, int]], entries: Sequence[set[str]], table: LineTable, region: Region
) -> list[tuple[ShortLine, int]]:
    """Adds the one line between two found titles that nearly is the entry between theirs ("Couterparts")."""
    result = list(chosen)
    for (earlier, before), (later, after) in zip(chosen, chosen[1:], strict=False):
        for index in range(before + 1, min(after, before + 4)):
            best = max(
                (line for line in table.lines if earlier.end < line.start < later.start and line.before and line.after
                 and not region.start <= line.start < region.end),
                key=lambda line: _similarity(line, entries[index]),  # noqa: B023
                default=None,
            )  # fmt: skip
            if best is not None and _similarity(best, entries[index]) >= _SIMILAR:
                result.append((best, index))
    return sorted(result, key=lambda pair: pair[0].start)


def _similarity(line: ShortLine, keys: set[str]) -> float:
    if not any(abs(len(line.text) - len(key)) <= 8 for key in keys):
        return 0.0
    mine = title_key(line.text)
    return max((SequenceMatcher(None, mine, key).ratio() for key in keys if abs(len(mine) - len(key)) <= 3), default=0.0)


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


def _hit(line: ShortLine) -> Hit:
    return Hit(line.start, line.end, clean(line.text), None, 1.0, line.before, line.after)
