"""The steps from a document to its chapter headings, in order. Each step lives in a file of its own."""

from typing import NamedTuple

from morpheus_assets.text.chapter_finding.boilerplate import Body
from morpheus_assets.text.chapter_finding.contents_lists import Region, find_regions, outside
from morpheus_assets.text.chapter_finding.grammar import might_be_heading
from morpheus_assets.text.chapter_finding.hints import hint_hits, level_division
from morpheus_assets.text.chapter_finding.hits import Hit, find_hits
from morpheus_assets.text.chapter_finding.lines import LineTable, read_lines
from morpheus_assets.text.chapter_finding.selection import choose, completed, has_units
from morpheus_assets.text.chapter_finding.solutions import Division, measure, numbered_divisions
from morpheus_assets.text.chapter_finding.titles_apart import by_isolation
from morpheus_assets.text.chapter_finding.titles_in_contents import by_contents, keyed_lines
from morpheus_assets.text.documents import Document

_LONGEST_CHAPTER = 150_000


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
    """The marked headings without the entries of a contents list that are marked too."""
    kept = {hit.start for hit in outside([hit for hit, _ in hinted], regions)}
    return [pair for pair in hinted if pair[0].start in kept] if len(kept) > 1 else hinted


def _is_finer(plain: Division, marked: Division) -> bool:
    """Whether the markup names only the title or the parts, and the text has the chapters."""
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
