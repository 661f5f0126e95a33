"""PDFs as books of pages, through PDFium (pdf_program.py): one picture as it is, else rendered."""

import json
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import BinaryIO

from morpheus_assets.images.books import values
from morpheus_assets.images.books.values import Book, BookFacts, BookPage, UnreadableBook
from morpheus_assets.images.errors import shown

MAX_MEMORY = 2 * 1024 * 1024 * 1024
"""Of the process that reads, beside twice the file's own size."""
_PROGRAM = Path(__file__).with_name("pdf_program.py")
_REFUSALS = {
    "password": "is protected by a password: save it without one.",
    "damaged": "is no whole PDF: it is cut off or damaged, so copy or download it again.",
    "pages": f"has more than {values.MAX_ENTRIES:,} pages: split it into volumes.",
}


def open_pdf(file: BinaryIO, name: str, max_pixels: int) -> Book:
    """The pages of a PDF, named 1.pdf-page and so on. Raises UnreadableBook."""
    data = file.read()
    reader = _Reader(data, name, max_pixels)
    said = reader.said
    if "refused" in said:
        raise UnreadableBook(f"{shown(name)} {_REFUSALS[str(said['refused'])]}")
    pages = tuple(BookPage(f"page {number}") for number in range(1, int(str(said["pages"])) + 1))
    facts = BookFacts(
        title=said.get("title") or None,  # type: ignore[arg-type]
        writer=said.get("writer") or None,  # type: ignore[arg-type]
        direction="rtl" if said.get("rtl") else None,
    )
    return Book("pdf", pages, reader.read, facts)


class _Reader:
    """The process that has one PDF open; it ends with the last reference to it."""

    def __init__(self, data: bytes, name: str, max_pixels: int) -> None:
        self._name = name
        self._turn = threading.Lock()
        given = (MAX_MEMORY + 2 * len(data), values.MAX_ENTRIES, max_pixels)
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), *map(str, given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, self._process)
        try:
            self._send(len(data).to_bytes(8) + data)
            self.said: dict[str, object] = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        except (OSError, ValueError):
            self.said = {"refused": "damaged"}

    def read(self, entry: str) -> bytes:
        """One page's picture. Raises UnreadableBook."""
        with self._turn:
            try:
                self._send(f"{int(entry.removeprefix('page ')) - 1}\n".encode())
                size = int.from_bytes(self._take(8))
                data = self._take(size)
            except (OSError, EOFError) as error:
                raise UnreadableBook(
                    f"{shown(self._name)} cannot be read at {entry}: it needs more memory than there is, or is damaged."
                ) from error
        if not data:
            raise UnreadableBook(f"{entry} of {shown(self._name)} cannot be shown: save the PDF again.")
        return data

    def _send(self, data: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(data)
        pipe.flush()

    def _take(self, size: int) -> bytes:
        pipe = self._process.stdout
        assert pipe is not None
        data = pipe.read(size)
        if len(data) < size:
            raise EOFError
        return data


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
