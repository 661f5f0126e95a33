"""Makes plain text of markup: paragraphs apart by a blank line, headings and anchors noted with both offsets.

Knows HTML's elements and EPUB's types; reads no files and makes no Document.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape

from morpheus_assets.text.cleaning import clean
from morpheus_assets.text.markup.elements import (
    HEADINGS,
    LINES,
    PARAGRAPHS,
    SECTIONS,
    is_bold,
    is_unwanted,
    names_title,
    role_of,
)
from morpheus_assets.text.markup.hidden import HiddenStyles, is_page_list
from morpheus_assets.text.markup.tags import Piece, element_name, pieces

_SPACE = re.compile(r"[ \t\n\r\f]+")
_NOTE_MARK = re.compile(r"^[\[(]?[\d*†‡§¶]{1,4}[\])]?$")
_CLOSING = re.compile(r"</([A-Za-z][^\s>]*)")
_INDENT, _JOIN = 200, 32
_TRIES, _AFTER_NAME = 20, frozenset(("", " ", "\t", "\n", ">", "/"))
_MAX_OPEN_SECTIONS, _MAX_METAS = 500, 200
_TITLE_HOLDERS = frozenset(("p", "div", "span", "strong", "b", "font", "header", "center", "td", "dt"))
_LONGEST_TITLE = 160
# A forum prints "Threadmarks:" before the title, in the same line.
_LABEL = re.compile(r"(?:^|\n)[^\n]{0,3}threadmarks?[^\n]{0,12}$", re.IGNORECASE)
NAMED_TITLE, BOLD_LINE = 7, 8
"""Levels below h6: an element whose class says that it is a title, and a paragraph that is bold as a whole."""
_MOST_HIDDEN = 0.25


@dataclass
class Heading:
    """An h1-h6 or what stands like one (levels NAMED_TITLE, BOLD_LINE): where its text begins in the flattened text
    and its tag in the source, and its EPUB role."""

    char_offset: int
    source_offset: int
    level: int
    role: str
    text: str = ""


@dataclass
class FlatText:
    """The text of one source file with its headings, its ids' offsets and origin anchors."""

    text: str = ""
    headings: list[Heading] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    anchors: list[tuple[int, int]] = field(default_factory=list)
    sections: list[tuple[int, str]] = field(default_factory=list)
    title: str | None = None
    language: str | None = None
    metas: list[dict[str, str]] = field(default_factory=list)
    links: int = 0
    linked: int = 0
    """Links to other places, and the characters in them: a contents page is little else."""
    repairs: tuple[str, ...] = ()


@dataclass
class _Section:
    name: str
    role: str
    named: bool = False


def flatten(source: str, sheets: Iterable[str] = ()) -> FlatText:
    """Flatten LF-normalised markup; `sheets` are style sheets beside the page's own `<style>`, for what they hide.

    Time and memory grow with the source's length only.
    """
    flattener = _Flattener(source, HiddenStyles(sheets))
    flat = flattener.run()
    if flattener.hidden_chars > _MOST_HIDDEN * (flattener.hidden_chars + len(flat.text)):
        # A sheet that hides the story itself waits for a script that shows it, page by page.
        flat = _Flattener(source, None).run()
    return flat


