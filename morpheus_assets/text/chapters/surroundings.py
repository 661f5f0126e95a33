"""Bounds of story-like text around the chapters: prefaces, epilogues, notes."""

import re
from collections.abc import Sequence

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.contents_lists import Region
from morpheus_assets.text.chapters.hits import Hit

_BLOCK = re.compile(r"^[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*", re.MULTILINE)
_SHORTEST_STORY = 600
_NOTES = re.compile(
    r"transcriber|produced by|e-?book|e-?text|proofread|copyright|gutenberg|isbn|electronic", re.IGNORECASE
)


def front_range(
    text: str, body: Body, first: int, regions: Sequence[Region], hits: Sequence[Hit]
) -> tuple[int, int] | None:
    """The story-like text before the first chapter, None where there is only a title page or a contents list."""
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
        return None
    named = [h.start for h in hits if h.matter in ("front", "back") and body.start <= h.start < begin]
    named = [s for s in named if not any(r.start <= s < r.end for r in regions) and begin - s < 3_000]
    return (named[-1] if named else begin), (first if not any(r.start >= last for r in regions) else last)


def back_range(text: str, body: Body, last: int, hits: Sequence[Hit]) -> tuple[int | None, int, int]:
    """(start of the back matter or None, its end, end of the last chapter), for the last chapter's offset."""
    ends = [
        h
        for h in hits
        if h.start > last and h.matter in ("back", "boilerplate", "front", "contents") and h.quality >= 0.7
    ]
    ends = [h for h in ends if (h.before >= 2 or h.quality > 1.0) and h.start - last > _SHORTEST_STORY]
    if not ends:
        return None, body.end, body.end
    story = [h for h in ends if h.matter in ("back", "front")]
    if not story:
        return None, body.end, body.end
    start = story[0].start
    after = [h.start for h in ends if h.start > start and h.matter in ("boilerplate", "contents")]
    stop = after[0] if after else body.end
    if len(text[start:stop].strip()) < 200:
        return None, body.end, body.end
    return start, stop, min(start, ends[0].start)


def _is_story(block: str) -> bool:
    return len(block) > 160 and not _NOTES.search(block[:2_000]) and sum(c in ".,;!?。，、！？" for c in block) >= 2
