"""Bytes and a file name become a Document: picks the reader and refuses what is no novel.

What a reader does is in readers/; what a sentence of refusal says is here and in signatures.py.
"""

from pathlib import PurePath

from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.readers.plain import read_plain

SUPPORTED_SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".xhtml", ".epub", ".docx")


def read_document(data: bytes, file_name: str) -> Document:
    """Read `data` as what `file_name`'s suffix says. Raises UnreadableText with one sentence."""
    name = PurePath(file_name).name
    if not data.strip():
        raise UnreadableText(
            f"{name} is empty: there is nothing to read, so replace it with the novel's text."
        )
    return read_plain(data, name)
