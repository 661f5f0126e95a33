"""Program that reads one PDF with PDFium, in a process and under limits of its own: bytes in, one JSON object out.

A PDF of 4 kB can make PDFium fill gigabytes, or crash. Run by pdf.py as a file, so it imports nothing of the package.
"""

import contextlib
import json
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

_GAP, _EXACT_GAP, _INDENT, _DEEPEST = 1.35, 1.12, 4.0, 60.0
# PDFium's marks for a hyphen at the end of a line, behind which it goes on with the word.
_MARK = re.compile("[\x02\ufffe]")
_PART = re.compile("[^\n\x02\ufffe]+[\x02\ufffe]?")
_WORD = re.compile(r"\S+")
_ASKED = 40
_SENTENCE_END = '.!?…”"’»。！？」』'
_SAME_LINE, _SPACE = 0.6, 0.12


def main(most_bytes: int, most_pages: int, most_chars: int, seconds: float) -> dict[str, Any]:
    """The object for the PDF on stdin: `pages` (lists of lines), `title`, `author`, `bookmarks` or `refused`."""
    import resource

    import pypdfium2

    with contextlib.suppress(ValueError, OSError):  # systems that know no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    try:
        pdf = pypdfium2.PdfDocument(sys.stdin.buffer.read())
    except pypdfium2.PdfiumError as problem:
        return {"refused": "password" if "password" in str(problem).lower() else "damaged"}
    if len(pdf) > most_pages:
        return {"refused": "pages"}
    deadline = time.monotonic() + seconds
    pages, chars = [], 0
    for number in range(len(pdf)):
        lines = list(_lines(pdf, number))
        pages.append(lines)
        chars += sum(map(len, lines))
        if chars > most_chars:
            return {"refused": "chars"}
        if time.monotonic() > deadline:
            return {"refused": "seconds"}
    found = pdf.get_metadata_dict()
    return {
        "pages": pages,
        "title": found.get("Title") or None,
        "author": found.get("Author") or None,
        "bookmarks": list(_bookmarks(pdf)),
    }


def _lines(pdf: Any, number: int) -> Iterator[str]:
    """Lines of a page, with an empty one where the page parts paragraphs by room or by an indent."""
    page = pdf[number]
    textpage = page.get_textpage()
    try:
        found: list[_Line] = []
        for piece in _Letters(textpage).pieces():
            if found and found[-1].goes_on_with(piece):
                found[-1] = found[-1].joined(piece)
            else:
                found.append(piece)
    finally:
        textpage.close()
        page.close()
    usual, gap = _steps(found)
    margins = _margins(found)
    edge = max((line.right for line in found), default=0.0)
    for above, line in pairwise(found):
        yield above.text
        step = above.foot - line.foot
        apart = usual and (step > gap * usual or step < -usual)
        margin = max((each for each in margins if each <= line.left + 1), default=line.left)
        indented = _INDENT < line.left - margin < _DEEPEST
        if apart or (indented and (abs(above.left - line.left) > _INDENT or above.ends_paragraph(edge))):
            yield ""
    yield from (line.text for line in found[-1:])


def _margins(lines: Sequence["_Line"]) -> list[float]:
    """Where many lines begin, from left to right: once, or in each of several columns."""
    margins: list[float] = []
    for left, count in sorted(Counter(round(line.left) for line in lines).items()):
        if count >= 0.1 * len(lines) and (not margins or left - margins[-1] >= _DEEPEST):
            margins.append(left)
    return margins


def _steps(lines: Sequence["_Line"]) -> tuple[float, float]:
    """The usual distance from line to line, 0 where there is none, and how many times that parts paragraphs.

    What was set has two or three distances, and a little more room than usual is meant; what was scanned has any.
    """
    steps = Counter(round(above.foot - below.foot, 1) for above, below in pairwise(lines) if above.foot > below.foot)
    if not steps:
        return 0.0, _GAP
    often = [step for step, count in steps.most_common(2) if count >= 0.2 * steps.total()]
    if not often or sum(count for _, count in steps.most_common(3)) < 0.75 * steps.total():
        whole = Counter(round(step) for step in steps.elements())
        return float(whole.most_common(1)[0][0]), _GAP
    return min(often), _EXACT_GAP


