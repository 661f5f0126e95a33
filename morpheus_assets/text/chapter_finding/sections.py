"""The fallback for a book without chapters: pieces of like size, cut where paragraphs end."""

from collections.abc import Iterator

SECTION_LENGTH = 20_000
"""Characters of a piece: about a chapter of a nineteenth-century novel."""
_SEARCH = 4_000


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