class _Flattener:
    def __init__(self, source: str, styles: HiddenStyles | None) -> None:
        self.source = source
        self.styles = styles
        self.hidden_chars = 0
        self.hidden_depth = 0
        self.flat = FlatText()
        self.out: list[str] = []
        self.length = 0
        self.breaks = 2
        self.space = False
        self.skip: list[str] = []
        self.pre = 0
        self.sup_start: tuple[int, int] | None = None
        self.open_sections: list[_Section] = []
        self.heading: Heading | None = None
        self.pending_ids: list[str] = []
        self.pending_source: int | None = None
        self.pending_sections: list[str] = []
        self.pending_heading: Heading | None = None
        self.last_closing: dict[str, int] = {}
        self.all_closings: dict[str, int] = {}
        self.cleaned = False
        self.open_bold: list[str] = []
        self.block_start: tuple[int, int] | None = None
        self.block_bold = False
        self.named_titles: list[tuple[str, int, int]] = []
        self.link_start: int | None = None

    def run(self) -> FlatText:
        for piece in pieces(self.source):
            if not piece.name:
                self._text(piece)
            elif piece.closing:
                self._close(piece.name)
            else:
                self._open(piece)
        self._end_heading()
        self._end_block()
        for name in self.pending_ids:
            self.flat.ids.setdefault(name, self.length)
        self.flat.text = "".join(self.out)
        self.flat.repairs = clean(self.source)[1] if self.cleaned else ()
        return self.flat

    def _open(self, piece: Piece) -> None:
        name = piece.name
        if name == "meta" and len(self.flat.metas) < _MAX_METAS:
            self.flat.metas.append(piece.attributes)
        elif name == "html" and self.flat.language is None:
            self.flat.language = piece.attributes.get("lang") or piece.attributes.get("xml:lang")
        if self.skip:
            if name == self.skip[-1] and not piece.empty:
                self.skip.append(name)
            return
        attributes = piece.attributes if len(piece.raw) > 1 else {}
        for key in ("id", "name"):
            if key in attributes and (key == "id" or name == "a"):
                self.pending_ids.append(attributes[key])
        if self._is_hidden(piece, attributes) and self._closes_later(piece):
            self.skip.append(name)
            return
        if name == "br":
            self._line_break()
        elif name == "img":
            alt = attributes.get("alt", "").strip()
            if alt and (self.heading is not None or (len(alt) == 1 and alt.isalpha())):
                self._write(alt, piece.start)
        elif name in PARAGRAPHS:
            self._paragraph_break(2)
            if self.pending_source is None:
                self.pending_source = piece.start
        elif name in LINES:
            self._paragraph_break(1)
        elif name in ("td", "th"):
            self.space = True
        elif name == "sup":
            self.sup_start = (len(self.out), self.length)
        if piece.empty:
            return
        if name == "a" and "href" in attributes:
            self.link_start = self.length
        if name == "p" and self.named_titles and self.named_titles[-1][0] == "p":
            self._end_named_title()
        if is_bold(name, attributes):
            self.open_bold.append(name)
        if name in _TITLE_HOLDERS and attributes and len(self.named_titles) < _JOIN and names_title(attributes):
            self.named_titles.append((name, self.length, piece.start))
        if name == "pre":
            self.pre += 1
        if name in SECTIONS and len(self.open_sections) < _MAX_OPEN_SECTIONS:
            types = attributes.get("epub:type", "") + " " + attributes.get("role", "").replace("doc-", "")
            role = role_of([types])
            if role == "front" and any(outer.role == "back" for outer in self.open_sections):
                role = "back"
            self.open_sections.append(_Section(name, role))
            if role:
                self.pending_sections.append(role)
        if name in HEADINGS:
            self._start_heading(piece, attributes)

    def _is_hidden(self, piece: Piece, attributes: dict[str, str]) -> bool:
        self.hidden_depth = 0
        if not attributes or piece.empty:
            return is_unwanted(piece, attributes)
        if self.styles and self.styles.hide(piece.name, attributes):
            self.hidden_depth = 1
            return True
        if "aria-hidden" in attributes and is_page_list(piece, attributes, self.source):
            return True
        return is_unwanted(piece, attributes)

    def _closes_later(self, piece: Piece) -> bool:
        """An element that is never closed is not skipped: it would take the rest of the book with it."""
        if piece.name not in self.last_closing:
            self.last_closing[piece.name] = self._last_closing(piece.name)
        return self.last_closing[piece.name] >= piece.end

    def _last_closing(self, name: str) -> int:
        at = len(self.source)
        # Looked for one by one, until there are so many names that all are better found at once.
        for _ in range(_TRIES if len(self.last_closing) < _TRIES and not self.all_closings else 0):
            at = self.source.rfind(f"</{name}", 0, at)
            if at < 0:
                break
            if self.source[at + len(name) + 2 : at + len(name) + 3] in _AFTER_NAME:
                return at
        if not self.all_closings:
            self.all_closings = {element_name(found[1]): found.start() for found in _CLOSING.finditer(self.source)}
            self.all_closings.setdefault("", -1)
        return self.all_closings.get(name, -1)

    def _close(self, name: str) -> None:
        if self.skip:
            if name == self.skip[-1]:
                self.skip.pop()
            return
        if name in HEADINGS:
            self._end_heading()
        if name == "p":
            self.open_bold.clear()
        elif self.open_bold and name == self.open_bold[-1]:
            self.open_bold.pop()
        if self.named_titles and name == self.named_titles[-1][0]:
            self._end_named_title()
        if name in PARAGRAPHS:
            self._paragraph_break(2)
        elif name in LINES:
            self._paragraph_break(1)
        elif name == "br":
            self._line_break()
        elif name == "a" and self.link_start is not None:
            self.flat.links += self.length > self.link_start
            self.flat.linked += self.length - self.link_start
            self.link_start = None
        elif name == "sup" and self.sup_start is not None:
            self._drop_note_mark()
        if name == "pre" and self.pre:
            self.pre -= 1
        if name in SECTIONS:
            for back in range(1, min(len(self.open_sections), 32) + 1):
                if self.open_sections[-back].name == name:
                    del self.open_sections[-back:]
                    break

    def _start_heading(self, piece: Piece, attributes: dict[str, str]) -> None:
        self._end_heading()
        role = role_of([attributes.get("epub:type", "")]) or self._section_role()
        before = self.source[max(0, piece.start - _INDENT) : piece.start]
        start = piece.start
        if not before.rpartition("\n")[2].strip(" \t") and len(before.rpartition("\n")[2]) < _INDENT:
            start -= len(before.rpartition("\n")[2])
        self.heading = Heading(-1, start, HEADINGS[piece.name], role)
        self.pending_source = start

    def _section_role(self) -> str:
        """The nearest section's role; "chapter" and "part" belong to the first heading in it alone."""
        for section in reversed(self.open_sections):
            if section.role in ("chapter", "part"):
                role = "" if section.named else section.role
                section.named = True
                return role
            if section.role:
                return section.role
        return ""

    def _end_heading(self) -> None:
        heading, self.heading = self.heading, None
        if heading is not None and heading.char_offset >= 0:
            heading.text = " ".join(self._since(heading.char_offset).split())
            self.flat.headings.append(heading)

    def _end_named_title(self) -> None:
        """A title that is a paragraph of its own; an element of that class that holds a whole chapter is none."""
        _, before, source = self.named_titles.pop()
        if self.heading is not None or self.length - before > _LONGEST_TITLE + 2:
            return
        text = self._since(before)
        lead = len(text) - len(text.lstrip("\n "))
        begins = not before or text.startswith("\n") or _LABEL.search(self._since(max(0, before - _JOIN))[: -len(text)])
        if text[lead:] and begins and "\n\n" not in text[lead:]:
            self._add_title(before + lead, source, NAMED_TITLE)

    def _end_block(self) -> None:
        start, bold = self.block_start, self.block_bold
        self.block_start = None
        if start is not None and bold and self.heading is None:
            self._add_title(*start, BOLD_LINE)

    def _add_title(self, start: int, source: int, level: int) -> None:
        if not 0 < self.length - start <= _LONGEST_TITLE:
            return
        if self.flat.headings and self.flat.headings[-1].char_offset >= start:
            return
        text = " ".join(self._since(start).split())
        if any(character.isalnum() for character in text):
            self.flat.headings.append(Heading(start, source, level, "", text))

    def _since(self, offset: int) -> str:
        tail: list[str] = []
        remaining = self.length - offset
        for part in reversed(self.out):
            if remaining <= 0:
                break
            tail.append(part)
            remaining -= len(part)
        return "".join(reversed(tail))

    def _drop_note_mark(self) -> None:
        at, length = self.sup_start or (0, 0)
        self.sup_start = None
        if not _NOTE_MARK.match("".join(self.out[at:]).strip(" ")):
            return
        del self.out[at:]
        self.length = length
        while self.flat.anchors and self.flat.anchors[-1][0] >= length:
            self.flat.anchors.pop()
        if self.heading is not None and self.heading.char_offset >= length:
            self.heading.char_offset = -1

    def _line_break(self) -> None:
        if self.length:
            self.breaks = min(self.breaks + 1, 2)
            if self.breaks == 2:
                self._end_block()
        self.space = False

    def _paragraph_break(self, lines: int) -> None:
        if lines == 2 and self.block_start is not None:
            self._end_block()
        self.breaks = max(self.breaks, lines)
        self.space = False

    def _text(self, piece: Piece) -> None:
        if self.skip:
            if self.hidden_depth:
                self.hidden_chars += len(piece.raw.strip())
            if self.skip[-1] == "style" and self.styles is not None:
                self.styles.read(piece.raw)
            if self.skip[-1] == "title" and self.flat.title is None:
                self.flat.title = " ".join(unescape(piece.raw).split()) or None
            return
        text = _resolved(piece.raw)
        if self.pre:
            self._write(text if self.length else text.lstrip("\n "), piece.start)
            return
        if not text.isprintable() or "  " in text:
            text = _SPACE.sub(" ", text)
        if text.startswith(" "):
            self.space = True
        body = text.strip(" ")
        if not body:
            return
        lead = len(piece.raw) - len(piece.raw.lstrip(" \t\n\r\f"))
        self._write(body, piece.start + lead)
        self.space = text.endswith(" ")

    def _write(self, text: str, source_offset: int) -> None:
        if not (text.isascii() and text.isprintable()):
            text, repairs = clean(text)
            self.cleaned = self.cleaned or bool(repairs)
            if not text:
                return
        if self.length and self.breaks:
            self._append("\n" * self.breaks)
        elif self.space and self.length:
            self._append(" ")
        self.breaks, self.space = 0, False
        at = self.length
        for name in self.pending_ids:
            self.flat.ids.setdefault(name, at)
        self.pending_ids.clear()
        self.flat.sections.extend((at, role) for role in self.pending_sections)
        self.pending_sections.clear()
        if self.heading is not None and self.heading.char_offset < 0:
            self.heading.char_offset = at
        origin = source_offset if self.pending_source is None else self.pending_source
        self.pending_source = None
        if self.block_start is None:
            self.block_start, self.block_bold = (at, origin), True
        self.block_bold = self.block_bold and bool(self.open_bold)
        self.flat.anchors.append((at, origin))
        self._append(text)

    def _append(self, text: str) -> None:
        """Add to the text; a combining mark in an element of its own still joins the letter before it."""
        if self.out and not text[0].isascii():
            tail = self.out[-1][-_JOIN:]
            if not unicodedata.is_normalized("NFC", tail + text):
                self.out[-1] = self.out[-1][:-_JOIN]
                self.length -= len(tail)
                text = unicodedata.normalize("NFC", tail + text)
        self.out.append(text)
        self.length += len(text)


def _resolved(raw: str) -> str:
    if "&" not in raw:
        return raw
    try:
        return unescape(raw)
    except ValueError:  # a number of thousands of digits
        return raw
