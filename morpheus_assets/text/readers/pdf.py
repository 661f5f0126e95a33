"""PDF with a text layer, through PDFium (pdf_pages.py): its lines and paragraphs as text, its bookmarks as headings."""

import json
import re
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from morpheus_assets.text.cleaning import clean
from morpheus_assets.text.documents import Document, HeadingHint
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.page_traces import Cleaned, without_page_traces

MAX_PAGES = 20_000
MAX_SECONDS = 240.0
"""War and Peace, 1,400 pages, takes 10 s."""
MAX_CHARS = 64 * 1024 * 1024
MAX_MEMORY = 1024 * 1024 * 1024
"""Of the process that reads, beside twice the file's own size."""
_PROGRAM = Path(__file__).with_name("pdf_pages.py")
_REFUSALS = {
    "password": "is protected by a password: save it without one.",
    "damaged": "is no whole PDF: it is cut off or damaged, so copy or download it again.",
    "pages": f"has more than {MAX_PAGES:,} pages: split it into volumes.",
    "chars": f"holds more than {MAX_CHARS // 2**20} million characters: split it into volumes.",
    "seconds": f"takes more than {MAX_SECONDS:.0f} seconds to read: split it into volumes.",
}
_FEWEST_LETTERS = 20
_FILE_NAME = re.compile(r"\.(docx?|pdf|indd|qxd|tex|rtf|odt)\b|^(untitled|microsoft word)", re.I)


def read_pdf(data: bytes) -> Document:
    """A PDF with text; source positions are offsets into the text. A scan without text is refused.

    Raises UnreadableText.
    """
    found = _read(data)
    lines: list[str] = []
    starts: list[int] = []
    for page in found["pages"]:
        starts.append(len(lines))
        lines += page
    letters = sum(char.isalnum() for line in lines for char in line)
    if letters < _FEWEST_LETTERS * max(len(starts) // 4, 1):
        raise UnreadableText(
            "is a scan without text: let a text recognition (OCR) write its text first, or use another copy."
        )
    text, repairs = clean("\n".join(lines))
    whole = without_page_traces(text, starts)
    title = " ".join((found["title"] or "").split())
    return Document(
        whole.text,
        "pdf",
        "pdf",
        (*repairs, *whole.repairs),
        language_of(whole.text),
        None if not title or _FILE_NAME.search(title) else title,
        " ".join((found["author"] or "").split()) or None,
        tuple(_bookmarks(found["bookmarks"], text, starts, whole)),
    )


def _read(data: bytes) -> dict[str, Any]:
    """What pdf_pages.py finds in the file, in a process that may be stopped or may crash."""
    limits = (MAX_MEMORY + 2 * len(data), MAX_PAGES, MAX_CHARS, MAX_SECONDS)
    try:
        # Without -P the folder of the program would hide the standard library's html.
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM), *map(str, limits)],
            input=data,
            capture_output=True,
            timeout=MAX_SECONDS + 30,
            check=False,
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired as problem:
        raise UnreadableText(_REFUSALS["seconds"]) from problem
    except ValueError as problem:
        raise UnreadableText(
            "needs more memory than a book does (a decompression bomb), or is damaged: it is not read."
        ) from problem
    if "refused" in found:
        raise UnreadableText(_REFUSALS[found["refused"]])
    return found


def _bookmarks(entries: list[Any], text: str, starts: list[int], whole: Cleaned) -> Iterator[HeadingHint]:
    """The bookmarks, where their titles stand on their page, as a table of contents."""
    offsets = [0]
    for line in text.split("\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    last = 0
    for title, level, page in entries:
        if page >= len(starts):
            continue
        begin = offsets[starts[page]]
        end = offsets[starts[page + 1]] if page + 1 < len(starts) else len(text)
        pattern = r"\s+".join(re.escape(word) for word in title.split()[:40])
        found = re.compile(pattern, re.I).search(text, begin, end)
        at = _forward(whole, found.start() if found else begin)
        if last <= at < len(whole.text):
            last = at
            yield HeadingHint(at, level, title, "epub-toc")


def _forward(whole: Cleaned, before: int) -> int:
    """Where an offset of the text before cleaning lies after it."""
    at, origin = whole.anchors[max(bisect_right(whole.anchors, before, key=lambda anchor: anchor[1]) - 1, 0)]
    return min(at + before - origin, len(whole.text))
