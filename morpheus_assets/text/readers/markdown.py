"""Markdown (CommonMark): headings of both styles as hints, inline marks dropped, HTML inside it flattened."""

import re
from dataclasses import dataclass, field
from typing import Any

from morpheus_assets.text.cleaning import clean
from morpheus_assets.text.documents import Document, HeadingHint, OriginMap, SourcePart
from morpheus_assets.text.encoding.decoding import Decoded
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.markup.flattening import BOLD_LINE, flatten
from morpheus_assets.text.readers.gutenberg import gutenberg_header

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*\n", re.S)
_TITLE_BLOCK = re.compile(r"\A(?:%[ \t]*\S[^\n]*\n(?:[ \t]+\S[^\n]*\n)*){1,3}")
_TITLE_LINE = re.compile(r"^%[ \t]*([^\n]*(?:\n[ \t]+\S[^\n]*)*)", re.M)
_ATTRIBUTES = re.compile(r"[ \t]*\{(?:[ \t]*(?:[#.][^\s{}]+|[\w-]+=(?:\"[^\"{}\n]*\"|[^\s{}]+)|-))+[ \t]*\}[ \t]*$")
_FIELD = re.compile(r"^(title|author|lang|language):[ \t]*(\S.*)$", re.M | re.I)
_LABEL = re.compile(r"(Title|Author):\s*(\S.*)")
# What markdown-it allows inside each other; deeper quotes and lists are read as plain paragraphs.
_MAX_NESTING = 40
_LONGEST_BOLD = 160


@dataclass
class _Output:
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    anchors: list[tuple[int, int, int]] = field(default_factory=list)
    hints: list[HeadingHint] = field(default_factory=list)

    def block(self, text: str, source_offset: int, separator: str = "\n\n") -> int | None:
        text = clean(text)[0].strip()
        if not text:
            return None
        if self.length:
            self.pieces.append(separator)
            self.length += len(separator)
        at = self.length
        self.anchors.append((at, 0, source_offset))
        self.pieces.append(text)
        self.length += len(text)
        return at


def read_markdown(decoded: Decoded) -> Document:
    """A Markdown file as a document; a heading's source position is the start of its line."""
    from markdown_it import MarkdownIt

    source = decoded.text
    part = SourcePart.of(source)
    matter = _FRONT_MATTER.match(source)
    fields = {k.lower(): v.strip(" \"'") for k, v in _FIELD.findall(matter.group(1))} if matter else {}
    block = _TITLE_BLOCK.match(source)
    if matter is None and block is not None:
        matter, fields = block, _pandoc_fields(block.group())
    body_line = source.count("\n", 0, matter.end()) if matter else 0
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable("table").disable(["code", "autolink"])
    if _is_hostile(source):
        parser.disable(["link", "image", "emphasis", "backticks", "html_inline", "entity"])
    tokens = parser.parse(source[matter.end() :] if matter else source)
    # In a book whose headings begin with #, a line over ---- is prose over a rule.
    with_marks = sum(token.type == "heading_open" and token.markup.startswith("#") for token in tokens) > 2
    output = _Output()
    level = 0
    starts = part.line_starts
    line = 0
    for token in tokens:
        if token.map:
            line = min(token.map[0] + body_line, len(starts) - 1)
        if token.type == "heading_open":
            level = int(token.tag[1]) if token.markup.startswith("#") or not with_marks else 0
        elif token.type == "heading_close":
            level = 0
        elif token.type == "inline":
            words = _inline_text(token)
            at = output.block(_ATTRIBUTES.sub("", words) if level else words, starts[line])
            standing = level or (BOLD_LINE if _is_bold_line(token) else 0)
            if standing and at is not None:
                output.hints.append(HeadingHint(at, standing, " ".join(output.pieces[-1].split()), "markdown"))
        elif token.type == "fence":
            output.block(token.content, starts[line])
        elif token.type == "html_block":
            _html_block(token.content, starts[line], output)
    text = "".join(output.pieces)
    header = gutenberg_header(text)
    labelled = [found for hint in output.hints[:6] if (found := _LABEL.match(hint.text))]
    named = {found[1]: found[2] for found in reversed(labelled)}
    first = next((hint.text for hint in output.hints if hint.level == 1), None)
    return Document(
        text,
        "md",
        decoded.encoding,
        (*decoded.repairs, *clean(source)[1]),
        language_of(text, fields.get("lang") or fields.get("language") or header.language),
        fields.get("title") or header.title or named.get("Title") or first,
        fields.get("author") or header.author or named.get("Author"),
        tuple(output.hints),
        OriginMap.of((part,), output.anchors),
    )


def _is_hostile(source: str) -> bool:
    """A paragraph on whose marks markdown-it would spend minutes (100,000 open brackets: time squared)."""
    return any(
        block.count("[") > 1000 or block.count("*") + block.count("_") + block.count("`") > 10_000
        for block in source.split("\n\n")
        if len(block) > 1000
    )


def _pandoc_fields(block: str) -> dict[str, str]:
    """Title and author of Pandoc's title block, which begins its lines with "%"."""
    lines = [" ".join(line.split()) for line in _TITLE_LINE.findall(block)]
    return {name: line for name, line in zip(("title", "author"), lines, strict=False) if line}


def _is_bold_line(token: Any) -> bool:
    """True for a paragraph of one short line that is bold from end to end."""
    kinds = [
        child.type
        for child in token.children or ()
        if not child.type.startswith("em_") and (child.type != "text" or child.content.strip())
    ]
    whole = kinds[:1] == ["strong_open"] and kinds[-1:] == ["strong_close"] and kinds.count("strong_open") == 1
    return whole and len(token.content) <= _LONGEST_BOLD and "softbreak" not in kinds


def _inline_text(token: Any) -> str:
    pieces = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "text_special"):
            pieces.append(child.content)
        elif child.type in ("softbreak", "hardbreak") or (child.type == "html_inline" and child.content[:3] == "<br"):
            pieces.append("\n")
    return "".join(pieces)


def _html_block(markup: str, source_offset: int, output: _Output) -> None:
    flat = flatten(markup)
    at = output.block(flat.text, source_offset)
    if at is None:
        return
    output.anchors.extend((at + here, 0, source_offset + there) for here, there in flat.anchors)
    for heading in flat.headings:
        output.hints.append(
            HeadingHint(at + heading.char_offset, heading.level, heading.text, "markdown", heading.role)
        )