class _Line(NamedTuple):
    """What PDFium takes for a line, in points from the page's left and lower edge.

    `foot` and `top` are those of its font: a line may begin with a quotation mark, which hangs in the air.
    """

    text: str
    left: float
    right: float
    foot: float
    top: float

    def goes_on_with(self, other: "_Line") -> bool:
        """True if the other stands in the same line: of justified lines and of headers PDFium makes several."""
        height = min(self.top - self.foot, other.top - other.foot)
        shared = min(self.top, other.top) - max(self.foot, other.foot)
        return height > 0 and shared > _SAME_LINE * height and other.left > self.right - 1

    def ends_paragraph(self, edge: float) -> bool:
        """True for a line that ends with a sentence well before the right edge of the page's text."""
        return self.text[-1] in _SENTENCE_END and edge - self.right > 2 * (self.top - self.foot)

    def joined(self, other: "_Line") -> "_Line":
        """Both as one line, with a space where there is room for one."""
        between = " " if other.left - self.right > _SPACE * (self.top - self.foot) else ""
        return self._replace(text=self.text + between + other.text, right=other.right)


class _Letters:
    """The letters of a page and their places, turned as most of them are: a page may lie on its side."""

    def __init__(self, textpage: Any) -> None:
        self._page = textpage
        self._text = textpage.get_text_range()
        visible = [match.start() for match in _WORD.finditer(self._text)]
        turns = Counter(self._turn(index) for index in visible[:: len(visible) // _ASKED + 1])
        self._turned = turns.most_common(1)[0][0] if turns else 0

    def pieces(self) -> Iterator[_Line]:
        """What PDFium takes for lines, each in several where it goes on in another one, which PDFium may miss."""
        for part in _PART.finditer(self._text):
            words = list(_WORD.finditer(self._text, *part.span()))
            if words and self._turn(words[0].start()) != self._turned:
                yield _Line(_MARK.sub("-", part.group().strip()), 0.0, 0.0, 0.0, 0.0)
                continue
            first = last = None
            for start, stop in (piece for word in words for piece in self._unbroken(*word.span())):
                if first is not None and not self._in_one_line(first, start):
                    yield self._placed(first, last)
                    first = None
                first, last = start if first is None else first, stop
            if first is not None:
                yield self._placed(first, last)

    def _unbroken(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The word, or its two parts where its letters stand in two lines; those of a column all stand apart."""
        if not self._in_one_line(start, stop - 1):
            cuts = [at for at in range(start + 1, stop) if not self._in_one_line(at - 1, at)]
            if len(cuts) == 1:
                return [(start, cuts[0]), (cuts[0], stop)]
        return [(start, stop)]

    def _in_one_line(self, one: int, other: int) -> bool:
        """False if no part of a letter stands as high as any of the other; True where PDFium knows no place."""
        _, foot, _, top = self._box(one)
        _, other_foot, _, other_top = self._box(other)
        return foot >= top or other_foot >= other_top or (other_foot < top and foot < other_top)

    def _placed(self, first: int, last: int | None) -> _Line:
        text = self._text[first:last]
        left, foot, _, top = self._box(first)
        _, _, right, _ = self._box(first + len(text) - 1)
        return _Line(_MARK.sub("-", text), left, right, foot, top)

    def _turn(self, index: int) -> int:
        """Quarters by which a letter is turned."""
        from pypdfium2 import raw

        return round(raw.FPDFText_GetCharAngle(self._page.raw, index) / (math.pi / 2)) % 4

    def _box(self, index: int) -> tuple[float, float, float, float]:
        """Left, foot, right and top of a letter's room in its font, as who reads the page sees them."""
        try:
            left, bottom, right, top = map(float, self._page.get_charbox(index, loose=True))
        except Exception:  # PDFium has no box for characters that it made up itself
            return 0.0, 0.0, 0.0, 0.0
        return (
            (left, bottom, right, top),
            (-top, left, -bottom, right),
            (-right, -top, -left, -bottom),
            (bottom, -right, top, -left),
        )[self._turned]


def _bookmarks(pdf: Any) -> Iterator[tuple[str, int, int]]:
    """Title, level from 1 and page of each bookmark."""
    for entry in pdf.get_toc(max_depth=8):
        title, target = " ".join((entry.get_title() or "").split()), entry.get_dest()
        page = target.get_index() if target is not None else None
        if title and page is not None:
            yield title, entry.level + 1, page


if __name__ == "__main__":
    bytes_, pages_, chars_, seconds_ = sys.argv[1:]
    answer = main(int(bytes_), int(pages_), int(chars_), float(seconds_))
    sys.stdout.write(json.dumps(answer, ensure_ascii=True))
