"""Program that reads one PDF with PDFium, in a process and under limits of its own: bytes in, one JSON object out.

A PDF of 4 kB can make PDFium fill gigabytes, or crash. Run by pdf.py as a file, so it imports nothing of the package.
"""

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

_GAP, _INDENT = 1.35, 4.0


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
        text = textpage.get_text_range()
        found: list[tuple[str, float, float]] = []
        at = 0
        for line in text.split("\n"):
            body = line.rstrip("\r")
            if body.strip():
                left, bottom = _place(textpage, at + len(body) - len(body.lstrip()))
                found.append((body.strip(), left, bottom))
            at += len(line) + 1
    finally:
        textpage.close()
        page.close()
    step = Counter(round(above[2] - below[2]) for above, below in pairwise(found) if above[2] > below[2])
    usual = float(step.most_common(1)[0][0]) if step else 0.0
    margin = Counter(round(line[1]) for line in found).most_common(1)[0][0] if found else 0
    for index, (line, left, bottom) in enumerate(found):
        if index:
            room = found[index - 1][2] - bottom
            indented = _INDENT < left - margin < 60 and abs(found[index - 1][1] - left) > _INDENT
            if usual and (room > _GAP * usual or room < -usual or indented):
                yield ""
        yield line


def _place(textpage: Any, index: int) -> tuple[float, float]:
    try:
        left, bottom, _, _ = textpage.get_charbox(index)
    except Exception:  # PDFium has no box for characters that it made up itself
        return 0.0, 0.0
    return float(left), float(bottom)


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
