"""Tells East Asian encodings and UTF-16 without a mark apart, by how many characters are everyday ones.

A wrong decoding of such bytes still yields ideographs, but rare ones.
"""

import re
import string
from collections import Counter
from functools import cache

from morpheus_assets.text.languages import languages_by_code

_CANDIDATES = ("gb18030", "cp950", "big5hkscs", "euc_jp", "cp932", "euc_jis_2004", "cp949")
_SAMPLE_BYTES = 1_000_000
_ENOUGH = 0.22
_BROKEN = 0.002
_DECLARED_ENOUGH, _DECLARED_BROKEN = 0.12, 0.01
_GLUED, _SHORT_RUN, _MOSTLY_ASCII, _MANY_DIFFERENT = 0.3, 3, 4, 60
_RUN = re.compile("[\u2e80-\uffdf]+")
_LETTERS = frozenset(string.ascii_letters)
_MARKS = frozenset("　、。·—―～‖…‥‘’“”〔〕〈〉《》「」『』！（），：；？")


def best_multi_byte(data: bytes) -> str | None:
    """The East Asian encoding that reads `data` as everyday language, or None."""
    sample = _lines_above_ascii(data)
    best, best_share = None, _ENOUGH
    for encoding in _CANDIDATES:
        text = sample.decode(encoding, "replace")
        if not _is_running(text):
            continue
        above = sum(1 for char in text if char >= "\x80")
        if text.count("\ufffd") > max(1 if above > 20 else 0, _BROKEN * above):
            continue
        share = everyday_share(text)
        if share > best_share + 0.005:
            best, best_share = encoding, share
    return best


def reads_as_multi_byte(data: bytes, encoding: str) -> bool:
    """True if `encoding` is an East Asian one and `data` reads as running text or as the marks of it."""
    if encoding not in (*_CANDIDATES, "iso2022_jp", "iso2022_jp_2", "iso2022_kr", "hz", "johab", "euc_tw"):
        return False
    sample = _lines_above_ascii(data)
    text = sample.decode(encoding, "replace")
    if text.count("\ufffd") > max(1, _DECLARED_BROKEN * len(text)):
        return False
    return (_is_running(text) and everyday_share(text) > _DECLARED_ENOUGH) or wide_marks_only(data) == encoding


def wide_marks_only(data: bytes) -> str | None:
    """The East Asian encoding in which all that is not ASCII in `data` are quotes, dashes and full-width marks.

    English that passed through a Chinese or Japanese computer holds no other wide characters.
    """
    sample = _lines_above_ascii(data)
    for encoding in ("gb18030", "cp950", "cp932"):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        marks = {char for char in text if char >= "\x80"}
        # In Shift JIS two such bytes are also "üg" of a German word in cp850: a pair of quotes is none.
        if marks <= _MARKS and (encoding != "cp932" or {"“", "”"} <= marks):
            return encoding
    return None


def _is_running(text: str) -> bool:
    """True if wide characters stand beside each other, not in ones and twos among words of ASCII letters.

    "protégés" in latin-1 also reads as gb18030: two ideographs after "prot". So does “I before a blank.
    """
    runs = glued = wide = in_text = 0
    for run in _RUN.finditer(text):
        start, end = run.span()
        runs += 1
        wide += end - start
        if end - start > _SHORT_RUN:
            in_text += end - start
        elif text[start - 1 : start] in _LETTERS or text[end : end + 1] in _LETTERS:
            glued += 1
    if glued > _GLUED * runs:
        return False
    if in_text >= 0.5 * wide or len({char for char in text if char >= "\u2e80"}) > _MANY_DIFFERENT:
        return True
    return sum("a" <= char <= "z" for char in text) < _MOSTLY_ASCII * wide


def everyday_share(text: str) -> float:
    """Of the non-ASCII characters, the share that everyday Chinese, Japanese or Korean would use."""
    counts = Counter(text)
    wide = {char: n for char, n in counts.items() if ord(char) >= 0x2E80}
    if not wide:
        return 0.0
    above = sum(n for char, n in counts.items() if ord(char) >= 0x80)
    kana = sum(n for char, n in wide.items() if "ぁ" <= char <= "ヺ")
    letters = sum(n for char, n in wide.items() if char.isalpha()) or 1
    if kana > 0.1 * letters:
        good = kana + sum(n for char, n in wide.items() if char in _everyday("ja"))
        good -= sum(n for char, n in wide.items() if "\uff61" <= char <= "\uff9f")
    else:
        good = sum(n for char, n in wide.items() if char in _everyday("zh"))
        good = max(good, sum(n for char, n in wide.items() if char in _everyday("ko")))
    return good / max(above - sum(wide.get(char, 0) for char in "　，。、！？「」『』：；"), 1)


@cache
def _everyday(language: str) -> frozenset[str]:
    return frozenset(languages_by_code()[language].everyday)


def utf16_without_mark(data: bytes) -> str | None:
    """ "utf-16-le" or "utf-16-be" (or the UTF-32 pair) when the zeros or line ends of `data` lie that way."""
    import numpy as np

    usable = len(data) // 4 * 4
    if usable < 4 or (b"\x00" not in data):
        return None
    columns = (np.frombuffer(data, dtype=np.uint8, count=usable).reshape(-1, 4) == 0).mean(axis=0)
    if columns[0] > 0.99 and columns[1] > 0.9 and columns[3] < 0.1:
        return "utf-32-be"
    if columns[3] > 0.99 and columns[2] > 0.9 and columns[0] < 0.1:
        return "utf-32-le"
    even, odd = columns[[0, 2]].mean(), columns[[1, 3]].mean()
    if max(even, odd) > 0.3 and min(even, odd) < 0.05:
        return "utf-16-be" if even > odd else "utf-16-le"
    return _wide_utf16(data[: len(data) // 2 * 2])


def _wide_utf16(data: bytes) -> str | None:
    """UTF-16 of a script whose high bytes are not zero: only line ends, spaces and digits hold zeros."""
    sample = data[:_SAMPLE_BYTES]
    ends = {"utf-16-le": (b"\n\x00", b" \x00", b"\x00\x30"), "utf-16-be": (b"\x00\n", b"\x00 ", b"\x30\x00")}
    shares = {}
    for encoding in ends:
        text = sample.decode(encoding, "replace")
        kinds = Counter(
            "bad"
            if char == "\ufffd" or (ord(char) < 32 and char not in "\t\n\r\f")
            else "narrow"
            if 0x370 <= ord(char) < 0x700
            else "other"
            for char in text
        )
        if kinds["bad"] <= _BROKEN * len(text):
            shares[encoding] = max(everyday_share(text), kinds["narrow"] / max(len(text), 1))
    best = max(shares, key=lambda encoding: shares[encoding], default=None)
    return best if best is not None and shares[best] > _ENOUGH else None


def _lines_above_ascii(data: bytes) -> bytes:
    if len(data) <= _SAMPLE_BYTES:
        return data
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    stride = max(1, sum(map(len, lines)) // _SAMPLE_BYTES)
    sample = b"\n".join(lines[::stride])
    return sample[: 8 * _SAMPLE_BYTES]
