"""Chapters that have titles only and no contents list: lines that stand alike and apart through the whole book."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hits import Hit, title_hit
from morpheus_assets.text.chapters.lines import LineTable, ShortLine, clean
from morpheus_assets.text.chapters.matter import NAMED, matter_kind
from morpheus_assets.text.chapters.words import title_key

_BLOCK = re.compile(r"^[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*", re.MULTILINE)
_SENTENCE_END = ".!?…”\"’'»。！？」』:;,—"
_SHORTEST_CHAPTER = 700
_LONGEST_CHAPTER = 120_000
_TITLE_PAGE = 5_000
_LONGEST_CASELESS, _LONGEST_STOPPED = 40, 40
_LONGEST_NAME = 60
_PRECISION = 0.6


def by_isolation(text: str, table: LineTable, start: int, end: int) -> list[Hit]:
    """Lines that stand further apart from the text than its paragraphs do, all in one style, each before prose."""
    if not table.usual_gap:
        return []
    gap = table.usual_gap
    apart = _gaps_before(table)
    candidates = [
        line
        for line in table.lines
        if start <= line.start < end
        and line.after
        and (apart[line.start] > gap or (line.before and _is_upper(line.text)) or line.start < start + _TITLE_PAGE)
        and _could_be_title(line, far=apart[line.start] > gap + 1)
    ]
    counts = Counter(title_key(line.text) for line in candidates)
    candidates = [line for line in candidates if counts[title_key(line.text)] <= 2]
    best: list[ShortLine] = []
    best_score = 0.0
    story: dict[int, bool] = {}
    for capitals in (True, False):
        for gap in range(6, table.usual_gap, -1):
            group = [c for c in candidates if apart[c.start] >= gap and (not capitals or _is_upper(clean(c.text)))]
            kept = _before_prose(text, group, end, story)
            if len(kept) < _PRECISION * len(group):
                continue
            score = _evenness(kept, start, end, 2_000) * (1.0 if capitals else 0.8)
            if score > best_score:
                best, best_score = kept, score
    if not best:
        best = _capitals_alone(text, candidates, start, end, story)
    fronts = [line.start for line in table.lines if line.before and _names_matter(line)] if best else []
    return [title_hit(line) for line in _with_first(text, best, candidates, fronts)]


def _names_matter(line: ShortLine) -> bool:
    return len(line.text) <= _LONGEST_NAME and matter_kind(clean(line.text)) in NAMED


def _capitals_alone(
    text: str, candidates: Sequence[ShortLine], start: int, end: int, story: dict[int, bool]
) -> list[ShortLine]:
    """Titles in capitals that stand no further apart than paragraphs do (a web page without heading tags).

    Shouts and signatures look the same, so nearly all such lines must qualify, and none may end like a shout.
    """
    group = [c for c in candidates if c.before and _is_upper(clean(c.text)) and c.text[-1] not in "!?"]
    kept = _before_prose(text, group, end, story)
    enough = len(kept) >= 5 and len(kept) >= 0.85 * len(group)
    return kept if enough and _evenness(kept, start, end, 4_000) > 0 else []


def _gaps_before(table: LineTable) -> dict[int, int]:
    """Blank lines before each line, where a heading right under "PART TWO" stands as far apart as that does."""
    gaps: dict[int, int] = {}
    inherited = since = 0
    earlier_end = -_TITLE_PAGE
    for line in table.lines:
        if line.start - earlier_end > line.before + 1 or since > 2:
            inherited = 0
        gaps[line.start] = max(line.before, inherited)
        if line.before > table.usual_gap and line.after and _is_container(line.text):
            inherited, since = line.before, 0
        since += 1
        earlier_end = line.end
    return gaps


def _is_container(words: str) -> bool:
    parsed = parse_heading(clean(words))
    return parsed is not None and parsed.unit in CONTAINERS


def _with_first(
    text: str, group: list[ShortLine], candidates: Sequence[ShortLine], fronts: Sequence[int]
) -> list[ShortLine]:
    """Adds the first title, which often stands closer to the title page than the others to the text before them."""
    if not group:
        return group
    capitals = all(_is_upper(clean(line.text)) for line in group)
    early = [line for line in candidates if line.start < group[0].start and line.before and line.after]
    early = [line for line in early if not capitals or _is_upper(clean(line.text))]
    for line in early:
        following = next((place for place in fronts if place > line.start), group[0].start)
        if min(following, group[0].start) - line.end > _SHORTEST_CHAPTER * 2 and _has_prose(
            text[line.end : line.end + 3_000], 0
        ):
            return [line, *group]
    return group


def _evenness(group: Sequence[ShortLine], start: int, end: int, shortest: int) -> float:
    if len(group) < 3:
        return 0.0
    lengths = [b.start - a.start for a, b in itertools.pairwise(group)] + [end - group[-1].start]
    usual = sorted(lengths)[len(lengths) // 2]
    if not shortest <= usual <= _LONGEST_CHAPTER:
        return 0.0
    covered = sum(min(length, 6 * usual) for length in lengths) / max(1, end - start)
    return covered * min(1.0, len(group) / 5) if covered > 0.7 else 0.0


def _could_be_title(line: ShortLine, far: bool) -> bool:
    """`far`: it stands much further from the text above than paragraphs do, and may end in a full stop."""
    words = clean(line.text)
    if far and words.endswith(".") and len(words) <= _LONGEST_STOPPED:
        words = words.rstrip(". ")
    if not words or len(words) > 90 or words[0] in '"“«([-—–*' or words[-1] in ",;:-—":
        return False
    if not any(c.isalpha() for c in words) or matter_kind(words) is not None:
        return False
    parsed = parse_heading(words)
    if parsed is not None and (not parsed.unit or parsed.unit == "chapter" or parsed.unit in CONTAINERS):
        return False
    if _is_upper(words):
        return True
    if words.lower() == words.upper():
        # Chinese and Japanese have no capitals: a title is short and does not end like a sentence.
        return len(words) <= _LONGEST_CASELESS and words[-1] not in _SENTENCE_END
    every = re.findall(r"[^\W\d_]+", words)
    significant = [word for word in every if len(word) > 3]
    capitalised = sum(w[0].isupper() for w in significant)
    # a diary's "5th of May, 1893"
    opens = words[0].isupper() or (words[0].isdecimal() and any(word[0].isupper() for word in every))
    return words[-1] not in ".!?" and opens and capitalised * 2 >= len(significant)


def _is_upper(words: str) -> bool:
    return words.upper() == words and words.lower() != words


def _before_prose(text: str, group: Sequence[ShortLine], end: int, story: dict[int, bool]) -> list[ShortLine]:
    """The lines that prose follows before the next of them; `story` remembers the answers."""
    starts = [line.start for line in group]
    kept = []
    for index, line in enumerate(group):
        stop = starts[index + 1] if index + 1 < len(group) else end
        if stop - line.end < _SHORTEST_CHAPTER:
            continue
        if line.start not in story:
            story[line.start] = _has_prose(text[line.end : min(end, line.end + 3_000)])
        if story[line.start]:
            kept.append(line)
    return kept


def _has_prose(piece: str, titles: int = 2) -> bool:
    """True if prose follows at once, after a subtitle or two at most (a title page goes on with short lines)."""
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
