"""Which kind of book a file is, by its content and not by its suffix, and the book opened."""

import zipfile
from typing import BinaryIO

from morpheus_assets.images.books.archives import open_with_libarchive, open_zip
from morpheus_assets.images.books.epub import open_epub
from morpheus_assets.images.books.pdf import open_pdf
from morpheus_assets.images.books.values import Book, UnreadableBook
from morpheus_assets.images.errors import shown
from morpheus_assets.images.signatures import foreign_content, is_tar

_EPUB = b"mimetypeapplication/epub+zip"
# gzip, bzip2, XZ and Zstandard: what a TAR may be pressed with.
_PRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


def book_kind(head: bytes) -> str | None:
    """ "zip", "epub", "RAR", "7z", "TAR" or "pdf" by the first kilobyte of a file; None: no book."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return "epub" if _EPUB in head[:128] else "zip"
    if head.startswith(b"Rar!\x1a\x07"):
        return "RAR"
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return "7z"
    if b"%PDF-" in head:
        return "pdf"
    return "TAR" if is_tar(head) else None


def open_book(file: BinaryIO, name: str, *, max_pixels: int) -> Book:
    """The book in a file that can be sought; it must stay open while pages are read. Raises UnreadableBook."""
    head = file.read(1024)
    # A zip is told by its end, too: something may stand before it.
    kind = book_kind(head) or ("zip" if zipfile.is_zipfile(file) else None)
    file.seek(0)
    if kind == "zip":
        return open_zip(file, name)
    if kind == "epub":
        return open_epub(file, name)
    if kind == "pdf":
        return open_pdf(file, name, max_pixels)
    if kind is None and head.startswith(_PRESSED):
        kind = "TAR"
    if kind is None:
        why = "is no archive, PDF or EPUB, whatever its name says: copy it again, or pack the pages as .cbz"
        raise UnreadableBook(f"{shown(name)} {foreign_content(head) or why}.")
    return open_with_libarchive(file, name, kind)
