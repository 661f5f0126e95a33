"""Program that reads one PDF with PDFium, in a process and under limits of its own: bytes in, one JSON object out.

A PDF of 4 kB can make PDFium fill gigabytes, or crash. Run by pdf.py as a file, so it imports nothing of the package.
"""

import contextlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

_GAP, _EXACT_GAP, _INDENT = 1.35, 1.12, 4.0
# PDFium's marks for a hyphen at the end of a line, behind which it goes on with the word.
_MARK = re.compile("[\x02\ufffe]")
_PART = re.compile("[^\n\x02\ufffe]+[\x02\ufffe]?")
_WORD = re.compile(r"\S+")
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
        text = textpage.get_text_range()
        for part in _PART.finditer(text):
            for piece in _pieces(textpage, text, *part.span()):
                if found and found[-1].goes_on_with(piece):
                    found[-1] = found[-1].joined(piece)
                else:
                    found.append(piece)
    finally:
        textpage.close()
        page.close()
    usual, gap = _steps(found)
    margin = Counter(round(line.left) for line in found).most_common(1)[0][0] if found else 0
    edge = max((line.right for line in found), default=0.0)
    for above, line in pairwise(found):
        yield above.text
        step = above.foot - line.foot
        apart = usual and (step > gap * usual or step < -usual)
        indented = _INDENT < line.left - margin < 60
        if apart or (indented and (abs(above.left - line.left) > _INDENT or above.ends_paragraph(edge))):
            yield ""
    yield from (line.text for line in found[-1:])


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


def _pieces(textpage: Any, text: str, begin: int, end: int) -> Iterator[_Line]:
    """text[begin:end] as one piece, or several where it goes on in another line, which PDFium sometimes misses."""
    first = last = None
    for word in _WORD.finditer(text, begin, end):
        for start, stop in _unbroken(textpage, *word.span()):
            if first is not None and not _in_one_line(textpage, first, start):
                yield _placed(textpage, text[first:last], first)
                first = None
            first, last = start if first is None else first, stop
    if first is not None:
        yield _placed(textpage, text[first:last], first)


def _unbroken(textpage: Any, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """The word, or its parts where its letters stand in several lines."""
    if not _in_one_line(textpage, start, stop - 1):
        for at in range(start + 1, stop):
            if not _in_one_line(textpage, start, at):
                yield start, at
                start = at
    yield start, stop


def _in_one_line(textpage: Any, one: int, other: int) -> bool:
    """False if no part of a letter stands as high as any of the other; True where PDFium knows no place."""
    _, foot, _, top = _box(textpage, one)
    _, other_foot, _, other_top = _box(textpage, other)
    return foot >= top or other_foot >= other_top or (other_foot < top and foot < other_top)


def _placed(textpage: Any, text: str, begin: int) -> _Line:
    left, foot, _, top = _box(textpage, begin)
    _, _, right, _ = _box(textpage, begin + len(text) - 1)
    return _Line(_MARK.sub("-", text), left, right, foot, top)


def _box(textpage: Any, index: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a letter's room in its font."""
    try:
        left, bottom, right, top = textpage.get_charbox(index, loose=True)
    except Exception:  # PDFium has no box for characters that it made up itself
        return 0.0, 0.0, 0.0, 0.0
    return float(left), float(bottom), float(right), float(top)


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
