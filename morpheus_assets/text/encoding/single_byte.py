"""Tells single-byte encodings apart (cp1252, MacRoman, cp1251, KOI8-R …) by what their letters would say.

Every byte above 0x7F in the whole file counts, with its two neighbours: a novel may have 17 such bytes in 3 MB.
"""

from collections import Counter
from functools import lru_cache

from morpheus_assets.text.languages import languages

# Encodings by preference, each with its reluctance: where two read the same characters, the first is meant. Which
# languages come in which is the language files' to say; one that is missing here is the last resort.
_RELUCTANCE: dict[str, float] = {
    "cp1252": 0,
    "mac_roman": 2,
    "iso8859_15": 2,
    "cp850": 3,
    "cp437": 4,
    "cp1250": 2,
    "iso8859_2": 2.5,
    "cp852": 4,
    "mac_latin2": 4,
    "cp1251": 2,
    "koi8_r": 2,
    "koi8_u": 2.5,
    "cp866": 3,
    "iso8859_5": 3,
    "mac_cyrillic": 3,
    "cp1253": 2,
    "iso8859_7": 2.5,
    "mac_greek": 4,
    "cp1254": 2,
    "cp857": 4,
    "cp1257": 2,
    "iso8859_13": 3,
    "iso8859_3": 3,
    "cp1255": 2,
    "cp862": 4,
    "cp1256": 2,
    "iso8859_6": 3,
    "cp874": 3,
}
_LAST_RESORT = 4.0
_UNDEFINED, _CONTROL, _ODD = -20.0, -15.0, -8.0
_OPENING, _CLOSING = "“‘„«‚‹", "”’»›"
# A character: outweighs the small differences between ranks, as in a file whose only letter is e grave (or c caron).
_BIAS = 0.25
_MAX_CONTEXTS = 6000

Contexts = list[tuple[bytes, int]]


def contexts(data: bytes) -> Contexts:
    """Every distinct (byte before, byte above 0x7F, byte after) of the whole of `data`, with its count."""
    import numpy as np

    padded = np.frombuffer(b" " + data + b" ", dtype=np.uint8)
    high = np.flatnonzero(padded >= 0x80)
    if not len(high):
        return []
    wide = padded.astype(np.uint32, copy=False) if len(padded) < 1 << 22 else padded
    packed = (
        (wide[high - 1].astype(np.uint32) << 16)
        | (wide[high].astype(np.uint32) << 8)
        | wide[high + 1].astype(np.uint32)
    )
    values, counts = np.unique(packed, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MAX_CONTEXTS]
    return [(int(values[i]).to_bytes(3, "big"), int(counts[i])) for i in order]


def best_single_byte(found: Contexts) -> tuple[str, float]:
    """The likeliest encoding and its mean score a character: about -1 when right, below -4 when none fits."""
    total = sum(count for _, count in found)
    best, best_score = "cp1252", float("-inf")
    for encoding, alphabets in _alphabets().items():
        reluctance = _RELUCTANCE.get(encoding, _LAST_RESORT)
        score = _score(encoding, alphabets, found) - reluctance - (_BIAS * total if encoding != "cp1252" else 0)
        if score > best_score:
            best, best_score = encoding, score
    return best, best_score / max(total, 1)


@lru_cache(maxsize=1)
def _alphabets() -> dict[str, tuple[str, ...]]:
    """Encoding → the letters of each language that may be kept in it; encodings by preference."""
    found: dict[str, list[str]] = {encoding: [] for encoding in _RELUCTANCE}
    for language in languages():
        for encoding in language.encodings:
            found.setdefault(encoding, []).append(language.letters)
    return {encoding: tuple(alphabets) for encoding, alphabets in found.items() if alphabets}


def _score(encoding: str, alphabets: tuple[str, ...], found: Contexts) -> float:
    table = _table(encoding)
    shape = 0.0
    letters: Counter[str] = Counter()
    for (before, middle, after), count in found:
        char = table[middle]
        if char.isalpha():
            letters[char.lower()] += count
            shape += count * _letter_shape(table[before], char, table[after])
        else:
            shape += count * _symbol(table[before], char, table[after])
    return shape + max(sum(n * _rarity(char, alphabet) for char, n in letters.items()) for alphabet in alphabets)


@lru_cache(maxsize=64)
def _table(encoding: str) -> tuple[str, ...]:
    return tuple(bytes([value]).decode(encoding, "replace") for value in range(256))


def _rarity(char: str, alphabet: str) -> float:
    rank = alphabet.find(char)
    if rank >= 0:
        return -0.5 - 0.1 * rank
    return -5.0 if "ß" <= char <= "ÿ" else -7.0


def _letter_shape(before: str, char: str, after: str) -> float:
    score = 0.0
    if char.isupper():
        score -= 1.0
        if before.islower():
            score -= 6.0
        elif after.islower() and before.isupper():
            score -= 3.0
    elif before.isupper() and after.isupper():
        score -= 4.0
    foreign = ord(char) >= 0x370
    if any(near.isalpha() and (ord(near) >= 0x370) != foreign for near in (before, after)):
        score -= 6.0
    if before.isdigit() or after.isdigit():
        score -= 2.0
    return score


def _symbol(before: str, char: str, after: str) -> float:
    inside = before.isalpha() and after.isalpha()
    if char == "\ufffd":
        return _UNDEFINED
    if ord(char) < 0xA0:
        return _CONTROL
    if char in _OPENING:
        return -4.0 if before.isalpha() else -0.5 if not after.isspace() else -2.0
    if char in _CLOSING:
        return -0.5 if not before.isspace() else -2.0 if char != "”" else -4.0
    if char in "—–…":
        return -0.7
    if char in "¿¡":
        return -0.7 if after.isalpha() and not before.isalpha() else -6.0
    if char == "\xa0":
        return -1.5 if not inside else -3.0
    if char in "ºª°" and before.isdigit():
        return -1.5
    if char in "£§€°·•©®™†‡½¼¾²³¹ºª¶´×÷¢¥№":
        return -7.0 if inside else -3.0
    return _ODD
