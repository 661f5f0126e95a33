"""Which HTML elements part paragraphs or lines, which are no text of the story, and which hold an EPUB's types."""

import re

from morpheus_assets.text.markup.tags import Piece

_words = str.split

HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
PARAGRAPHS = frozenset(
    _words(
        "p div section article main header footer aside blockquote figure figcaption pre ul ol dl table hgroup hr body "
        "form fieldset center address details summary caption html head"
    )
) | frozenset(HEADINGS)
LINES = frozenset(_words("li dt dd tr option"))
_SKIPPED = frozenset(
    _words(
        "script style title template noscript svg math nav iframe object audio video select button rt rp "
        "textarea map canvas datalist"
    )
)
_VOID = frozenset(_words("area base br col embed hr img input link meta param source track wbr"))
SECTIONS = frozenset(_words("section article div body aside header"))
_PAGE_NUMBER = re.compile(r"\b(?:pagenum|pageno|page-?number)\w*\b", re.I)


def is_unwanted(piece: Piece, attributes: dict[str, str]) -> bool:
    """Whether what an element holds is left out: scripts, navigation, note and page numbers, hidden things."""
    name = piece.name
    if piece.empty or name in _VOID:
        return False
    types = attributes.get("epub:type", "").split()
    return (
        name in _SKIPPED
        or "hidden" in attributes
        or "noteref" in types
        or "pagebreak" in types
        or attributes.get("role") in ("doc-noteref", "doc-pagebreak")
        or (name in ("span", "a", "p", "div") and _PAGE_NUMBER.search(attributes.get("class", "")) is not None)
        or "display:none" in attributes.get("style", "").replace(" ", "")
    )
