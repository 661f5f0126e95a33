"""Plain text: decoded, cleaned, and mapped line by line to its source."""

from morpheus_assets.text.cleaning import anchors_by_line, clean
from morpheus_assets.text.documents import Document, OriginMap, SourcePart
from morpheus_assets.text.encoding.decoding import Decoded
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.readers.aozora import aozora_header
from morpheus_assets.text.readers.gutenberg import gutenberg_header


def read_plain(decoded: Decoded) -> Document:
    """A text file as it stands: its lines are the document's lines."""
    text, repairs = clean(decoded.text)
    origins = OriginMap.of((SourcePart.of(decoded.text),), anchors_by_line(decoded.text, text))
    header = gutenberg_header(text)
    title, author = (header.title, header.author) if header.title else aozora_header(text)
    return Document(
        text,
        "txt",
        decoded.encoding,
        (*decoded.repairs, *repairs),
        language_of(text, header.language),
        title,
        author,
        origins=origins,
    )
