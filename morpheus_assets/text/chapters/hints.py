"""Headings that the file's own markup names, as candidates. Strong evidence, but not proof: titles are headings too.

What a table of contents says of them is tables_of_contents.py's.
"""

import itertools
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.contents_lists import Region
from morpheus_assets.text.chapters.divisions import Division, measure
from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.heading import CONTAINERS, Heading
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.lines import clean, is_decorated
from morpheus_assets.text.chapters.matter import NAMED, STORY, matter_kind
from morpheus_assets.text.chapters.words import title_key
from morpheus_assets.text.documents import Document, HeadingHint

_AOZORA = re.compile(r"［＃「[^\n］]{0,200}」は(?:同行|窓)?(大|中|小)見出し］|［＃(?:ここから)?(大|中|小)見出し］")
_AOZORA_LEVELS = {"大": 1, "中": 2, "小": 3}
_RECORD = re.compile(r"(?:title|author|year|date|language|by|translator|translated by|publisher|source)\b\s*[:.]", re.I)
_LONGEST_STORY = 80_000
_SAME_PLACE = 300
_INDENT = 3
_GENERIC = 3
_MOSTLY_NUMBERED = 0.8
_FEWEST_LIKELY = 3
_SHORTEST_CHAPTER = 500
_FILE_NAME = re.compile(r"[\w%.-]+\.x?html?$|(?:section|part|split|index|file|page|unknown|untitled)[-_ ]?\d*$", re.I)
_LONGEST_TITLE = 120
_PROSE_END = '.!?…。！？,;:，；"”’»」'
LOWEST_HEADING = 6
"""Level of h6; what only stands like a heading has a lower one."""
_PLAIN_MARK = 8
_INDENTED_MARK, _DEEPEST = 10, 10
_MARKED_LINE = re.compile(r"^[ \t]*(?:\[[a-z]|\*\*|__|=|#)[^\n]{2,200}$", re.IGNORECASE | re.MULTILINE)
_LINE_MARKS = ("[", "**", "__", "=", "#")
_INDENTED = re.compile(r"(?:\A|(?<=\n\n))(\u3000{3,20})([^\s\u3000][^\n]{0,60})\n(?=\n)")
_UNDERLINED = re.compile(
    r"(?:\A|^[ \t]*\n)[ \t]*(\w[^\n]{1,100})\n[ \t]*(?:={3,}|-{3,}|~{3,}|\*{3,})[ \t]*$", re.MULTILINE
)


class Marked(NamedTuple):
    """A heading of the markup.

    `level` is 1 for the outermost, `listed` its level in the table of contents, 0 for none, `role` as in HeadingHint.
    """

    hit: Hit
    level: int
    listed: int = 0
    role: str = ""


def marked_headings(document: Document, body: Body) -> list[Marked]:
    """The marked headings inside the body in order; one for each place."""
    text = document.text
    hints = [hint for hint in document.hints if hint.level <= LOWEST_HEADING and hint.source != "epub-toc"]
    headings = _one_a_place(text, (*hints, *_aozora_hints(text)), body)
    return _with_contents(text, headings, [hint for hint in document.hints if hint.source == "epub-toc"], body)


def likely_headings(document: Document, body: Body) -> list[Marked]:
    """Lines that the markup, or marks left in plain text, set apart without calling them headings."""
    text = document.text
    hints = [hint for hint in document.hints if hint.level > LOWEST_HEADING and hint.source != "epub-page"]
    return _one_a_place(text, (*hints, *_decorated_lines(text, body), *_indented_lines(text, body)), body)


def _one_a_place(text: str, hints: Iterable[HeadingHint], body: Body) -> list[Marked]:
    result: list[Marked] = []
    for hint in sorted(hints, key=lambda h: h.char_offset):
        if not body.start <= hint.char_offset < body.end:
            continue
        hit = _read(text, hint)
        if hit is None:
            continue
        if result and hit.start - result[-1].hit.start < _SAME_PLACE:
            last = result[-1].hit
            if title_key(last.text) == title_key(hit.text) or last.start == hit.start:
                result[-1] = Marked(hit, hint.level, role=hint.role)
                continue
        result.append(Marked(hit, hint.level, role=hint.role))
    return result


