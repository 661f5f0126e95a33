"""Chapters of a document: where each begins and ends, and what it is called.

The steps in order; each step lives in a file of its own beside this one. Reading of files belongs to formats.py,
cutting into chunks to chunking/.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from morpheus_assets.domain.content import Chapter
from morpheus_assets.text.chapters.boilerplate import Body, find_body
from morpheus_assets.text.chapters.chapter_files import is_folder, pieces_of_files
from morpheus_assets.text.chapters.contents_lists import Region, contents_pages, find_regions, outside, with_pages
from morpheus_assets.text.chapters.divisions import Division, measure, numbered_divisions
from morpheus_assets.text.chapters.full_titles import full_title, titles_below
from morpheus_assets.text.chapters.grammar import might_be_heading
from morpheus_assets.text.chapters.hints import (
    Marked,
    level_division,
    likely_division,
    likely_headings,
    marked_headings,
    page_division,
)
from morpheus_assets.text.chapters.hits import Hit, find_hits
from morpheus_assets.text.chapters.lines import LineTable, read_lines
from morpheus_assets.text.chapters.selection import choose, completed, has_units
from morpheus_assets.text.chapters.surroundings import Piece, back_pieces, front_pieces, with_pieces
from morpheus_assets.text.chapters.tables_of_contents import listed_division
from morpheus_assets.text.chapters.titles_apart import by_isolation
from morpheus_assets.text.chapters.titles_in_contents import by_contents, keyed_lines
from morpheus_assets.text.documents import Document

_LONGEST_CHAPTER = 150_000
SECTION_LENGTH = 20_000
"""Characters of a piece: about a chapter of a nineteenth-century novel."""
_SEARCH = 4_000
_BACK = 0.6
_DEFAULT_TITLES = {"front": "Front matter", "back": "Back matter"}


def find_chapters(document: Document) -> list[Chapter]:
    """The chapters in reading order; pieces by size ("section") where the book has none; [] for empty text.

    The distributor's header and licence, title pages and contents lists belong to no chapter.
    """
    text = document.text
    if not text.strip():
        return []
    if is_folder(document):
        return _numbered(text, pieces_of_files(document, _heads_and_hits, find_chapters))
    body = find_body(text)
    found = find_heads(document, body)
    if not found.heads:
        pieces = cut_sections(text, *_trimmed(text, body.start, body.end))
        return _numbered(text, [("section", "", start, end) for start, end in pieces])
    heads = with_pieces(text, found.heads, found.hits, body)
    front = front_pieces(text, body, heads[0].start, found.regions, found.hits)
    back, last_end = back_pieces(text, body, heads, found.hits)
    edges = [*(hit.start for hit in heads[1:]), last_end]
    parts = [("front", _title(text, piece), piece.start, piece.end) for piece in front]
    chapters = list(zip(heads, edges, strict=True))
    below = titles_below([(text, hit, edge) for hit, edge in chapters])
    parts += [("chapter", full_title(text, hit, edge, below), hit.start, edge) for hit, edge in chapters]
    parts += [("back", _title(text, piece), piece.start, piece.end) for piece in back]
    return _numbered(text, parts)


def _heads_and_hits(document: Document, body: Body) -> tuple[list[Hit], list[Hit]]:
    found = find_heads(document, body)
    return found.heads, found.hits


def _title(text: str, piece: Piece) -> str:
    return full_title(text, piece.heading, piece.end) if piece.heading is not None else ""


def _numbered(text: str, parts: Sequence[tuple[str, str, int, int]]) -> list[Chapter]:
    chapters = []
    ordinal, line, counted = -sum(kind == "front" for kind, *_ in parts), 1, 0
    for kind, title, start, end in parts:
        line += text.count("\n", counted, start)
        counted = start
        ordinal += 1
        chapters.append(Chapter(ordinal, title or _default_title(kind, ordinal), start, end, line, kind))
    return chapters


def _default_title(kind: str, ordinal: int) -> str:
    return _DEFAULT_TITLES.get(kind) or f"{kind.title()} {ordinal}"


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
    """The headings of the document's chapters in order.

    From its own table of contents, where it has one; else from its markup where that names them, else from its text,
    else from what only stands like a heading.
    """
    text = document.text
    marked = marked_headings(document, body)
    pages = contents_pages(document)
    likely = likely_headings(document, body)
    plain, division = _from_text(text, body, pages, marked, likely)
    likely = _out_of_lists(likely, plain.regions)
    hits = _with_marks(marked, _with_marks([m for m in likely if m.hit.matter], plain.hits))
    listed = listed_division(_out_of_lists(marked, pages), body)
    if listed is not None and not _is_finer(division, listed) and not _lists_some(listed, marked):
        return Found(listed.heads, hits, plain.regions)
    found = _from_marks(_out_of_lists(marked, plain.regions), hits, plain, division, body)
    if found is not None:
        return found
    if division is None or division.kind == "title":
        chosen = likely_division(likely, Body(_story_start(plain.regions, body), body.end))
        if chosen is not None and (division is None or _are_as_many(chosen, division)):
            return Found(chosen.heads, _with_marks(likely, hits), plain.regions)
    if division is None:
        paged = page_division(document, plain.regions, body)
        if paged is not None:
            return Found(paged.heads, hits, plain.regions)
    return Found(plain.heads, hits, plain.regions)


def _from_marks(
    hinted: Sequence[Marked], hits: list[Hit], plain: Found, division: Division | None, body: Body
) -> Found | None:
    hinted = _outside_back_matter(hinted, body)
    if len(hinted) < 2:
        return None
    marks = [m.hit for m in hinted]
    story = Body(marks[0].start, body.end)
    divisions = numbered_divisions(marks, story)
    chosen = choose(divisions, level_division(hinted, story), story)
    if chosen is None or _is_finer(division, chosen):
        return None
    return Found(completed(chosen, divisions, hits, story).heads, hits, plain.regions)


def _with_marks(marked: Sequence[Marked], hits: Sequence[Hit]) -> list[Hit]:
    """All candidates in order; where the markup names one that the text shows as well, the markup's."""
    places = {m.hit.start for m in marked}
    return sorted(
        [*(m.hit for m in marked), *(hit for hit in hits if hit.start not in places)], key=lambda hit: hit.start
    )


