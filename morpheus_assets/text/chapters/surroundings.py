"""Pieces around and between the chapters that have names of their own: prefaces, prologues, interludes, epilogues."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.contents_lists import Region
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.matter import NAMED, STORY
from morpheus_assets.text.chapters.words import title_key

_BLOCK = re.compile(r"^[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*", re.MULTILINE)
_SHORTEST_STORY = 600
_SHORTEST_PIECE = 200
_NOTES = re.compile(
    r"tran?s[ck]ri|t[iy]pogr|produced by|e-?book|e-?text|proofread|copyright|gutenberg|isbn|electronic", re.IGNORECASE
)


class Piece(NamedTuple):
    """text[start:end] and the heading that names it, None where nothing does."""

    start: int
    end: int
    heading: Hit | None = None


def with_pieces(text: str, heads: Sequence[Hit], hits: Sequence[Hit], body: Body) -> list[Hit]:
    """The chapters' headings with those of what stands between them: interludes, side stories, another prologue."""
    known = {hit.start for hit in heads}
    gap = min(_usual_gap(heads), 2)
    candidates = [
        hit
        for hit in hits
        if hit.matter in STORY and hit.start not in known and hit.quality >= 0.7 and hit.before >= gap
    ]
    sides = [heads[0].start, heads[-1].start, *(hit.start for hit in candidates if hit.matter == "between")]
    candidates = [hit for hit in candidates if hit.matter == "between" or min(sides) < hit.start < max(sides)]
    edges = sorted([*known, *(hit.start for hit in candidates), body.end])
    kept = [
        hit
        for hit in candidates
        if hit.start >= body.start and edges[bisect_right(edges, hit.start)] - hit.end >= _SHORTEST_STORY
    ]
    return sorted([*heads, *kept], key=lambda hit: hit.start)


def front_pieces(text: str, body: Body, first: int, regions: Sequence[Region], hits: Sequence[Hit]) -> list[Piece]:
    """The story-like text before the first chapter; [] where there is only a title page or a contents list."""
    begin = None
    last = body.start
    amount = 0
    for block in _BLOCK.finditer(text, body.start, first):
        if any(r.start <= block.start() < r.end for r in regions):
            continue
        if _is_story(block.group()):
            begin = block.start() if begin is None else begin
            last = block.end()
            amount += len(block.group())
    if begin is None or amount < _SHORTEST_STORY:
        return []
    named = [h for h in hits if h.matter in NAMED and h.quality >= 0.5 and body.start <= h.start < last]
    named = [h for h in named if not any(r.start <= h.start < r.end for r in regions)]
    before = [h.start for h in named if h.start < begin and begin - h.start < 3_000]
    start = before[-1] if before else begin
    end = first if not any(r.start >= last for r in regions) else last
    return _pieces(text, start, end, named)


def back_pieces(text: str, body: Body, heads: Sequence[Hit], hits: Sequence[Hit]) -> tuple[list[Piece], int]:
    """What follows the last chapter under a name of its own, and the end of the last chapter."""
    last = heads[-1].start
    gap = min(_usual_gap(heads), 2)
    ends = [
        h
        for h in hits
        if h.start - last > _SHORTEST_STORY
        and h.matter in (*NAMED, "boilerplate", "contents")
        and h.quality >= 0.7
        and (h.before >= (gap if _is_name(h) else 2) or h.quality > 1.0)
    ]
    story = [h for h in ends if h.matter in NAMED]
    if not story:
        return [], body.end
    start = story[0].start
    after = [h.start for h in ends if h.start > start and h.matter in ("boilerplate", "contents")]
    stop = after[0] if after else body.end
    if len(text[start:stop].strip()) < _SHORTEST_PIECE:
        return [], body.end
    return _pieces(text, start, stop, story), min(start, ends[0].start)


def _pieces(text: str, start: int, end: int, named: Sequence[Hit]) -> list[Piece]:
    """text[start:end] cut where the named pieces begin, each with its text."""
    inside = [hit for hit in named if start <= hit.start < end]
    edges: list[tuple[int, Hit | None]] = [(hit.start, hit) for hit in inside]
    if not inside or inside[0].start > start:
        edges.insert(0, (start, None))
    pieces: list[Piece] = []
    stop = end
    for begin, hit in reversed(edges):
        if len(text[begin:stop].strip()) >= _SHORTEST_PIECE or begin == start:
            pieces.append(Piece(begin, stop, hit))
            stop = begin
    return pieces[::-1]


def _is_name(hit: Hit) -> bool:
    """True for a heading that stands in no running text as a line of its own, as "NOTE" may."""
    return hit.matter in STORY or (hit.matter == "back" and title_key(hit.text) not in ("note", "notes"))


def _usual_gap(heads: Sequence[Hit]) -> int:
    return sorted(hit.before for hit in heads)[len(heads) // 2]


def _is_story(block: str) -> bool:
    return len(block) > 160 and not _NOTES.search(block[:2_000]) and sum(c in ".,;!?。，、！？" for c in block) >= 2