def _with_contents(text: str, headings: list[Marked], entries: Sequence[HeadingHint], body: Body) -> list[Marked]:
    """The headings and the places of the contents' entries, joined where an entry points to a heading."""
    inside = [entry for entry in entries if body.start <= entry.char_offset < body.end]
    if not inside:
        return headings
    starts = [entry.char_offset for entry in inside[1:]] + [body.end]
    joined = {marked.hit.start: marked for marked in headings}
    generic = _generic_titles(headings)
    places = [marked.hit.start for marked in headings]
    first = 0
    for entry, following in zip(inside, starts, strict=True):
        while first < len(places) and places[first] < entry.char_offset - _INDENT:
            first += 1
        hit = _read(text, entry)
        if hit is None:
            continue
        near = [
            place
            for place in itertools.islice(places, first, first + 6)
            if place < min(following, entry.char_offset + _SAME_PLACE) or place <= entry.char_offset
        ]
        same = [place for place in near if title_key(joined[place].hit.text) == title_key(hit.text)]
        place = (same or near or [hit.start])[0]
        marked = joined.get(place)
        if marked is None or (marked.listed and _contains(marked.hit)):
            joined[place] = Marked(replace(hit, start=place), entry.level, entry.level, entry.role)
        elif marked.listed < entry.level and title_key(marked.hit.text) == title_key(hit.text):
            # The book's own title, or a volume's, points to the same place: this one is the chapter's.
            joined[place] = marked._replace(listed=entry.level, role=entry.role)
        elif not marked.listed:
            joined[place] = Marked(_titled(marked.hit, hit, generic), marked.level, entry.level, entry.role)
    return _with_named_pieces([joined[place] for place in sorted(joined)])


def _with_named_pieces(marked: list[Marked]) -> list[Marked]:
    """Among numbered chapters what is called a note or a preface is one, whatever the file says of its role."""
    listed = [m.hit for m in marked if m.listed and m.hit.matter is None]
    if sum(hit.parsed is not None for hit in listed) < _MOSTLY_NUMBERED * max(1, len(listed)):
        return marked
    kinds = [matter_kind(m.hit.text) if m.listed and m.hit.parsed is None else None for m in marked]
    return [
        m._replace(hit=replace(m.hit, matter=kind)) if kind in NAMED and m.hit.matter is None else m
        for m, kind in zip(marked, kinds, strict=True)
    ]


def _generic_titles(headings: Sequence[Marked]) -> frozenset[str]:
    """Keys of what a site prints over every chapter ("Chapter Text")."""
    counts = Counter(title_key(marked.hit.text) for marked in headings if marked.hit.parsed is None)
    return frozenset(key for key, count in counts.items() if count >= _GENERIC)


def _titled(heading: Hit, entry: Hit, generic: frozenset[str]) -> Hit:
    """The heading with the entry's title where that says more."""
    mine, listed = title_key(heading.text), title_key(entry.text)
    if mine == listed or not listed:
        return heading
    number = heading.parsed
    if number is not None and not number.title:
        if entry.parsed is None and entry.matter is None:
            joint = " " if heading.text.endswith((".", ":", "—", "-")) else ". "
            return replace(heading, text=heading.text + joint + entry.text, parsed=number._replace(title=entry.text))
        same = entry.parsed is not None and entry.parsed.title and entry.parsed.number == number.number
        return replace(heading, text=entry.text, parsed=entry.parsed) if same else heading
    if mine in generic or (len(mine) < len(listed) and mine in listed):
        return replace(heading, text=entry.text, parsed=entry.parsed or number, matter=entry.matter or heading.matter)
    return heading if heading.matter or number else replace(heading, matter=entry.matter)


