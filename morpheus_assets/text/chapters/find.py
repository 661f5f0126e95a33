"""Chapters of a document: where each begins and ends, and what it is called.

The steps in order; each step lives in a file of its own beside this one. Reading of files belongs to formats.py,
cutting into chunks to chunking/.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from morpheus_assets.domain.content import Chapter
from morpheus_assets.text.chapters.boilerplate import Body, find_body
from morpheus_assets.text.chapters.contents_lists import Region, find_regions, outside
from morpheus_assets.text.chapters.divisions import Division, measure, numbered_divisions
from morpheus_assets.text.chapters.full_titles import full_title
from morpheus_assets.text.chapters.grammar import might_be_heading
from morpheus_assets.text.chapters.hints import hint_hits, level_division
from morpheus_assets.text.chapters.hits import Hit, find_hits
from morpheus_assets.text.chapters.lines import LineTable, read_lines
from morpheus_assets.text.chapters.selection import choose, completed, has_units
from morpheus_assets.text.chapters.surroundings import back_range, front_range
from morpheus_assets.text.chapters.titles_apart import by_isolation
from morpheus_assets.text.chapters.titles_in_contents import by_contents, keyed_lines
from morpheus_assets.text.documents import Document

_LONGEST_CHAPTER = 150_000
SECTION_LENGTH = 20_000
"""Characters of a piece: about a chapter of a nineteenth-century novel."""
_SEARCH = 4_000


def find_chapters(document: Document) -> list[Chapter]:
    """The chapters in reading order; pieces by size ("section") where the book has none; [] for empty text.

    The distributor's header and licence, title pages and contents lists belong to no chapter.
    """
    text = document.text
    if not text.strip():
        return []
    body = find_body(text)
    found = find_heads(document, body)
    if not found.heads:
        pieces = cut_sections(text, *_trimmed(text, body.start, body.end))
        return _numbered(text, (("section", "", start, end) for start, end in pieces))
    starts = [hit.start for hit in found.heads]
    front = front_range(text, body, starts[0], found.regions, found.hits)
    back_start, back_end, last_end = back_range(text, body, starts[-1], found.hits)
    edges = [*starts[1:], last_end]
    parts = [
        ("chapter", full_title(text, hit, edge), hit.start, edge) for hit, edge in zip(found.heads, edges, strict=True)
    ]
    if front is not None:
        parts.insert(0, ("front", "", *front))
    if back_start is not None:
        parts.append(("back", "", back_start, back_end))
    return _numbered(text, parts)


def _numbered(text: str, parts: Iterable[tuple[str, str, int, int]]) -> list[Chapter]:
    chapters = []
    ordinal, line, counted = 0, 1, 0
    for kind, title, start, end in parts:
        line += text.count("\n", counted, start)
        counted = start
        ordinal += kind != "front"
        chapters.append(Chapter(ordinal, title or _default_title(kind, ordinal), start, end, line, kind))
    return chapters


def _default_title(kind: str, ordinal: int) -> str:
    return {"front": "Front matter", "back": "Back matter"}.get(kind, f"Section {ordinal}")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


class Found(NamedTuple):
    """The headings of the chapters (none: the book has no chapters), every candidate, and the contents lists."""

    heads: list[Hit]
    hits: list[Hit]
    regions: list[Region]


def find_heads(document: Document, body: Body) -> Found:
    """The headings of the document's chapters in order: from its markup where that names them, else from its text."""
    plain, division = _from_text(document.text, body)
    hinted = _out_of_lists(hint_hits(document, body), plain.regions)
    if len(hinted) < 2:
        return plain
    marks = [hit for hit, _ in hinted]
    story = Body(marks[0].start, body.end)
    divisions = numbered_divisions(marks, story)
    chosen = choose(divisions, level_division(hinted, story), story)
    places = {hit.start for hit in marks}
    hits = sorted([*marks, *(hit for hit in plain.hits if hit.start not in places)], key=lambda hit: hit.start)
    if chosen is None or (division is not None and _is_finer(division, chosen)):
        return Found(plain.heads, hits, plain.regions)
    return Found(completed(chosen, divisions, hits, story).heads, hits, plain.regions)


def _out_of_lists(hinted: list[tuple[Hit, int]], regions: list[Region]) -> list[tuple[Hit, int]]:
    """Marked headings without the entries of a contents list that are marked too."""
    kept = {hit.start for hit in outside([hit for hit, _ in hinted], regions)}
    return [pair for pair in hinted if pair[0].start in kept] if len(kept) > 1 else hinted


def _is_finer(plain: Division, marked: Division) -> bool:
    """True if the markup names only the title or the parts, and the text has the chapters."""
    if len(plain.heads) <= 1.5 * len(marked.heads):
        return False
    if marked.kind == "container" or marked.usual_length > _LONGEST_CHAPTER:
        return True
    return marked.kind == "title" and plain.kind == "unit" and len(marked.heads) <= 3


def _from_text(text: str, body: Body) -> tuple[Found, Division | None]:
    table = read_lines(text, body.start, body.end, might_be_heading)
    every = find_hits(table)
    regions = find_regions(text, every, body)
    hits = outside(every, regions)
    story = Body(_story_start(regions, body), body.end)
    divisions = numbered_divisions(hits, story)
    # Looking for titles is the slow part, and nothing beats a word with numbers that covers the book.
    titles = None if has_units(divisions, story) else _titles(text, table, regions, body, story)
    chosen = choose(divisions, titles, story)
    if chosen is None:
        return Found([], hits, regions), None
    division = completed(chosen, divisions, hits, story)
    return Found(division.heads, hits, regions), division


def _story_start(regions: list[Region], body: Body) -> int:
    early = [r.end for r in regions if r.start - body.start < 0.25 * (body.end - body.start)]
    return max(early, default=body.start)


def _titles(text: str, table: LineTable, regions: list[Region], body: Body, story: Body) -> Division | None:
    best: Division | None = None
    keyed = keyed_lines(text, table) if regions else []
    for region in regions:
        heads, share = by_contents(text, keyed, region, body.end)
        if len(heads) >= 3 and share >= 0.5:
            division = measure(heads, "title", "contents", story)
            if division.coverage >= 0.5 and (best is None or len(heads) > len(best.heads)):
                best = division
    if best is not None:
        return best
    heads = by_isolation(text, table, story.start, story.end)
    return measure(heads, "title", "isolation", story) if heads else None


def cut_sections(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of about SECTION_LENGTH characters that together are text[start:end]."""
    while end - start > SECTION_LENGTH * 3 // 2:
        cut = _cut_near(text, start + SECTION_LENGTH)
        yield start, cut
        start = cut
    if end > start:
        yield start, end


def _cut_near(text: str, target: int) -> int:
    """The best place to cut within _SEARCH characters before `target`: paragraph, line, sentence, word."""
    low = target - _SEARCH
    for mark in ("\n\n", "\n", ". ", "。", " "):
        place = text.rfind(mark, low, target)
        if place >= 0:
            return place + len(mark)
    return target
