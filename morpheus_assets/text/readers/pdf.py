"""PDF with a text layer, through PDFium: lines and paragraphs by their place on the page, bookmarks as headings."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
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
_FEWEST_LETTERS = 20
_GAP, _INDENT = 1.35, 4.0
_FILE_NAME = re.compile(r"\.(docx?|pdf|indd|qxd|tex|rtf|odt)\b|^(untitled|microsoft word)", re.I)
# PDFium's marks for a hyphen that the printer put at the end of a line.
_SOFT = re.compile("[\x02\ufffe](?=\n|$)")


def read_pdf(data: bytes) -> Document:
    """A PDF with text; source positions are offsets into the text. A scan without text is refused.

    Raises UnreadableText.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as problem:
        if "password" in str(problem).lower():
            raise UnreadableText("is protected by a password: save it without one.") from problem
        raise UnreadableText("is no whole PDF: it is cut off or damaged, so copy or download it again.") from problem
    try:
        return _document(pdf)
    except pypdfium2.PdfiumError as problem:
        raise UnreadableText("is a damaged PDF: one of its pages cannot be read, so copy it again.") from problem
    finally:
        pdf.close()


def _document(pdf: Any) -> Document:
    if len(pdf) > MAX_PAGES:
        raise UnreadableText(f"has {len(pdf):,} pages, and at most {MAX_PAGES:,} are read: split it into volumes.")
    deadline = time.monotonic() + MAX_SECONDS
    lines: list[str] = []
    starts: list[int] = []
    chars = 0
    for number in range(len(pdf)):
        if time.monotonic() > deadline:
            raise UnreadableText(f"takes more than {MAX_SECONDS:.0f} seconds to read: split it into volumes.")
        starts.append(len(lines))
        for line in _lines(pdf, number):
            lines.append(line)
            chars += len(line)
        if chars > MAX_CHARS:
            raise UnreadableText(f"holds more than {MAX_CHARS // 2**20} million characters: split it into volumes.")
    letters = sum(char.isalnum() for line in lines for char in line)
    if letters < _FEWEST_LETTERS * max(len(pdf) // 4, 1):
        raise UnreadableText(
            "is a scan without text: let a text recognition (OCR) write its text first, or use another copy."
        )
    text, repairs = clean(_SOFT.sub("\xad", "\n".join(lines)).replace("\xad\n", "¬\n"))
    whole = without_page_traces(text, starts)
    found = {key: str(value).strip() for key, value in pdf.get_metadata_dict().items() if str(value).strip()}
    title = found.get("Title")
    return Document(
        whole.text,
        "pdf",
        "pdf",
        (*repairs, *whole.repairs),
        language_of(whole.text),
        None if title is None or _FILE_NAME.search(title) else title,
        found.get("Author"),
        tuple(_bookmarks(pdf, text, starts, whole)),
    )


def _lines(pdf: Any, number: int) -> Iterator[str]:
    """Lines of a page, with an empty one where the page parts paragraphs by room or by an indent."""
    page = pdf[number]
    textpage = page.get_textpage()
    try:
        text = textpage.get_text_range()
        found: list[tuple[str, float, float, float]] = []
        at = 0
        for line in text.split("\n"):
            body = line.rstrip("\r")
            lead = len(body) - len(body.lstrip())
            if body.strip():
                left, bottom, _, top = _box(textpage, at + lead)
                found.append((body.strip(), left, bottom, top))
            at += len(line) + 1
    finally:
        textpage.close()
        page.close()
    steps = [above[2] - below[2] for above, below in pairwise(found)]
    step = Counter(round(value) for value in steps if value > 0).most_common(1)
    usual = float(step[0][0]) if step else 0.0
    margin = Counter(round(line[1]) for line in found).most_common(1)[0][0] if found else 0
    for index, (line, left, bottom, _) in enumerate(found):
        if index:
            room = found[index - 1][2] - bottom
            indented = _INDENT < left - margin < 60 and abs(found[index - 1][1] - left) > _INDENT
            if usual and (room > _GAP * usual or room < -usual or indented):
                yield ""
        yield line


def _box(textpage: Any, index: int) -> tuple[float, float, float, float]:
    try:
        left, bottom, right, top = textpage.get_charbox(index)
    except Exception:  # PDFium has no box for characters that it made up itself
        return 0.0, 0.0, 0.0, 0.0
    return float(left), float(bottom), float(right), float(top)


def _bookmarks(pdf: Any, text: str, starts: list[int], whole: Cleaned) -> Iterator[HeadingHint]:
    """The bookmarks whose titles stand on their page, as a table of contents."""
    offsets = [0]
    for line in text.split("\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    last = 0
    for entry in pdf.get_toc(max_depth=8):
        title, page = " ".join((entry.get_title() or "").split()), entry.get_dest()
        index = page.get_index() if page is not None else None
        if not title or index is None or index >= len(starts):
            continue
        begin = offsets[starts[index]]
        end = offsets[starts[index + 1]] if index + 1 < len(starts) else len(text)
        pattern = r"\s+".join(re.escape(word) for word in title.split())
        found = re.compile(pattern, re.I).search(text, begin, end)
        at = _forward(whole, found.start() if found else begin)
        if at >= last and len(whole.text) > at:
            last = at
            yield HeadingHint(at, entry.level + 1, title, "epub-toc")


def _forward(whole: Cleaned, before: int) -> int:
    """Where an offset of the text before cleaning lies after it."""
    at, origin = max((anchor for anchor in whole.anchors if anchor[1] <= before), key=lambda anchor: anchor[1])
    return min(at + before - origin, len(whole.text))
