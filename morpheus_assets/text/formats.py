"""Bytes and a file name become a Document: picks the reader and refuses what is no novel.

Formats are read in readers/; first bytes that rule a file out are in signatures.py.
"""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import PurePath

from morpheus_assets.text.cleaning import is_noise
from morpheus_assets.text.documents import Document
from morpheus_assets.text.encoding.decoding import Decoded, decode
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.signatures import looks_like_html, refusal

_HTML = (".html", ".htm", ".xhtml")
# The reader of a suffix: `read_NAME` in readers/NAME.py, of decoded text or of a container's bytes.
_TEXTS = {".txt": "plain", ".md": "markdown", ".markdown": "markdown", **dict.fromkeys(_HTML, "html")}
_CONTAINERS = {".epub": "epub", ".docx": "docx"}
SUPPORTED_SUFFIXES = (*_TEXTS, *_CONTAINERS)

MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_CONTAINER_BYTES = 512 * 1024 * 1024
"""The longest novels in print have 10 MB of text. Pictures make an EPUB larger; they are never unpacked."""


def size_limit(file_name: str) -> int:
    """Most bytes that a file of this name may have, so that a caller can refuse it before reading it."""
    return MAX_CONTAINER_BYTES if PurePath(file_name).suffix.lower() in _CONTAINERS else MAX_TEXT_BYTES


def check_size(file_name: str, size: int) -> None:
    """Raise UnreadableText if a file is empty or larger than is read."""
    if size == 0:
        raise UnreadableText(f"{_shown(file_name)} is empty (0 bytes): put the novel's text into it.")
    if size > size_limit(file_name):
        raise UnreadableText(
            f"{_shown(file_name)} has {size / 2**20:,.0f} MiB, and at most {size_limit(file_name) / 2**20:,.0f} MiB "
            "are read: split it into volumes."
        )


def read_document(data: bytes, file_name: str) -> Document:
    """Read `data` in the format that `file_name`'s suffix names.

    Raises UnreadableText, and nothing else, with one sentence that names the file. A file named as text that is
    plainly an HTML page is read as one, and the document's repairs say so.
    """
    name = _shown(file_name)
    suffix = PurePath(file_name).suffix.lower()
    if suffix not in SUPPORTED_SUFFIXES:
        known = ", ".join(SUPPORTED_SUFFIXES)
        raise UnreadableText(f"{name} has a suffix that is not read: use one of {known}.")
    check_size(file_name, len(data))
    try:
        document = _read(_CONTAINERS[suffix], data) if suffix in _CONTAINERS else _characters(data, suffix)
    except UnreadableText as problem:
        raise UnreadableText(f"{name} {problem}") from None
    except (MemoryError, RecursionError, ValueError, LookupError, TypeError, AttributeError, OSError) as problem:
        # Readers lean on six parsers; one hostile file must not end a run that reads a thousand.
        raise UnreadableText(
            f"{name} cannot be read ({type(problem).__name__}): it is damaged, replace it."
        ) from problem
    if not any(char.isalnum() for char in document.text):
        raise UnreadableText(f"{name} holds no text: there is nothing to embed, so put the novel's text into it.")
    return document


def _read(reader: str, content: bytes | Decoded) -> Document:
    # Imported when a file needs it: the readers bring six parsers.
    module = import_module(f"morpheus_assets.text.readers.{reader}")
    document: Document = getattr(module, f"read_{reader}")(content)
    return document


def _characters(data: bytes, suffix: str) -> Document:
    from morpheus_assets.text.readers.html import declared_charset, has_markup

    if (reason := refusal(data)) is not None:
        raise UnreadableText(reason)
    as_html = suffix in _HTML or looks_like_html(data)
    decoded = decode(data, declared_charset(data) if as_html else None)
    if not decoded.text.strip("\x00\x1a \n\t\ufeff"):
        raise UnreadableText("is empty: put the novel's text into it.")
    if is_noise(decoded.text):
        raise UnreadableText("is not text in any known encoding: it looks like binary data, so replace it.")
    if as_html and has_markup(decoded.text):
        if suffix not in _HTML:
            decoded = replace(decoded, repairs=(*decoded.repairs, "The file is an HTML page and was read as one."))
        return _read("html", decoded)
    return _read("plain" if suffix in _HTML else _TEXTS[suffix], decoded)


def _shown(file_name: str) -> str:
    """A name fit for one line of a sentence, however hostile: no control characters, no more than 80 of them."""
    name = re.sub(r"[^\w .,()'-]", "?", PurePath(file_name).name) or "The file"
    return name if len(name) <= 80 else f"{name[:50]}…{name[-20:]}"
