"""How many chapters a novel's own table of contents names: what the chapters that were found are compared with."""

from collections.abc import Iterable

from morpheus_assets.text.chapters.boilerplate import find_body
from morpheus_assets.text.chapters.find import find_heads
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hits import find_hits
from morpheus_assets.text.chapters.lines import read_lines
from morpheus_assets.text.documents import Document


def listed_chapters(document: Document) -> int | None:
    """The numbered chapters that the contents of a file, or else a list printed in the text, name.

    None where there is no such list, or one without numbers: titles alone do not tell chapters from other entries.
    Looking for a printed list takes as long as finding the chapters.
    """
    titles = [hint.text for hint in document.hints if hint.source == "epub-toc"]
    if titles:
        return numbered(titles) or None
    found = find_heads(document, find_body(document.text))
    lists = [document.text[region.start : region.end].splitlines() for region in found.regions]
    return max(map(numbered, lists), default=0) or None


def numbered(titles: Iterable[str]) -> int:
    """How many of some headings are chapters with a number."""
    text = "\n\n\n".join(" ".join(title.split()) for title in titles)
    hits = find_hits(read_lines(text, 0, len(text), lambda line: True))
    return sum(hit.parsed is not None and hit.parsed.unit not in CONTAINERS for hit in hits)
