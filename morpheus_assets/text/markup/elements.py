"""Meaning of HTML elements: which part paragraphs or lines, which are no text of the story, and their EPUB roles.

Roles come from epub:type, landmarks and ARIA's doc- roles.
"""

import re
from collections.abc import Iterable

from morpheus_assets.text.markup.hidden import hidden_by_style
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

_TITLE_CLASS = re.compile(
    r"(?:chapter|chap|ch|threadmark|episode|section|story|kapitel|chapitre|capitulo|glava)s?"
    r"(?:title|name|heading|head|header|headline|label|number|num|no)?\d{0,2}|(?:title|heading|head|headline)\d{0,2}"
)
_BOLD = frozenset(_words("b strong"))
_BOLD_CLASS = frozenset(_words("bold b strong"))

_CHAPTER = frozenset(_words("chapter prologue epilogue conclusion"))
_PART = frozenset(_words("part volume division"))
_FRONT = frozenset(
    _words(
        "cover titlepage halftitlepage halftitle title-page imprint copyright-page dedication epigraph foreword "
        "introduction preface preamble acknowledgments toc contents landmarks lot loi frontmatter seriespage "
        "front-matter contributors other-credits errata"
    )
)
_BACK = frozenset(
    _words(
        "colophon uncopyright endnotes rearnotes footnotes bibliography index glossary appendix afterword backmatter "
        "appendices endnote credits answers keywords"
    )
)


def is_unwanted(piece: Piece, attributes: dict[str, str]) -> bool:
    """True if what an element holds is left out: scripts, navigation, note and page numbers, hidden things."""
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
        or (name == "dialog" and "open" not in attributes)
        or ("style" in attributes and hidden_by_style(attributes["style"]) is True)
    )


def names_title(attributes: dict[str, str]) -> bool:
    """True if an element's class says that it holds a chapter's title ("chapter-title", "threadmarkLabel")."""
    classes = attributes.get("class", "").lower().split()
    return any(_TITLE_CLASS.fullmatch(name.replace("-", "").replace("_", "")) for name in classes)


def is_bold(name: str, attributes: dict[str, str]) -> bool:
    """True if an element prints what it holds in bold."""
    if name in _BOLD:
        return True
    if not attributes:
        return False
    style = attributes.get("style", "").replace(" ", "").lower()
    return "font-weight:bold" in style or not _BOLD_CLASS.isdisjoint(attributes.get("class", "").lower().split())


def role_of(types: Iterable[str]) -> str:
    """ "chapter", "part", "front", "back" or "", from epub:type values, the innermost first.

    The generic frontmatter and backmatter of a whole file count only when nothing nearer speaks.
    """
    for value in types:
        words = {word.lower().rsplit(":", 1)[-1] for word in value.split()}
        if words & _CHAPTER:
            return "chapter"
        if words & _PART:
            return "part"
        if words & _FRONT:
            return "front"
        if words & _BACK:
            return "back"
    return ""
