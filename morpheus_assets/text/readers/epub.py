"""EPUB 2 and 3: the spine's files as one text, with hints from the table of contents and from headings."""

import contextlib
import posixpath

from morpheus_assets.text.cleaning import is_noise
from morpheus_assets.text.documents import Document, HeadingHint, OriginMap, SourcePart
from morpheus_assets.text.encoding.declarations import declared_in_markup
from morpheus_assets.text.encoding.decoding import decode
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.markup.elements import role_of
from morpheus_assets.text.markup.flattening import FlatText, flatten
from morpheus_assets.text.markup.hidden import HiddenStyles
from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.epub_package import Package, read_package

MAX_TEXT = 96 * 1024 * 1024
_MAX_SHEETS, _MAX_SHEET, _HEAD = 64, 256 * 1024, 16_384
_GAP = "\n\n"
_PAGE_LEVEL = 9
_FEWEST_LINKS = 3
_MOSTLY_LINKS = 0.6
_LONGEST_CONTENTS_WORDS = 1_500
"""Characters beside the links: a book in a single file may hold its contents too."""


def read_epub(data: bytes) -> Document:
    """A book as a document; source positions name the spine's file. Raises UnreadableText."""
    archive = Archive(data, "EPUB", max_total=MAX_TEXT)
    package = read_package(archive)
    sheets = _style_sheets(archive)
    pieces: list[str] = []
    parts: list[SourcePart] = []
    pages: list[HeadingHint] = []
    anchors: list[tuple[int, int, int]] = []
    files: dict[str, tuple[int, FlatText]] = {}
    repairs: dict[str, None] = {}
    length, encoding = 0, "utf-8"
    for item in package.spine:
        source = decode(page := archive.read(item.name), declared_in_markup(page))
        if is_noise(source.text) and source.text.strip():
            raise UnreadableText("is an EPUB whose text is encrypted or damaged: use a copy without protection.")
        encoding = source.encoding if item is package.spine[0] else encoding
        flat = flatten(source.text, (sheet for name, sheet in sheets.items() if name in source.text[:_HEAD]))
        repairs.update(dict.fromkeys((*source.repairs, *flat.repairs)))
        if pieces and flat.text:
            pieces.append(_GAP)
            length += len(_GAP)
        anchors.append((length, len(parts), 0))
        anchors.extend((length + at, len(parts), origin) for at, origin in flat.anchors)
        parts.append(SourcePart.of(source.text, item.href, item.spine_index))
        files[item.name] = (length, flat)
        if flat.text:
            role = "contents" if _lists_contents(package, item.name, flat) else ""
            pages.append(HeadingHint(length, _PAGE_LEVEL, "", "epub-page", role))
        pieces.append(flat.text)
        length += len(flat.text)
    text = "".join(pieces)
    return Document(
        text,
        "epub",
        f"zip/{encoding}",
        tuple(repairs),
        language_of(text, package.language),
        package.title,
        package.author,
        tuple(sorted((*pages, *_toc_hints(package, files), *_heading_hints(files)), key=lambda h: h.char_offset)),
        OriginMap.of(parts, anchors),
    )


def _lists_contents(package: Package, name: str, flat: FlatText) -> bool:
    """True if a file of the spine is the navigation document, is called the contents, or holds little but links."""
    if name == package.nav or package.landmarks.get((name, "")) == "toc":
        return len(flat.text) - flat.linked < _LONGEST_CONTENTS_WORDS
    return flat.links >= _FEWEST_LINKS and flat.linked >= _MOSTLY_LINKS * len(flat.text)


def _style_sheets(archive: Archive) -> dict[str, str]:
    """Style sheets of the book by file name, those that hide anything."""
    found: dict[str, str] = {}
    for name in archive.names():
        if not name.lower().endswith(".css") or archive.size(name) > _MAX_SHEET or len(found) >= _MAX_SHEETS:
            continue
        # A damaged style sheet is no reason to refuse the book.
        with contextlib.suppress(UnreadableText):
            sheet = archive.read(name).decode("utf-8", "replace")
            if HiddenStyles((sheet,)):
                found[posixpath.basename(name)] = sheet
    return found


def _toc_hints(package: Package, files: dict[str, tuple[int, FlatText]]) -> list[HeadingHint]:
    hints = []
    for entry in package.toc:
        if entry.name not in files:
            continue
        start, flat = files[entry.name]
        at = min(flat.ids.get(entry.fragment, 0), len(flat.text)) if entry.fragment else 0
        role = _role_at(flat, at) or role_of([package.landmarks.get((entry.name, entry.fragment), "")])
        hints.append(HeadingHint(start + at, entry.level, entry.label, "epub-toc", role))
    return hints


def _role_at(flat: FlatText, at: int) -> str:
    """Role that the heading or the innermost section that begins at `at` gives itself, "" for none."""
    for heading in flat.headings:
        if heading.char_offset == at and heading.role:
            return heading.role
    return next((role for offset, role in reversed(flat.sections) if offset == at), "")


def _heading_hints(files: dict[str, tuple[int, FlatText]]) -> list[HeadingHint]:
    return [
        HeadingHint(start + heading.char_offset, heading.level, heading.text, "epub-heading", heading.role)
        for start, flat in files.values()
        for heading in flat.headings
    ]
