"""Plain text: decoded, cleaned, freed of traces of printed pages, and mapped to its source."""

from morpheus_assets.text.cleaning import anchors_by_line, clean
from morpheus_assets.text.documents import Document, OriginMap, SourcePart
from morpheus_assets.text.encoding.decoding import Decoded
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.page_traces import without_page_traces
from morpheus_assets.text.readers.aozora import aozora_header
from morpheus_assets.text.readers.gutenberg import gutenberg_header
from morpheus_assets.text.readers.title_page import title_page


def read_plain(decoded: Decoded, name: str = "txt") -> Document:
    """A text file as it stands: its lines are the document's lines; `name` is the format's."""
    text, repairs = clean(decoded.text)
    origins = OriginMap.of((SourcePart.of(decoded.text),), anchors_by_line(decoded.text, text))
    pages = (decoded.text.count("\n", 0, at) for at in _form_feeds(decoded.text))
    whole = without_page_traces(text, pages)
    if whole.repairs:
        anchors = ((at, 0, origins.position(before).char_offset) for at, before in whole.anchors)
        origins = OriginMap.of(origins.parts, anchors)
    header = gutenberg_header(whole.text)
    title, author = header.title, header.author
    if title is None:
        title, author = aozora_header(whole.text)
    if title is None:
        title, author = title_page(whole.text)
    return Document(
        whole.text,
        name,
        decoded.encoding,
        (*decoded.repairs, *repairs, *whole.repairs),
        language_of(whole.text, header.language),
        title,
        author,
        origins=origins,
    )


def _form_feeds(text: str) -> list[int]:
    found, at = [], text.find("\f")
    while at >= 0:
        found.append(at)
        at = text.find("\f", at + 1)
    return found
