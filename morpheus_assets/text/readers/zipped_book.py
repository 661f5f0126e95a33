"""A book in a zip file: FictionBook, HTML pages, or one text document under a zip file's name."""

from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.docx import read_docx
from morpheus_assets.text.readers.epub import read_epub
from morpheus_assets.text.readers.fb2 import read_fb2
from morpheus_assets.text.readers.odt import read_odt
from morpheus_assets.text.readers.zipped_html import MAX_TEXT, read_zipped_html


def read_zipped_book(data: bytes) -> Document:
    """The one book that a zip file holds. Raises UnreadableText for none, and for several."""
    archive = Archive(data, "ZIP", max_total=MAX_TEXT)
    books = [name for name in archive.names() if name.lower().endswith(".fb2") and not name.startswith("__MACOSX/")]
    if len(books) == 1:
        return read_fb2(archive.read(books[0]))
    if books:
        raise UnreadableText(f"holds {len(books)} books: unpack it, a file a novel.")
    for mark, read in (
        ("META-INF/container.xml", read_epub),
        ("word/document.xml", read_docx),
        ("content.xml", read_odt),
    ):
        if archive.find(mark) is not None:
            return read(data)
    if not any(name.lower().endswith((".html", ".htm", ".xhtml")) for name in archive.names()):
        raise UnreadableText(
            "is a zip file without a FictionBook or HTML pages: unpack it, and put the book itself here."
        )
    return read_zipped_html(data)
