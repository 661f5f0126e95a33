"""Plain text: decoded, cleaned, and mapped line by line to its source."""

from morpheus_assets.text.documents import Document
from morpheus_assets.text.encodings import decode
from morpheus_assets.text.origins import OriginMap


def read_plain(data: bytes, file_name: str) -> Document:
    """Read a text file."""
    import unicodedata

    decoded = decode(data)
    text = unicodedata.normalize("NFC", decoded.text)
    return Document(text, "txt", decoded.encoding, decoded.repairs, "und", origins=OriginMap.identity(text))
