"""Headings that the file's own markup names, as candidates. Strong evidence, but not proof: titles are headings too."""

import itertools
import re
from collections.abc import Sequence

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.divisions import Division, measure
from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.lines import clean
from morpheus_assets.text.chapters.matter import matter_kind
from morpheus_assets.text.chapters.words import title_key
from morpheus_assets.text.documents import Document, HeadingHint

_AOZORA = re.compile(r"［＃「[^」\n]{0,200}」は(?:同行|窓)?(大|中|小)見出し］|［＃(?:ここから)?(大|中|小)見出し］")
_AOZORA_LEVELS = {"大": 1, "中": 2, "小": 3}
_RECORD = re.compile(r"(?:title|author|year|date|language|by|translator|translated by|publisher|source)\b\s*[:.]", re.I)
_LONGEST_STORY = 80_000
_SAME_PLACE = 300


def hint_hits(document: Document, body: Body) -> list[tuple[Hit, int]]:
    """The marked headings inside the body in order, each with its level; one for each place."""
    text = document.text
    result: list[tuple[Hit, int]] = []
    for hint in sorted((*document.hints, *_aozora_hints(text)), key=lambda h: h.char_offset):
        if not body.start <= hint.char_offset < body.end:
            continue
        hit = _read(text, hint)
        if hit is None:
            continue
        if result and hit.start - result[-1][0].start < _SAME_PLACE:
            last = result[-1][0]
            if title_key(last.text) == title_key(hit.text) or last.start == hit.start:
                if hint.source != "epub-toc":
                    result[-1] = (hit, hint.level)
                continue
        result.append((hit, hint.level))
    return result


def level_division(hinted: Sequence[tuple[Hit, int]], story: Body) -> Division | None:
    """The outermost level of headings without numbers whose pieces are no longer than chapters are."""
    best: Division | None = None
    for level in sorted({level for _, level in hinted}):
        heads = [hit for hit, own in hinted if own == level and hit.matter is None and not _contains(hit)]
        heads = _without_title_page(heads, story.end)
        if len(heads) < 2:
            continue
        division = measure(heads, "title", "contents", story)
        if division.coverage < 0.6 or division.usual_length < 200:
            continue
        division = _with_lone_titles(division, hinted, level, story)
        if best is None or (best.usual_length > _LONGEST_STORY and len(heads) > len(best.heads)):
            best = division
    return best


def _with_lone_titles(division: Division, hinted: Sequence[tuple[Hit, int]], level: int, story: Body) -> Division:
    """Adds titles that are marked a level too deep: few, and each with as much text around it as a chapter has."""
    heads = division.heads
    deeper = [hit for hit, own in hinted if own == level + 1 and hit.parsed is None and hit.matter is None]
    if not 0 < len(deeper) <= len(heads) / 3:
        return division
    edges = sorted([hit.start for hit in (*heads, *deeper)] + [story.end])
    for hit in deeper:
        place = edges.index(hit.start)
        before = hit.start - edges[place - 1] if place else division.usual_length
        if min(before, edges[place + 1] - hit.start) > 0.4 * division.usual_length:
            heads = sorted([*heads, hit], key=lambda h: h.start)
    return measure(heads, division.kind, division.family, story)


def _without_title_page(heads: list[Hit], end: int) -> list[Hit]:
    """Headings at the front that hardly any text follows name the book, its author or its publisher."""
    starts = [hit.start for hit in heads] + [end]
    lengths = [b - a for a, b in itertools.pairwise(starts)]
    usual = sorted(lengths)[len(lengths) // 2] if lengths else 0
    first = 0
    while first < len(heads) and lengths[first] < min(700, usual * 0.1):
        first += 1
    return heads[first:]


def _contains(hit: Hit) -> bool:
    return hit.parsed is not None and hit.parsed.unit in CONTAINERS


def _aozora_hints(text: str) -> list[HeadingHint]:
    hints = []
    for match in _AOZORA.finditer(text) if "見出し］" in text else ():
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        line = text[start : end if end >= 0 else len(text)]
        if not clean(line) and end >= 0:
            start = end + 1
            end = text.find("\n", start)
            line = text[start : end if end >= 0 else len(text)]
        level = _AOZORA_LEVELS[match.group(1) or match.group(2)]
        hints.append(HeadingHint(start, level, clean(line[:200]), "aozora"))
    return hints


def _read(text: str, hint: HeadingHint) -> Hit | None:
    start = hint.char_offset
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip():
        start = line
    end = text.find("\n", hint.char_offset)
    end = len(text) if end < 0 else end
    words = clean(" ".join(hint.text.split()) or text[start:end][:200])
    if not words:
        return None
    matter = matter_kind(words) or {"front": "front", "back": "back"}.get(hint.role)
    if hint.role == "chapter":
        matter = None
    if _RECORD.match(words):
        matter = "boilerplate"
    parsed = parse_heading(words) if matter is None else None
    return Hit(start, min(end, start + 400), words, parsed, 1.2, 2, 2, matter)
