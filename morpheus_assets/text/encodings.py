"""Bytes to characters: which encoding a file is in, judged over the whole file, and what had to be mended.

Knows nothing of formats; file signatures are signatures.py's, cleaning of characters is cleaning.py's.
"""

import codecs
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)


@dataclass(frozen=True)
class Decoded:
    """Characters with LF line ends and no BOM, the encoding's Python name, and sentences about repairs."""

    text: str
    encoding: str
    repairs: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """Decode `data`."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return Decoded(_line_feeds(data[len(bom) :].decode(encoding, "replace")), encoding)
    try:
        return Decoded(_line_feeds(data.decode("utf-8")), "utf-8")
    except UnicodeDecodeError:
        return Decoded(_line_feeds(data.decode("cp1252", "replace")), "cp1252")


def _line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
