"""Bytes to characters: the encoding of a file, judged over the whole of it, and repairs of what is broken.

Formats are formats.py's, file signatures are signatures.py's, cleaning of characters is cleaning.py's.
"""

import codecs
import contextlib
import re
from dataclasses import dataclass, replace

from morpheus_assets.text.encoding.declarations import python_name
from morpheus_assets.text.encoding.mojibake import undo_double_encoding
from morpheus_assets.text.encoding.multi_byte import (
    best_multi_byte,
    everyday_share,
    reads_as_multi_byte,
    utf16_without_mark,
    wide_marks_only,
)
from morpheus_assets.text.encoding.single_byte import Reading, single_byte_readings
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.languages import languages_by_code

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_UTF8_RUN = re.compile(
    rb"(?:[\xc2-\xdf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+"
)
_UTF7_PLUS = re.compile(rb"\+(?:-|[A-Za-z0-9+/]{3,})")
_UTF7_RUN = re.compile(rb"\+[A-Za-z0-9/]{3,}-")
_CONTROLS = bytes(range(0x09)) + bytes(range(0x0E, 0x1A)) + bytes(range(0x1C, 0x20))
_HIGH = bytes(range(0x80, 0x100))
_UNSURE = -4.0
# Of what is not ASCII, the share that must be UTF-8 in a file that mixes it with another encoding.
_MIXED = 0.15
_CLEAR, _HEAD = 2.0, 4096
_TAG = re.compile(rb"<[^<>]{0,500}>")
_WORD = re.compile(rb"\S{0,40}[\x80-\xff]\S{0,40}")
_SIMILAR = (("cp950", "big5hkscs"), ("cp932", "shift_jisx0213"), ("euc_jp", "euc_jis_2004"))
_FALLBACK_SAMPLE = 200_000
_WESTERN = {"cp1250", "cp1257", "cp1254", "cp1258", "latin_1", "iso8859_1", "hp_roman8", "cp1252", "mac_iceland"}


@dataclass(frozen=True)
class Decoded:
    """Characters with LF line ends and no BOM, the encoding's name, and sentences about repairs."""

    text: str
    encoding: str
    repairs: tuple[str, ...] = ()


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Decode a whole file and undo a double encoding; never fails: binary data comes out as the noise it is.

    `declared` is what the file says of itself (see declarations.py); UTF-8 that decodes is believed before it, because
    such declarations are often left over from a conversion, and what the characters plainly speak against is not.
    """
    decoded = _decode(data, declared)
    text, sentence = undo_double_encoding(decoded.text)
    return replace(decoded, text=text, repairs=(*decoded.repairs, sentence)) if sentence else decoded


def _decode(data: bytes, declared: str | None) -> Decoded:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _broken_utf8(data[len(bom) :]) if encoding == "utf-8" else _with(data[len(bom) :], encoding)
    wide = utf16_without_mark(data)
    if wide is not None:
        return _with(data, wide)
    if data.isascii():
        return _seven_bit(data)
    if _is_utf8(data):
        return _with(data, "utf-8")
    if len(data) - len(data.translate(None, _CONTROLS)) > 0.05 * len(data):
        # Binary data: what it decodes to will be refused, so it is not worth a search among 40 encodings.
        return Decoded(_line_feeds(data.decode("latin-1")), "binary")
    return _cut_utf8(data) or _mixed_utf8(data) or _legacy(data, declared)


def _broken_utf8(data: bytes) -> Decoded:
    """A byte order mark says UTF-8; broken passages after it are judged as in a file without one."""
    return _with(data, "utf-8") if _is_utf8(data) else _cut_utf8(data) or _mixed_utf8(data) or _with(data, "utf-8")


def _seven_bit(data: bytes) -> Decoded:
    """ASCII, or one of the encodings that hide in it: ISO-2022-JP, HZ, UTF-7."""
    guess = None
    if b"\x1b$)C" in data[:_HEAD]:
        guess = "iso2022_kr"
    elif b"\x1b$" in data:
        guess = "iso2022_jp_2"
    elif b"~{" in data and data.count(b"~{") == data.count(b"~}"):
        guess = "hz"
    elif b"+" in data and len(_UTF7_RUN.findall(data)) > 2 and b"+" not in _UTF7_PLUS.sub(b"", data):
        guess = "utf-7"
    if guess is not None:
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode(guess)
            if guess == "utf-7" or everyday_share(text) > 0.2:
                return Decoded(_line_feeds(text), _public_name(guess, data))
    return Decoded(_line_feeds(data.decode("ascii")), "utf-8")


def _cut_utf8(data: bytes) -> Decoded | None:
    """UTF-8 whose only fault is that it begins or ends inside a character."""
    start = next((i for i in range(min(4, len(data))) if data[i] & 0xC0 != 0x80), 0)
    for end in range(1, 4):
        try:
            text = data[start : len(data) - end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        if not text.isascii():
            sentence = "The file was cut in the middle of a character; that character was left out."
            return Decoded(_line_feeds(text), "utf-8", (sentence,))
    return None


def _mixed_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with passages in another encoding: lines that are valid UTF-8 stay, the others are judged."""
    found = sum(map(len, _UTF8_RUN.findall(data)))
    above = len(data) - len(data.translate(None, _HIGH))
    # the lines themselves are looked at where they could tell of enough
    if found < _MIXED * above:
        return None
    lines = data.split(b"\n")
    sound = broken = 0
    for line in lines:
        if not line.isascii():
            good = sum(len(run) for run in _UTF8_RUN.findall(line))
            bad = len(line) - len(line.translate(None, _HIGH)) - good
            sound += good if not bad or good > bad else 0
            broken += bad
    if sound < _MIXED * (sound + broken):
        return None
    rest = b"\n".join(_UTF8_RUN.sub(b"", line) for line in lines if not _is_utf8(line))
    encoding = single_byte_readings(rest, _language_around(data))[0].encoding
    if len(rest) > 50 and (wide := best_multi_byte(b"\n".join(line for line in lines if not _is_utf8(line)))):
        encoding = wide
        text = "\n".join(line.decode("utf-8") if _is_utf8(line) else line.decode(encoding, "replace") for line in lines)
    else:
        text = "\n".join(_decode_around(line, encoding) for line in lines)
    name = _public_name(encoding, rest)
    sentence = f"The file mixes UTF-8 and {name}; each passage was read in its own encoding."
    return Decoded(_line_feeds(text), f"utf-8+{name}", (sentence,))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_around(line: bytes, encoding: str) -> str:
    if _is_utf8(line):
        return line.decode("utf-8")
    pieces, position = [], 0
    for run in _UTF8_RUN.finditer(line):
        pieces.append(line[position : run.start()].decode(encoding, "replace"))
        pieces.append(run.group().decode("utf-8"))
        position = run.end()
    return "".join(pieces) + line[position:].decode(encoding, "replace")


