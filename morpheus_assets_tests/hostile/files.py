"""Hostile files, made when they are asked for: (name, how to make its bytes, what must become of it).

The outcome is "read" or "refused"; a function of the text may check what was read.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from morpheus_assets_tests.hostile.containers import (
    MEGABYTE,
    PROSE,
    docx,
    epub,
    laughs,
    lying_sizes,
    outside,
    overlapping,
    package,
    page,
    pdf_of_many_words,
    pdf_packed_twice,
    quadratic,
    word,
    zipped,
)


@dataclass(frozen=True)
class HostileFile:
    """One row of the table; `seconds` and `megabytes` bound its reading on a slow machine."""

    title: str
    name: str
    make: Callable[[], bytes]
    outcome: str
    says: str = ""
    seconds: float = 10.0
    megabytes: int = 300
    check: Callable[[str], bool] = field(default=lambda text: True)


def png(width: int, height: int, packed: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def png_with_text_bomb() -> bytes:
    text = b"Comment\0\0" + zlib.compress(b"a" * (100 * MEGABYTE), 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    whole = png(4, 4, zlib.compress(b"\0" * (4 * 13)))
    return whole[:33] + chunk + whole[33:]


def chapters(count: int) -> str:
    return "".join(f"CHAPTER {number}\n\nThe {number} lamp burned low.\n\n" for number in range(1, count + 1))


def no_control(text: str) -> bool:
    return not any(ord(char) < 32 and char not in "\n\t" for char in text)


TEXTS = [
    HostileFile(
        "epub, a page of 300 MB of blanks", "b.epub", lambda: epub([b" " * (300 * MEGABYTE)]), "refused", "unpacks"
    ),
    HostileFile(
        "epub, 25,000 files",
        "b.epub",
        lambda: epub([page("x")], **{f"x{n}": b"" for n in range(25_000)}),
        "refused",
        "files",
    ),
    HostileFile("epub, 500 entries over the same bytes", "b.epub", overlapping, "refused"),
    HostileFile("epub, 200 MB that say they are 100 bytes", "b.epub", lying_sizes, "refused"),
    HostileFile(
        "epub, a billion laughs in the package",
        "b.epub",
        lambda: epub([page(f"<p>{PROSE}</p>")], package("&l9;", laughs("package"))),
        "refused",
        "EPUB",
    ),
    HostileFile(
        "epub, a billion laughs in a page",
        "b.epub",
        lambda: epub([page(f"<p>{PROSE}&l9;</p>", laughs("html"))]),
        "read",
    ),
    HostileFile(
        "epub, entities growing by the square",
        "b.epub",
        lambda: epub([page(f"<p>{PROSE}</p>")], package("&a;" * 60_000, quadratic("package"))),
        "refused",
        "EPUB",
    ),
    HostileFile(
        "epub, an entity that reads a file",
        "b.epub",
        lambda: epub([page(f"<p>{PROSE}&f;</p>", outside("html"))], package("&f;", outside("package"))),
        "read",
        check=lambda text: "root:" not in text,
    ),
    HostileFile(
        "docx, a document of 300 MB of blanks", "b.docx", lambda: docx(b" " * (300 * MEGABYTE)), "refused", "unpacks"
    ),
    HostileFile("docx, a billion laughs", "b.docx", lambda: docx(word("&l9;", laughs("w"))), "refused"),
    HostileFile(
        "docx, entities growing by the square", "b.docx", lambda: docx(word("&a;" * 60_000, quadratic("w"))), "refused"
    ),
    HostileFile(
        "docx, an entity that reads a file", "b.docx", lambda: docx(word(PROSE + "&f;", outside("w"))), "refused"
    ),
    HostileFile("pdf, three million words in 180 kB", "b.pdf", pdf_of_many_words, "refused", "memory", seconds=30),
    HostileFile("pdf, 1 GB in 4 kB", "b.pdf", pdf_packed_twice, "refused", seconds=30),
    HostileFile("pdf, the head of one", "b.pdf", lambda: b"%PDF-1.7\n" + b"1 0 obj\n" * 100_000, "refused"),
    HostileFile(
        "odt, a document of 300 MB of blanks",
        "b.odt",
        lambda: zipped({"content.xml": b" " * (300 * MEGABYTE)}),
        "refused",
        "unpacks",
    ),
    HostileFile(
        "odt, a billion laughs",
        "b.odt",
        lambda: zipped({"content.xml": word("&l9;", laughs("w"))}),
        "refused",
        "entity bomb",
    ),
    HostileFile("rtf, a million braces", "b.rtf", lambda: b"{\\rtf1 " + b"{" * 1_000_000, "refused", "nested"),
    HostileFile("rtf, a paragraph of 30 MB", "b.rtf", lambda: b"{\\rtf1 " + b"a " * 15_000_000, "refused", seconds=30),
    HostileFile(
        "rtf, a million words that change nothing", "b.rtf", lambda: b"{\\rtf1 " + b"\\b " * 1_000_000 + b"x}", "read"
    ),
    HostileFile(
        "fb2, a hundred thousand open sections",
        "b.fb2",
        lambda: b"<FictionBook><body>" + b"<section>" * 100_000 + PROSE.encode(),
        "refused",
    ),
    HostileFile(
        "fb2 in a zip, 300 MB", "b.zip", lambda: zipped({"a.fb2": b" " * (300 * MEGABYTE)}), "refused", "unpacks"
    ),
    HostileFile("htmlz, a page of 300 MB", "b.htmlz", lambda: zipped({"a.html": b" " * (300 * MEGABYTE)}), "refused"),
    HostileFile("txt, 70 MB", "b.txt", lambda: PROSE.encode() * 900_000, "refused", "MiB"),
    HostileFile("txt, a novel of 5 MB in one line", "b.txt", lambda: PROSE.encode() * 63_000, "read", seconds=30),
    HostileFile("txt, one word of 5 MB", "b.txt", lambda: b"a" * (5 * MEGABYTE), "read", seconds=60),
    HostileFile(
        "txt, 100,000 chapters", "b.txt", lambda: chapters(100_000).encode(), "read", seconds=60, megabytes=600
    ),
    HostileFile("txt, 1 MB of the word CHAPTER", "b.txt", lambda: b"CHAPTER " * 131_000, "read", seconds=30),
    HostileFile("txt, 1 MB of CHAPTER, one a line", "b.txt", lambda: b"CHAPTER\n" * 131_000, "read", seconds=30),
    HostileFile("txt, 1 MB of roman digits", "b.txt", lambda: b"IVXLCDM" * 150_000, "read", seconds=30),
    HostileFile(
        "txt, 3 MB of line ends and a sentence",
        "b.txt",
        lambda: b"\n" * (3 * MEGABYTE) + PROSE.encode(),
        "read",
        seconds=30,
    ),
    HostileFile(
        "txt, control characters between the letters",
        "b.txt",
        lambda: "".join(PROSE + chr(n % 32) for n in range(12_000)).encode(),
        "read",
        seconds=30,
        check=no_control,
    ),
    HostileFile(
        "txt, NUL bytes in every sentence",
        "b.txt",
        lambda: (PROSE + "\0").encode() * 12_000,
        "read",
        seconds=30,
        check=no_control,
    ),
    HostileFile(
        "txt, right to left with overrides",
        "b.txt",
        lambda: "\u202eהספינה חזרה הביתה בערב\u202c. \u2067وعاد الصيادون\u2069\n".encode() * 20_000,
        "read",
        seconds=30,
    ),
    HostileFile(
        "txt, 1 MB of combining marks",
        "b.txt",
        lambda: ("a" + "\u0301\u0323" * 250_000).encode() + PROSE.encode(),
        "read",
    ),
    HostileFile(
        "txt, UTF-16 with halves of pairs",
        "b.txt",
        lambda: b"\xff\xfe" + (PROSE * 2000).encode("utf-16-le") + b"\x00\xd8\x41\x00" * 2000,
        "read",
    ),
    HostileFile(
        "html, 200,000 open tags",
        "b.html",
        lambda: b"<html><body>" + b"<div>" * 200_000 + PROSE.encode(),
        "read",
        seconds=30,
    ),
    HostileFile(
        "html, 300,000 attributes",
        "b.html",
        lambda: b"<p " + b"".join(b"a%d=1 " % n for n in range(300_000)) + b">" + PROSE.encode(),
        "read",
        seconds=30,
    ),
    HostileFile(
        "md, 100,000 open quotes and brackets",
        "b.md",
        lambda: b">" * 100_000 + b"[" * 100_000 + b"\n\n" + PROSE.encode(),
        "read",
        seconds=30,
    ),
]

IMAGES = [
    HostileFile(
        "png, 60,000 × 60,000 declared",
        "b.png",
        lambda: png(60_000, 60_000, zlib.compress(b"\0" * MEGABYTE)),
        "refused",
        "pixels",
    ),
    HostileFile(
        "png, 200 MB packed behind 16 pixels",
        "b.png",
        lambda: png(4, 4, zlib.compress(b"\0" * (200 * MEGABYTE), 9)),
        "read",
    ),
    HostileFile("png, a comment of 100 MB", "b.png", png_with_text_bomb, "refused"),
    HostileFile(
        "png, 64 million pixels, the most allowed",
        "b.png",
        lambda: png(8000, 8000, zlib.compress(b"\0" * (8000 * 24_001), 1)),
        "read",
        seconds=20,
        megabytes=900,
    ),
    HostileFile(
        "gif, 65,535 × 65,535 declared",
        "b.gif",
        lambda: b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;",
        "refused",
        "pixels",
    ),
    HostileFile(
        "jpeg, 65,500 × 65,500 declared",
        "b.jpg",
        lambda: (
            b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\x00\x11\x08\xff\xdc\xff\xdc\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"
            + b"\0" * 100
        ),
        "refused",
    ),
    HostileFile("nothing but NUL", "b.png", lambda: b"\0" * MEGABYTE, "refused"),
]
