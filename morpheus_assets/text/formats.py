"""Bytes and a file name become a Document: picks the reader and refuses what is no novel.

Formats are read in readers/; first bytes that rule a file out are in signatures.py.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import PurePath

from morpheus_assets.text.cleaning import is_noise
from morpheus_assets.text.documents import Document
from morpheus_assets.text.encoding.declarations import declared_in_markup, declared_in_text
from morpheus_assets.text.encoding.decoding import decode
from morpheus_assets.text.errors import NoText, UnreadableText
from morpheus_assets.text.signatures import foreign_suffix, looks_like_html, refusal

_PLAIN, _MARKDOWN = (".txt", ".text", ".rst", ".org"), (".md", ".markdown")
_HTML = (".html", ".htm", ".xhtml")
# A format of bytes is one line here and its reader in readers/, which is imported when a file needs it.
_READERS = {
    ".epub": "epub:read_epub",
    ".docx": "docx:read_docx",
    ".odt": "odt:read_odt",
    ".rtf": "rtf:read_rtf",
    ".fb2": "fb2:read_fb2",
    ".htmlz": "zipped_html:read_zipped_html",
    ".zip": "zipped_book:read_zipped_book",
    ".pdf": "pdf:read_pdf",
}
_CONTAINERS = (".epub", ".docx", ".odt", ".fb2", ".htmlz", ".zip", ".pdf")
WHOLE_BOOKS = frozenset({".epub", ".fb2", ".htmlz", ".zip", ".pdf"})
"""Formats in which a file is hardly one chapter."""
SUPPORTED_SUFFIXES = (*_PLAIN, *_MARKDOWN, *_HTML, *_READERS)

MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_CONTAINER_BYTES = 512 * 1024 * 1024
"""The longest novels in print have 10 MB of text. Pictures make an EPUB larger; they are never unpacked."""


def size_limit(file_name: str) -> int:
    """Most bytes that a file of this name may have, so that a caller can refuse it before reading it."""
    return MAX_CONTAINER_BYTES if PurePath(file_name).suffix.lower() in _CONTAINERS else MAX_TEXT_BYTES


def check_size(file_name: str, size: int) -> None:
    """Raise UnreadableText if a file is empty or larger than is read."""
    if size == 0:
        raise UnreadableText(f"{shown_name(file_name)} is empty (0 bytes): put the novel's text into it.")
    if size > size_limit(file_name):
        raise UnreadableText(
            f"{shown_name(file_name)} has {size / 2**20:,.0f} MiB, and at most"
            f" {size_limit(file_name) / 2**20:,.0f} MiB are read: split it into volumes."
        )


def read_document(data: bytes, file_name: str) -> Document:
    """Read `data` in the format that `file_name`'s suffix names.

    Raises UnreadableText, and nothing else, with one sentence that names the file. A file named as text that is
    plainly an HTML page is read as one, and the document's repairs say so.
    """
    name = shown_name(file_name)
    suffix = PurePath(file_name).suffix.lower()
    if suffix not in SUPPORTED_SUFFIXES:
        raise UnreadableText(f"{name} {unread_format(suffix, data)}")
    check_size(file_name, len(data))
    try:
        document = _reader(suffix)(data) if suffix in _READERS else _characters(data, suffix)
    except UnreadableText as problem:
        raise type(problem)(f"{name} {problem}") from None
    except (MemoryError, RecursionError, ValueError, LookupError, TypeError, AttributeError, OSError) as problem:
        # Readers lean on six parsers; one hostile file must not end a run that reads a thousand.
        raise UnreadableText(
            f"{name} cannot be read ({type(problem).__name__}): it is damaged, replace it."
        ) from problem
    if not any(char.isalnum() for char in document.text):
        raise NoText(f"{name} holds no text: there is nothing to embed, so put the novel's text into it.")
    return document


def unread_format(suffix: str, data: bytes) -> str:
    """Why a file of this suffix is not read and the way out, as a sentence without its subject."""
    reason = foreign_suffix(suffix) or refusal(data)
    return reason or f"has a suffix that is not read: use one of {', '.join(SUPPORTED_SUFFIXES)}."


def _reader(suffix: str) -> Callable[[bytes], Document]:
    module, _, function = _READERS[suffix].partition(":")
    reader: Callable[[bytes], Document] = getattr(import_module(f"morpheus_assets.text.readers.{module}"), function)
    return reader


def _characters(data: bytes, suffix: str) -> Document:
    from morpheus_assets.text.readers.html import has_markup, read_html
    from morpheus_assets.text.readers.markdown import read_markdown
    from morpheus_assets.text.readers.plain import read_plain

    if (reason := refusal(data)) is not None:
        raise UnreadableText(reason)
    as_html = suffix in _HTML or looks_like_html(data)
    decoded = decode(data, declared_in_markup(data) if as_html else declared_in_text(data))
    if not decoded.text.strip("\x00\x1a \n\t\ufeff"):
        raise NoText("is empty: put the novel's text into it.")
    if is_noise(decoded.text):
        raise UnreadableText("is not text in any known encoding: it looks like binary data, so replace it.")
    if as_html and has_markup(decoded.text):
        if suffix not in _HTML:
            decoded = replace(decoded, repairs=(*decoded.repairs, "The file is an HTML page and was read as one."))
        return read_html(decoded)
    return read_markdown(decoded) if suffix in _MARKDOWN else read_plain(decoded, _plain_name(suffix))


def _plain_name(suffix: str) -> str:
    return suffix[1:] if suffix in (".rst", ".org") else "txt"


def shown_name(file_name: str) -> str:
    """A name fit for one line of a sentence, however hostile: no control characters, no more than 80 of them."""
    name = re.sub(r"[^\w .,()'-]", "?", PurePath(file_name).name) or "The file"
    return name if len(name) <= 80 else f"{name[:50]}…{name[-20:]}"
