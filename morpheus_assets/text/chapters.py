"""A document's chapters: where each begins and ends, and what it is called.

The public face of chapter_finding/. No reading of files (documents.py), no cutting into chunks (chunking.py).
"""

from collections.abc import Iterable

from morpheus_assets.domain.content import Chapter
from morpheus_assets.text.chapter_finding.boilerplate import find_body
from morpheus_assets.text.chapter_finding.finder import find_heads
from morpheus_assets.text.chapter_finding.headings_text import full_title
from morpheus_assets.text.chapter_finding.sections import cut_sections
from morpheus_assets.text.chapter_finding.surroundings import back_range, front_range
from morpheus_assets.text.documents import Document


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