def level_division(hinted: Sequence[Marked], story: Body) -> Division | None:
    """The outermost level of headings without numbers whose pieces are no longer than chapters are."""
    best: Division | None = None
    for level in sorted({marked.level for marked in hinted}):
        heads = [m.hit for m in hinted if m.level == level and m.hit.matter is None and not _contains(m.hit)]
        heads = without_title_page(heads, hinted, story.end)
        if len(heads) < 2:
            continue
        division = measure(heads, "title", "contents", story)
        if division.coverage < 0.6 or division.usual_length < 200:
            continue
        division = _with_lone_titles(division, hinted, level, story)
        if best is None or (best.usual_length > _LONGEST_STORY and len(heads) > len(best.heads)):
            best = division
    return best


def likely_division(hinted: Sequence[Marked], story: Body) -> Division | None:
    """The outermost level of lines that stand like headings, if they stand evenly: bold lines are often none."""
    for level in sorted({marked.level for marked in hinted}):
        heads = [m.hit for m in hinted if m.level == level and m.hit.matter is None]
        heads = without_title_page(heads, hinted, story.end)
        starts = [hit.start for hit in heads] + [story.end]
        short = sum(b - a < _SHORTEST_CHAPTER for a, b in itertools.pairwise(starts))
        if len(heads) < _FEWEST_LIKELY or short > 0.2 * len(heads):
            continue
        division = measure(heads, "title", "contents", story)
        if division.coverage >= 0.6 and division.usual_length <= _LONGEST_STORY:
            return division
    return None


def page_division(document: Document, regions: Sequence[Region], story: Body) -> Division | None:
    """The files of an EPUB whose chapters have no headings at all, one a chapter."""
    text = document.text
    starts = [h.char_offset for h in document.hints if h.source == "epub-page" and h.role != "contents"]
    starts = [start for start in starts if story.start <= start < story.end]
    heads = []
    for start, end in itertools.pairwise([*starts, story.end]):
        hit = _read(text, HeadingHint(start, LOWEST_HEADING, "", "epub-page"))
        inside = any(region.start <= start < region.end for region in regions)
        if hit is not None and hit.matter is None and not inside and end - start >= _SHORTEST_CHAPTER:
            heads.append(hit)
    if len(heads) < _FEWEST_LIKELY:
        return None
    division = measure(heads, "title", "pages", story)
    return division if division.coverage >= 0.8 and division.usual_length <= _LONGEST_STORY else None


def _with_lone_titles(division: Division, hinted: Sequence[Marked], level: int, story: Body) -> Division:
    """Adds titles that are marked a level too deep: few, and each with as much text around it as a chapter has."""
    heads = division.heads
    deeper = [m.hit for m in hinted if m.level == level + 1 and m.hit.parsed is None and m.hit.matter is None]
    if not 0 < len(deeper) <= len(heads) / 3:
        return division
    edges = sorted([hit.start for hit in (*heads, *deeper)] + [story.end])
    for hit in deeper:
        place = edges.index(hit.start)
        before = hit.start - edges[place - 1] if place else division.usual_length
        if min(before, edges[place + 1] - hit.start) > 0.4 * division.usual_length:
            heads = sorted([*heads, hit], key=lambda h: h.start)
    return measure(heads, division.kind, division.family, story)