def _out_of_lists(hinted: Sequence[Marked], regions: Sequence[Region]) -> list[Marked]:
    """Marked headings without the entries of a contents list that are marked too."""
    kept = {hit.start for hit in outside([m.hit for m in hinted], regions)}
    return [m for m in hinted if m.hit.start in kept] if len(kept) > 1 else list(hinted)


def _outside_back_matter(hinted: Sequence[Marked], body: Body) -> list[Marked]:
    """Marked headings without those below a heading of back matter: the sections of notes are no chapters."""
    kept: list[Marked] = []
    notes: int | None = None
    for marked in hinted:
        if notes is not None and marked.level > notes:
            continue
        late = marked.hit.start - body.start > _BACK * (body.end - body.start)
        notes = marked.level if marked.hit.matter == "back" and late else None
        kept.append(marked)
    return kept


def _are_as_many(likely: Division, division: Division) -> bool:
    """True if what only stands like headings divides the book about as finely as its lines do."""
    return 0.8 * len(division.heads) <= len(likely.heads) <= 1.5 * len(division.heads)


def _lists_some(listed: Division, marked: Sequence[Marked]) -> bool:
    """True if a table of contents leaves out half of the headings that are numbered as those in it are."""
    families = {hit.family for hit in listed.heads if hit.parsed is not None}
    alike = [m for m in marked if m.hit.parsed is not None and m.hit.family in families]
    return len(families) == 1 and len(alike) > 1.5 * len(listed.heads) and sum(not m.listed for m in alike) > 2


def _is_finer(plain: Division | None, marked: Division) -> bool:
    """True if the markup names only the title or the parts, and the text has the chapters."""
    if plain is None or len(plain.heads) <= 1.5 * len(marked.heads):
        return False
    if marked.kind == "container" or marked.usual_length > _LONGEST_CHAPTER:
        return True
    return marked.kind == "title" and plain.kind == "unit" and len(marked.heads) <= 3


def _from_text(
    text: str, body: Body, pages: Sequence[Region], marked: Sequence[Marked], likely: Sequence[Marked]
) -> tuple[Found, Division | None]:
    table = read_lines(text, body.start, body.end, might_be_heading)
    every = find_hits(table)
    found = find_regions(text, outside(every, pages) if pages else every, body)
    listed = [m.hit.start for m in marked if m.listed]
    apart = sorted({m.hit.start for m in (*marked, *likely)})
    regions = with_pages(text, found, pages, listed, apart)
    hits = outside(every, regions)
    story = Body(_story_start(regions, body), body.end)
    divisions = numbered_divisions(hits, story)
    # Looking for titles is the slow part, and nothing beats a word with numbers that covers the book.
    titles = None if has_units(divisions, story) else _titles(text, table, regions, body, story)
    chosen = choose(divisions, titles, story)
    if chosen is None or (regions and len(chosen.heads) == 1 and not chosen.opens_at_one):
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
