"""Cuts HTML or XHTML source into tags and text, in one pass, with the offset of each in the source.

A tokenizer and no tree: a tree parser gives no source offsets, and one (lexbor) took 12 s for 100,000 nested
elements, growing with their square.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

_TAG = re.compile(
    r"<!--.*?-->|<!\[CDATA\[(?P<cdata>.*?)\]\]>|<[!?][^>]*>"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*)(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>",
    re.S,
)
# For markup with an unpaired quote or an unclosed comment, where the pattern above fails at every tag.
_LOOSE_TAG = re.compile(r"<(?:[!?][^>]*|(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*)(?P<attributes>[^>]*))>")
_LONG_TAG = 500
_START = re.compile(r"<(?:[A-Za-z/!?])")
_ATTRIBUTE = re.compile(r"([^\s=\"'/>]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_RAW_TEXT = frozenset(("script", "style", "title", "textarea", "xmp", "noembed", "noframes"))
# Formulas and drawings: a page of them has twenty tags for each word of the story.
_OPAQUE = frozenset(("math", "svg"))
_RAW = _RAW_TEXT | _OPAQUE


@dataclass(slots=True)
class Piece:
    """A run of text (`name` is "") or one tag, from `start` to `end` in the source."""

    start: int
    end: int
    name: str = ""
    closing: bool = False
    empty: bool = False
    raw: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """Names in lower case; values with entities resolved; the first of a repeated name counts."""
        found: dict[str, str] = {}
        for name, double, single, bare in _ATTRIBUTE.findall(self.raw):
            found.setdefault(name.lower(), unescape(double or single or bare))
        return found


def pieces(source: str) -> Iterator[Piece]:
    """All tags and texts of `source` in order; `raw` of a text still holds its entities."""
    position, last_close = 0, source.rfind(">")
    unclosed: set[str] = set()
    pattern = _TAG
    while True:
        found = _START.search(source, position) if position <= last_close else None
        if found is None:
            break
        tag = pattern.match(source, found.start())
        if tag is None and pattern is _TAG:
            pattern = _LOOSE_TAG
            tag = pattern.match(source, found.start())
        if tag is not None and tag.end() - tag.start() > _LONG_TAG and tag["name"] and "<" in tag["attributes"]:
            # A quote that is never closed ends at the next one: once that took two chapters of a novel with it.
            tag = _LOOSE_TAG.match(source, found.start())
        if tag is None:
            yield Piece(position, found.end(), raw=source[position : found.end()])
            position = found.end()
            continue
        start = found.start()
        if start > position:
            yield Piece(position, start, "", False, False, source[position:start])
        position = tag.end()
        close, written, attributes = tag.group("close", "name", "attributes")
        if written:
            empty = attributes.endswith("/") or written.endswith("/")
            piece = Piece(start, position, element_name(written), bool(close), empty, attributes)
            yield piece
            if piece.name in _RAW and not piece.closing and not piece.empty and piece.name not in unclosed:
                end = _end_of(piece.name, written, source, position)
                if end is None:
                    unclosed.add(piece.name)
                else:
                    yield Piece(position, end.start(), raw=source[position : end.start()])
                    position = end.start()
        elif pattern is _TAG and tag["cdata"] is not None:
            yield Piece(tag.start("cdata"), tag.end("cdata"), raw=tag["cdata"].replace("&", "&amp;"))
    if position < len(source):
        yield Piece(position, len(source), raw=source[position:])


@lru_cache(maxsize=4096)
def element_name(written: str) -> str:
    """The element that a tag's name stands for: formulas and drawings may have a prefix (`m:math`)."""
    name = written.lower()
    plain = name.rpartition(":")[2] if ":" in name else name
    return plain if plain in _OPAQUE else name


def _end_of(name: str, written: str, source: str, position: int) -> re.Match[str] | None:
    """The closing tag of an element whose inside is no markup of the story; formulas may hold each other."""
    depth = 1
    for found in _tags_of(written).finditer(source, position):
        if found[1]:
            depth -= 1
        elif name in _OPAQUE and not _is_empty(source, found.start()):
            depth += 1
        if not depth:
            return found
    return None


@lru_cache(maxsize=64)
def _tags_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?){re.escape(name)}[\s/>]", re.IGNORECASE)


def _is_empty(source: str, start: int) -> bool:
    return source[source.find(">", start) - 1] == "/"
