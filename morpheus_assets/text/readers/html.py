"""HTML and XHTML pages: the markup's text, its h1-h6 as hints, and the place of every tag in the file."""

import re

from morpheus_assets.text.documents import Document, HeadingHint, OriginMap, SourcePart
from morpheus_assets.text.encoding.decoding import Decoded
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.markup.flattening import FlatText, flatten
from morpheus_assets.text.readers.aozora import aozora_headings
from morpheus_assets.text.readers.gutenberg import gutenberg_header
from morpheus_assets.text.readers.title_page import page_title, title_page

_TITLE_EXTRAS = re.compile(
    r"^\s*(?:The )?Project Gutenberg(?:'s|’s)?(?: eBook of| Etext of|,)?\s+|\s*\|\s*Project Gutenberg\s*$", re.I
)
_TOP = 2
_MARKUP = re.compile(r"<(?:!doctype|html|head|body|p|div|br|h[1-6]|span|pre|table|section|article)[\s>/]", re.I)


def has_markup(text: str) -> bool:
    """True if there is any HTML in a file that is named so."""
    return _MARKUP.search(text) is not None


def read_html(decoded: Decoded) -> Document:
    """An HTML page as a document; offsets of headings point at their tags in the page."""
    flat = flatten(decoded.text)
    header = gutenberg_header(flat.text)
    aozora = aozora_headings(flat)
    first = next((heading for heading in flat.headings if heading.level <= _TOP), None)
    shown = page_title(_TITLE_EXTRAS.sub("", flat.title or ""), first.text if first else None)
    title = header.title or _named(flat, "dc.title") or aozora[0] or shown[0]
    author = header.author or _named(flat, "author") or _named(flat, "dc.creator") or aozora[1] or shown[1]
    language = language_of(flat.text)
    if language == "und" and flat.language:
        language = language_of(flat.text, flat.language)
    anchors = ((at, 0, origin) for at, origin in flat.anchors)
    return Document(
        flat.text,
        "html",
        decoded.encoding,
        (*decoded.repairs, *flat.repairs),
        header.language or language,
        title,
        author or title_page(flat.text[first.char_offset if first else 0 :])[1],
        tuple(HeadingHint(h.char_offset, h.level, h.text, "html", h.role) for h in flat.headings),
        OriginMap.of((SourcePart.of(decoded.text),), anchors),
    )


def _named(flat: FlatText, name: str) -> str | None:
    for meta in flat.metas:
        if (meta.get("name") or meta.get("property") or "").lower() == name and meta.get("content", "").strip():
            return meta["content"].strip()
    return None