def without_title_page(heads: list[Hit], marked: Sequence[Marked], end: int) -> list[Hit]:
    """Headings at the front that hardly any text follows name the book, its author or its publisher."""
    starts = [hit.start for hit in heads] + [end]
    lengths = sorted(b - a for a, b in itertools.pairwise(starts))
    shortest = min(700, lengths[len(lengths) // 2] * 0.1) if lengths else 0
    matter = sorted(m.hit.start for m in marked if m.hit.matter in NAMED)
    first = 0
    while first < len(heads):
        # A preface or prologue after the title is no text of a chapter with the book's name.
        place = bisect_right(matter, heads[first].start)
        following = min([starts[first + 1], *matter[place : place + 1]])
        if following - heads[first].start >= shortest:
            break
        first += 1
    return heads[first:]


def _contains(hit: Hit) -> bool:
    return hit.parsed is not None and hit.parsed.unit in CONTAINERS


def _decorated_lines(text: str, body: Body) -> list[HeadingHint]:
    """Lines of plain text in the marks of a forum or of Markdown, none of them around less than the whole line."""
    marked = [match for match in _marked_lines(text, body) if is_decorated(match.group())]
    lines = [(match.start(), match.group()) for match in marked]
    lines += [(match.start(1), match.group(1)) for match in _underlined(text, body)]
    return [HeadingHint(start, _PLAIN_MARK, clean(line), "text") for start, line in lines]


def _marked_lines(text: str, body: Body) -> list[re.Match[str]]:
    """As `_MARKED_LINE` finds them, from their marks: these are found at once, while a pattern tries every line."""
    found: dict[int, re.Match[str]] = {}
    for mark in _LINE_MARKS:
        at = text.find(mark, body.start, body.end)
        while at >= 0:
            match = _MARKED_LINE.match(text, max(text.rfind("\n", 0, at) + 1, body.start), body.end)
            if match is not None:
                found[match.start()] = match
            line_end = text.find("\n", at, body.end)
            at = text.find(mark, line_end, body.end) if line_end >= 0 else -1
    return [found[start] for start in sorted(found)]


def _indented_lines(text: str, body: Body) -> list[HeadingHint]:
    """Short lines alone in Chinese or Japanese text that begin deeper than any paragraph; the deeper the higher."""
    hints = []
    # a pattern tries every place, and hardly a text outside Japan has any
    for match in _INDENTED.finditer(text, body.start, body.end) if "\u3000" * 3 in text else ():
        words = clean(match.group(2))
        if words and words.lower() == words.upper() and words[-1] not in _PROSE_END:
            level = _INDENTED_MARK + _DEEPEST - min(len(match.group(1)), _DEEPEST)
            hints.append(HeadingHint(match.start(), level, words, "text"))
    return hints


def _underlined(text: str, body: Body) -> list[re.Match[str]]:
    """As `_UNDERLINED` finds them, from the rules below: these are found at once, while a pattern tries every line."""
    found: dict[int, re.Match[str]] = {}
    for rule in ("===", "---", "~~~", "***"):
        at = text.find(rule, body.start, body.end)
        while at >= 0:
            line = text.rfind("\n", body.start, at) + 1
            end = text.find("\n", at, body.end)
            end = body.end if end < 0 else end
            if line and not text[line:at].strip(" \t"):
                title = text.rfind("\n", body.start, line - 1) + 1
                above = text.rfind("\n", body.start, title - 1) + 1 if title else 0
                match = _UNDERLINED.match(text, max(above, body.start), end)
                if match is not None:
                    found.setdefault(match.start(), match)
            at = text.find(rule, end, body.end)
    return [found[start] for start in sorted(found)]


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
    words = clean(" ".join(hint.text.split()))
    untitled = not words or (hint.source == "epub-toc" and _FILE_NAME.match(words) is not None)
    if untitled:
        words = _opening_title(text[start:end])
        if not words and not hint.source.startswith("epub-"):
            return None
    matter = matter_kind(words) or {"front": "front", "back": "back"}.get(hint.role)
    if hint.role == "chapter" and matter not in STORY:
        matter = None
    if hint.role == "contents":
        matter = "contents"
    if _RECORD.match(words):
        matter = "boilerplate"
    parsed = parse_heading(words) if matter is None and words else None
    if parsed is None and matter is None and not untitled:
        parsed = _number_above(clean(text[start:end]), words)
    return Hit(start, min(end, start + 400), words, parsed, 1.2, 2, 2, matter)


def _number_above(line: str, words: str) -> Heading | None:
    """A word of the book's own with a number, in a line above the title ("CASE I" over "A Psychical Invasion")."""
    if not line or line == words or not words.startswith(line):
        return None
    parsed = parse_heading(line)
    if parsed is None or parsed.title or parsed.number is None or not parsed.unit:
        return None
    return parsed._replace(title=words[len(line) :].strip())


def _opening_title(line: str) -> str:
    """The first line of a piece where it may be its title; its first sentence is none."""
    words = clean(line[: _LONGEST_TITLE + 1])
    if len(words) > _LONGEST_TITLE or (words.endswith(tuple(_PROSE_END)) and parse_heading(words) is None):
        return ""
    return words
