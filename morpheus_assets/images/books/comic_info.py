"""What a comic archive says of itself: ComicInfo.xml field by field, and the frames of ACBF.

Damaged XML is read as far as it goes, in the encoding that its bytes are in; a field that makes no sense is left out
with a note, and takes no other with it.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from morpheus_assets.images.books.values import BookFacts
from morpheus_assets.images.reading_order import Box, Direction

_RIGHT_TO_LEFT = "yesandrighttoleft"
_MOST_TEXT = 1000


@dataclass(frozen=True)
class PageFacts:
    """What ComicInfo.xml says of the page at one position: its type in lower case, and whether it is a spread."""

    role: str = ""
    spread: bool = False


@dataclass(frozen=True)
class ComicInfo:
    """The facts of the book, and of its pages by their position from 0."""

    facts: BookFacts
    pages: dict[int, PageFacts] = field(default_factory=dict)


def read_comic_info(data: bytes) -> ComicInfo:
    """ComicInfo.xml, schema 2.1 (Anansi Project); never raises."""
    root, notes = _root(data)
    if root is None:
        return ComicInfo(BookFacts(notes=("ComicInfo.xml is no XML; it was left out.",)))
    texts: dict[str, str] = {}
    pages: dict[int, PageFacts] = {}
    for element in root.iter():
        name = _local(element)
        if name == "page":
            _add_page(element, pages, notes)
        elif name and len(element) == 0 and (element.text or "").strip():
            texts.setdefault(name, " ".join(element.text.split())[:_MOST_TEXT])
    manga = texts.get("manga", "").lower()
    direction: Direction | None = "rtl" if manga == _RIGHT_TO_LEFT else "ltr" if manga == "no" else None
    language = texts.get("languageiso")
    if language and not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", language):
        notes.append(f"the language {language[:20]!r} of ComicInfo.xml is no code of a language; it was left out.")
        language = None
    facts = BookFacts(
        title=texts.get("title"),
        series=texts.get("series"),
        number=texts.get("number"),
        volume=texts.get("volume"),
        writer=texts.get("writer"),
        language=language,
        direction=direction,
        notes=tuple(notes),
    )
    return ComicInfo(facts, pages)


@dataclass(frozen=True)
class Acbf:
    """What an ACBF file says: the frames of pages by the name of their picture, in reading order, and the facts."""

    frames: dict[str, tuple[Box, ...]]
    facts: BookFacts


def read_acbf(data: bytes) -> Acbf:
    """An Advanced Comic Book Format document, 1.1 (acbf.info); never raises."""
    root, notes = _root(data)
    frames: dict[str, tuple[Box, ...]] = {}
    facts = BookFacts(notes=tuple(notes))
    if root is None:
        return Acbf(frames, facts)
    direction: Direction | None = None
    title = writer = None
    for element in root.iter():
        name = _local(element)
        if name == "page" or name == "coverpage":
            href = next((_attribute(child, "href") for child in element.iter() if _local(child) == "image"), "")
            boxes = tuple(box for child in element.iter() if _local(child) == "frame" for box in _frame(child))
            if href and boxes:
                frames[href.removeprefix("file://").lstrip("./")] = boxes
        elif name == "book-title" and title is None:
            title = " ".join((element.text or "").split()) or None
        elif name == "author" and writer is None:
            writer = " ".join(" ".join(element.itertext()).split()) or None
        elif name == "reading-direction":
            direction = "rtl" if (element.text or "").strip().lower() == "rtl" else "ltr"
    return Acbf(frames, BookFacts(title=title, writer=writer, direction=direction, notes=tuple(notes)))


def _frame(element: Any) -> list[Box]:
    points = re.findall(r"(-?\d+)\s*,\s*(-?\d+)", _attribute(element, "points"))
    xs, ys = [int(x) for x, _ in points], [int(y) for _, y in points]
    if len(points) < 2 or max(xs) <= min(xs) or max(ys) <= min(ys):
        return []
    return [(max(0, min(xs)), max(0, min(ys)), max(xs), max(ys))]


def _add_page(element: Any, pages: dict[int, PageFacts], notes: list[str]) -> None:
    image = _attribute(element, "Image")
    if not image.isdigit():
        notes.append("a page of ComicInfo.xml has no number; it was left out.")
        return
    role = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _attribute(element, "Type")).lower()
    role = {"front cover": "cover"}.get(role, role)
    pages[int(image)] = PageFacts(role[:40], _attribute(element, "DoublePage").lower() in ("true", "1"))


def _root(data: bytes) -> tuple[Any, list[str]]:
    """The root element, lower-cased names apart, and notes about what had to be mended."""
    from lxml import etree  # type: ignore[import-untyped]

    notes: list[str] = []
    text, encoding = _decoded(data)
    # More than one prolog, and what stands before the first, is what a second program left behind.
    body = re.sub(r"<\?xml[^>]*\?>", "", text).lstrip("\ufeff \t\r\n")
    body = re.sub(r"&(?!#\d+;|#x[0-9a-fA-F]+;|\w+;)", "&amp;", body)
    if text.count("<?xml") > 1:
        notes.append("the XML begins twice; it was read as one.")
    if encoding != "utf-8":
        notes.append(f"the XML is not in UTF-8; it was read as {encoding}.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(re.sub(r"<!DOCTYPE[^>\[]*(\[.*?\])?\s*>", "", body, flags=re.S).encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None, notes
    if root is not None and any(fault.level_name != "WARNING" for fault in parser.error_log):
        notes.append("the XML is damaged; it was read as far as it goes.")
    return root, notes


def _decoded(data: bytes) -> tuple[str, str]:
    for encoding, mark in (("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def _local(element: Any) -> str:
    return element.tag.rsplit("}", 1)[-1].lower() if isinstance(element.tag, str) else ""


def _attribute(element: Any, name: str) -> str:
    return next((str(v) for k, v in element.attrib.items() if str(k).rsplit("}", 1)[-1].lower() == name.lower()), "")