def _legacy(data: bytes, declared: str | None) -> Decoded:
    """One of the encodings before UTF-8: as declared unless the text speaks against it, else as it reads best."""
    said = python_name(declared) if declared else None
    if said is not None and reads_as_multi_byte(data, said):
        return _with(data, said)
    wide = best_multi_byte(data)
    if wide is not None:
        return _with(data, wide, _unlike(declared, said, wide))
    language = _language_around(data)
    marked = wide_marks_only(data) if language is not None else None
    if marked is not None:
        return _with(data, marked, _unlike(declared, said, marked))
    readings = single_byte_readings(data, language, said)
    best = readings[0]
    if best.mean < _UNSURE and language is None and best.encoding != said:
        return _with(data, _asked_elsewhere(data) or best.encoding)
    return _with(data, best.encoding, _unlike(declared, said, best.encoding) or _doubt(data, readings))


def _language_around(data: bytes) -> str | None:
    """Language of the ASCII words, where they are most of the text; None where other letters carry it."""
    words = _TAG.sub(b" ", data) if b"</" in data else data
    plain = words.translate(None, _HIGH)
    if len(words) - len(plain) > 0.4 * len(plain):
        return None
    language = language_of(plain.decode("ascii"))
    # Few words tell no language; Latin, Malay and others without letters of their own borrow them as English does.
    return language if language != "und" and languages_by_code()[language].encodings else "en"


def _unlike(declared: str | None, said: str | None, encoding: str) -> tuple[str, ...]:
    """A sentence where a declaration that names a known encoding was not believed."""
    if said is None or said == encoding or any({said, encoding} <= {*names} for names in _SIMILAR):
        return ()
    return (f"The file says that it is {declared}, but its characters are those of {encoding}: it was read as that.",)


def _doubt(data: bytes, readings: list[Reading]) -> tuple[str, ...]:
    """A sentence with the likeliest alternative, where another encoding would read nearly as well otherwise."""
    best = readings[0]
    for other in readings[1:]:
        if best.score - other.score > _CLEAR:
            break
        for word in _WORD.findall(data):
            read, alternative = (word.decode(name, "replace") for name in (best.encoding, other.encoding))
            if read != alternative:
                return (
                    f"The encoding is not certain: read as {best.encoding} ({read}), it may be {other.encoding} "
                    f"({alternative}); save the file as UTF-8 if that is right.",
                )
    return ()


def _asked_elsewhere(data: bytes) -> str | None:
    """charset-normalizer's opinion of the lines that hold non-ASCII bytes: for languages without a table here."""
    import charset_normalizer

    lines = [line for line in data.split(b"\n") if not line.isascii()]
    stride = max(1, sum(map(len, lines)) // _FALLBACK_SAMPLE)
    best = charset_normalizer.from_bytes(b"\n".join(lines[::stride])[:_FALLBACK_SAMPLE]).best()
    if best is None:
        return None
    return "cp1252" if best.encoding in _WESTERN else best.encoding


def _with(data: bytes, encoding: str, repairs: tuple[str, ...] = ()) -> Decoded:
    text = data.decode(encoding, "replace")
    name = _public_name(encoding, data)
    lost = text.count("\ufffd") - (data.decode(encoding, "ignore").count("\ufffd") if "\ufffd" in text else 0)
    if lost:
        sentence = f"{lost:,} byte(s) are no {name} and were replaced by a question mark in a lozenge (U+FFFD)."
        repairs = (*repairs, sentence)
    return Decoded(_line_feeds(text.removeprefix("\ufeff")), name, repairs)


def _public_name(encoding: str, data: bytes) -> str:
    if encoding == "cp1252" and not any(0x80 <= byte < 0xA0 for byte in set(data)):
        return "iso-8859-1"
    return encoding.replace("_", "-") if encoding.startswith(("iso", "koi", "mac", "euc")) else encoding


def _line_feeds(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\u2028", "\n").replace("\u2029", "\n") if "\u2028" in text or "\u2029" in text else text
