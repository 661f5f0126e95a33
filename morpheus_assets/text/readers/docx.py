"""Word documents through mammoth: their headings become hints (see docx_headings.py). Pictures are left out."""

import io
import logging

from morpheus_assets.text.documents import Document, HeadingHint
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.markup.flattening import flatten
from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.docx_headings import LINE_STYLE, NAMED_STYLE, with_marked_headings
from morpheus_assets.text.readers.docx_parts import visible_document
from morpheus_assets.text.readers.safe_xml import local, parse, words

MAX_XML = 48 * 1024 * 1024
"""mammoth builds a tree of the XML, so this bounds its memory; War and Peace needs 8 MiB."""

_STYLES = f"p.{NAMED_STYLE} => p.chapter-title:fresh\np.{LINE_STYLE} => p:fresh > strong"
_LEGACY_OR_LOCKED = b"\xd0\xcf\x11\xe0"


def read_docx(data: bytes) -> Document:
    """A Word document; source positions are offsets into the text, as it has no lines of its own."""
    if data.startswith(_LEGACY_OR_LOCKED):
        raise UnreadableText("is an old (.doc) or password-protected Word file: save it as DOCX without a password.")
    archive = Archive(data, "DOCX", max_total=MAX_XML)
    if archive.find("word/document.xml") is None and archive.find("[Content_Types].xml") is None:
        raise UnreadableText("is a zip file but no Word document: it has no word/document.xml.")
    parts = {name: archive.read(name) for name in archive.names() if name.lower().endswith((".xml", ".rels"))}
    if any(b"<!ENTITY" in part for part in parts.values()):
        raise UnreadableText("defines XML entities, which no Word document needs (an entity bomb): it is not read.")
    visible, repairs = visible_document(parts)
    flat = flatten(_html(with_marked_headings(visible, Archive(visible, "DOCX", max_total=MAX_XML))))
    title, author = _properties(parts)
    return Document(
        flat.text,
        "docx",
        "zip/utf-8",
        (*repairs, *flat.repairs),
        language_of(flat.text),
        title,
        author,
        tuple(HeadingHint(h.char_offset, h.level, h.text, "docx", h.role) for h in flat.headings),
    )


def _html(data: bytes) -> str:
    import mammoth

    logging.getLogger("mammoth").setLevel(logging.ERROR)
    try:
        result = mammoth.convert_to_html(
            io.BytesIO(data),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
        )
    except Exception as problem:  # mammoth lets KeyError, ExpatError, IOError and more escape from damaged files
        raise UnreadableText("is a damaged Word document: open and save it again in a word processor.") from problem
    return str(result.value)


def _properties(parts: dict[str, bytes]) -> tuple[str | None, str | None]:
    data = next((part for name, part in parts.items() if name.lower() == "docprops/core.xml"), None)
    root = parse(data) if data else None
    found = {local(element): words(element) for element in root.iter()} if root is not None else {}
    return found.get("title") or None, found.get("creator") or None
