"""Short lines of a text that could be headings, with the blank lines around them; grammar.py reads their words."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_HEADING = 500
_LONGEST_LOOK = 700
_LONG_LINE = "x" * _LONGEST_LOOK
_MARGIN = " \t\r\f\v\u00a0\u3000\u200b\ufeff\u2028\u2029\u2003\u2002"
_ANNOTATION = re.compile(r"［＃[^］]*］|《[^》]*》(?<=[ぁ-んァ-ヶー]》)|｜")
_BRACKETED = re.compile(r"[【〖《]([^【】〖〗《》\n]{1,20})[】〗》]")
_SURROUND = "#=*_~|•·<>[({【〖『「◆◇■□●○★☆▼▲※†+✦❖"
_SURROUND_END = "#=*_~|•·<>])}】〗』」◆◇■□●○★☆▼▲※†+✦❖"
_DASHES = "-–—―"
_FORUM_TAG = re.compile(
    r"\[/?(?:b|i|u|s|h\d?|center|centre|left|right|size|color|colour|font|heading|title|bold|url|anchor|indent)"
    r"(?:=[^\]\n]{0,80})?\]",
    re.IGNORECASE,
)
_WHOLE_LINE = re.compile(
    r"(?:\[(?:b|h\d?|u|center|centre|size|heading|title|bold)\b[^\]\n]{0,80}\]){1,4}[^\[\]\n]+(?:\[/\w+\]){1,4}"
    r"|\*\*(?!\*)[^*\n]+\*\*:?|__[^_\n]+__|(={1,6}) ?[^=\n]+ ?\1|#{1,3} [^#\n]+#*",
    re.IGNORECASE,
)
_PAIRS = {"(": ")", "[": "]", "{": "}", "「": "」", "『": "』", "【": "】", "〖": "〗"}


class ShortLine(NamedTuple):
    """A line of at most LONGEST_HEADING characters; `text` is stripped, `before`/`after` count blank lines."""

    start: int
    end: int
    text: str
    before: int
    after: int
    indent: int


@dataclass(frozen=True, slots=True)
class LineTable:
    """The short lines in order, and how this text separates its paragraphs.

    `usual_gap` is the commonest number of blank lines between blocks of text, 0 where blank lines are hardly used.
    """

    lines: list[ShortLine]
    usual_gap: int


def read_lines(text: str, start: int, end: int, keep_inner: Callable[[str], bool]) -> LineTable:
    """The short lines of text[start:end] that begin or end a block, or that `keep_inner` accepts.

    In a text without blank lines every short line is kept. One pass; long lines are never copied.
    """
    table = _read(text, start, end, keep_inner)
    return table if table.usual_gap else _read(text, start, end, lambda body: True)


def _read(text: str, start: int, end: int, keep_inner: Callable[[str], bool]) -> LineTable:
    lines: list[ShortLine] = []
    gaps: Counter[int] = Counter()
    pending: tuple[int, int, str, int, int] | None = None
    blanks, position, filled = 9, start, 0
    while position < end:
        stop = text.find("\n", position, end)
        if stop == position:
            # Half of the lines of many texts.
            blanks += 1
            position += 1
            continue
        stop = end if stop < 0 else stop
        body = text[position:stop].strip(_MARGIN) if stop - position <= _LONGEST_LOOK else _LONG_LINE
        if not body:
            blanks += 2 if "\f" in text[position:stop] else 1
        else:
            filled += 1
            gaps[blanks] += 1
            if pending is not None and (blanks or pending[3] or keep_inner(pending[2])):
                lines.append(ShortLine(*pending[:4], blanks, pending[4]))
            pending = None
            if len(body) <= LONGEST_HEADING:
                lead = text[position : text.index(body[0], position)] if text[position] != body[0] else ""
                pending = (position, stop, body, blanks + (2 if "\f" in lead else 0), len(lead))
            blanks = 0
        position = stop + 1
    if pending is not None:
        lines.append(ShortLine(*pending[:4], 9, pending[4]))
    separate = {gap: count for gap, count in gaps.items() if gap and count > 1}
    usual = max(separate, key=lambda gap: separate[gap], default=0)
    return LineTable(lines, usual if sum(separate.values()) > filled * 0.02 else 0)


def is_decorated(line: str) -> bool:
    """True if forum tags or marks of Markdown that headings have enclose the whole line."""
    return _WHOLE_LINE.fullmatch(line.strip(_MARGIN)) is not None


def clean(text: str) -> str:
    """A line without the marks that only decorate a heading: markup, forum tags, rules, stars, Aozora notes."""
    if "[" in text:
        text = _FORUM_TAG.sub("", text)
    if "［" in text or "《" in text:
        text = _ANNOTATION.sub("", text)
    text = text.strip(_MARGIN)
    bracketed = _BRACKETED.match(text)
    if bracketed:
        text = f"{bracketed.group(1)} {text[bracketed.end() :].lstrip(_MARGIN)}".rstrip()
    while text:
        first, last = text[0], text[-1]
        if first in _DASHES and last in _DASHES and len(text) > 2:
            text = text.strip(_DASHES + _MARGIN)
        elif first in _PAIRS and _PAIRS[first] in text[1:-1]:
            break
        elif first in _SURROUND and not (first == "#" and text[1:2].isdecimal()):
            text = text[1:].lstrip(_MARGIN)
        elif last in _SURROUND_END and not (
            last in ")]}」』】" and any(o in text for o, c in _PAIRS.items() if c == last)
        ):
            text = text[:-1].rstrip(_MARGIN)
        else:
            break
    return text
