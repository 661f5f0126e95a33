"""From decoded characters to text: control characters out, NFC, and the offsets that this moved.

Decides as well when decoded characters are too strange to be a text at all.
"""

import re
import unicodedata
from collections.abc import Iterable

# Tab and line feed stay. A form feed becomes a space, one for one, so that lines and offsets stay what they were.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff\xad]")
_PAGE_BREAKS = str.maketrans({"\f": " ", "\v": " "})
_C1_MEANT = {
    chr(value): bytes([value]).decode("cp1252") for value in range(0x80, 0xA0) if value not in b"\x81\x8d\x8f\x90\x9d"
}
_C1 = re.compile("[" + "".join(_C1_MEANT) + "]")
_NOISE = re.compile("[\x00-\x06\x0e-\x19\x1c-\x1f\x7f\ufffd]")
_TOO_NOISY = 0.03
_MOST_MARKS = 30
# Marks are neither letters nor spaces; what else is in such a run is kept.
_PERHAPS_MARKS = re.compile(rf"[^\w\s]{{{_MOST_MARKS + 1},}}")


def is_noise(text: str) -> bool:
    """More than 3 % control or undecodable characters: binary data shows 10 %, the worst damaged book 0.1 %."""
    meant = text.rstrip("\x00\x1a")
    if not meant:
        return True
    if "\ufffd" not in meant and _is_printable(meant):
        return False
    return len(_NOISE.findall(meant)) > max(_TOO_NOISY * len(meant), 3)


def _is_printable(text: str) -> bool:
    """Whether all but its lines' ends and tabs is printable, as no control is: told in a third of a search for them."""
    return text.replace("\n", "").replace("\t", "").isprintable()


def clean(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without control characters, in NFC, line for line as before; and what was mended, in sentences."""
    repairs = []
    if not _is_printable(text):
        if _C1.search(text):
            text = _C1.sub(lambda found: _C1_MEANT[found.group()], text)
            repairs.append("Typographic marks that had been kept as control characters were restored.")
        text, removed = _CONTROL.subn("", text)
        if removed:
            repairs.append(f"{removed:,} invisible control characters were removed.")
        text = text.translate(_PAGE_BREAKS) if "\f" in text or "\v" in text else text
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        limited = limit_marks(text)
        if limited != text:
            repairs.append(f"Letters with more than {_MOST_MARKS} marks upon them lost those above.")
        text = unicodedata.normalize("NFC", limited)
    return text, tuple(repairs)


def limit_marks(text: str) -> str:
    """At most 30 combining marks in a row: putting them in order takes the square of their number (1 MB: 4 minutes).

    Unicode's own limit for text that is normalised as a stream (UAX #15, Stream-Safe Text Format).
    """
    return _PERHAPS_MARKS.sub(_limited, text)


def _limited(run: re.Match[str]) -> str:
    kept, marks = [], 0
    for char in run.group():
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def anchors_by_line(source: str, text: str) -> Iterable[tuple[int, int, int]]:
    """Origin anchors for two strings with the same lines: one wherever the distance between them changes."""
    yield 0, 0, 0
    if source == text:
        return
    at_source = at_text = distance = 0
    for line, cleaned in zip(source.split("\n"), text.split("\n"), strict=True):
        if at_text - at_source != distance:
            distance = at_text - at_source
            yield at_text, 0, at_source
        at_source += len(line) + 1
        at_text += len(cleaned) + 1
