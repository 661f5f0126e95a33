"""Tells single-byte encodings apart (cp1252, MacRoman, cp1251, KOI8-R …) by what their letters would say.

Every byte above 0x7F in the whole file counts, with its two neighbours: a novel may have 17 such bytes in 3 MB. Where
they are rare, the language of the ASCII words around them and the words that they stand in decide.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from morpheus_assets.text.encoding.accented_words import accented_words
from morpheus_assets.text.languages import Language, languages

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
    "mac_cyrillic": 3.5,
    "cp855": 4,
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
# What a file says of itself is believed until its characters speak plainly against it.
_DECLARED, _DECLARED_EACH = 6.0, 1.5
# A text whose ASCII words are English is hardly in an encoding that is there for Polish.
_FOREIGN, _FOREIGN_EACH = 3.0, 0.4
_FINALISTS = 8
_WORD = re.compile(rb"[A-Za-z\x80-\xff]{1,60}+")
_PIECE = re.compile(r"[^\W\d_]+")
_QUOTE = re.compile("[“”‘’«»—]")
_NO_WORD, _NO_LETTER, _AFTER_QUOTE, _CUT_SHORT, _TWO_HALVES = 1.7, 3.0, 0.5, 3.2, 2.5
# An apostrophe joins a short word to a long one, but for aujourd’hui and jusqu’ici.
_HALVES = re.compile("([A-Za-z]{3,})(?<!qu)(?<!rd)’([A-Za-z]{3,})")
_MIXED_CASE, _NEVER_CLOSED = 4.0, 1.5
# Letters that stand alone beside a mark: l’homme, don’t, and —I.
_ELIDED, _CLITIC, _SINGLE = frozenset("ldjcnsmtLDJCNSMTaO"), frozenset("stdmSTDM"), frozenset("aAIO")
_MAX_WORDS = 3000

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


@dataclass(frozen=True)
class Reading:
    """An encoding with its score for a whole text: the higher, the likelier; `mean` is that of one character."""

    encoding: str
    score: float
    mean: float


def single_byte_readings(data: bytes, language: str | None = None, declared: str | None = None) -> list[Reading]:
    """Encodings that `data` may be in, the likeliest first; a mean of -1 is usual when right, below -4 none fits.

    `language` is that of the ASCII words around, None where there are too few; `declared` what the file says of itself.
    """
    found = contexts(data)
    total = max(sum(count for _, count in found), 1)
    scores: dict[str, dict[str, float]] = {}
    for encoding, spoken in _spoken().items():
        doubt = _RELUCTANCE.get(encoding, _LAST_RESORT) + (_BIAS * total if encoding != "cp1252" else 0)
        if encoding == declared:
            doubt -= _DECLARED + (_DECLARED_EACH if language else _DECLARED_EACH / 3) * total
        shape, letters = _shape(encoding, found)
        scores[encoding] = {
            one.code: shape
            - doubt
            + sum(n * _rarity(char, one.letters) for char, n in letters.items())
            - (_FOREIGN + _FOREIGN_EACH * total if language is not None and one.code != language else 0)
            for one in spoken
        }
    ranked = sorted(scores, key=lambda encoding: -max(scores[encoding].values()))
    # Words cost more to look at than letters do, and change little where letters leave no doubt.
    near = ranked[: _FINALISTS if language is not None else 1]
    words = _Words(data) if len(near) > 1 else None
    readings = []
    for encoding in near:
        best = max(
            score + (words.score(encoding, code, at_home=code == language) if words is not None else 0.0)
            for code, score in scores[encoding].items()
        )
        readings.append(Reading(encoding, best, best / total))
    return sorted(readings, key=lambda reading: -reading.score)


class _Words:
    """The commonest words of a text that hold bytes above 0x7F: what they say for an encoding and a language.

    Many encodings read a word alike, and what it consists of is the same for every language: each is looked at once.
    """

    def __init__(self, data: bytes) -> None:
        found = Counter(_WORD.findall(data))
        above = Counter({word: count for word, count in found.items() if not word.isascii()})
        common = above.most_common(_MAX_WORDS)
        self._joined = b"\n".join(word for word, _ in common)
        self._counts = [count for _, count in common]
        self._plain = frozenset(word.lower() for word in found if word.isascii())
        self._read: dict[str, list[str]] = {}
        self._parts: dict[str, tuple[float, list[str]]] = {}
        self._scores: dict[str, dict[str, float]] = {}

    def score(self, encoding: str, code: str, *, at_home: bool) -> float:
        """What whole words say for `encoding` and the language of that ISO 639-1 code."""
        if encoding not in self._read:
            self._read[encoding] = self._joined.decode(encoding, "replace").split("\n") if self._counts else []
        known, scores = accented_words(code), self._scores.setdefault(code, {})
        score = 0.0
        for word, count in zip(self._read[encoding], self._counts, strict=True):
            if (one := scores.get(word)) is None:
                of_marks, pieces = self._parts_of(word)
                one = scores[word] = of_marks + sum(known.score(piece, at_home=at_home) for piece in pieces)
            score += count * one
        return score

    def _parts_of(self, word: str) -> tuple[float, list[str]]:
        """What a word's marks and ASCII pieces say, whatever the language, and its other pieces."""
        if word not in self._parts:
            pieces = [each for each in _PIECE.findall(word) if not each.isascii() and each.isalpha()]
            self._parts[word] = _marks_score(word, self._plain), pieces
        return self._parts[word]


def _marks_score(read: str, plain: frozenset[bytes]) -> float:
    """What one reading of a word says in any language: do its marks part words of the text, and is its case usual?

    `plain` are the ASCII words of the text, in lower case.
    """
    score = 0.0
    for found in _PIECE.finditer(read):
        piece = found.group()
        if not piece.isascii():
            if len(piece) > 2 and piece[:2].isupper() and piece[2].islower():
                score -= _MIXED_CASE
        elif len(piece) == 1:
            before, after = read[found.start() - 1 : found.start()], read[found.end() : found.end() + 1]
            elided = (after == "’" and piece in _ELIDED) or (before == "’" and piece in _CLITIC)
            score -= 0.0 if elided or (piece in _SINGLE and before != "’") else _NO_LETTER
        elif piece.lower().encode() not in plain:
            score -= _CUT_SHORT if "…" in read else _AFTER_QUOTE if _QUOTE.search(read) or "\xa0" in read else _NO_WORD
    if (halves := _HALVES.search(read)) and not {half.lower().encode() for half in halves.groups()} & plain:
        score -= _TWO_HALVES
    return score


@lru_cache(maxsize=1)
def _spoken() -> dict[str, tuple[Language, ...]]:
    """Encoding → the languages that may be kept in it; encodings by preference."""
    found: dict[str, list[Language]] = {encoding: [] for encoding in _RELUCTANCE}
    for language in languages():
        for encoding in language.encodings:
            found.setdefault(encoding, []).append(language)
    return {encoding: tuple(spoken) for encoding, spoken in found.items() if spoken}


def _shape(encoding: str, found: Contexts) -> tuple[float, Counter[str]]:
    """What the marks and the places of letters say for an encoding, and the letters themselves."""
    table = _table(encoding)
    shape = 0.0
    letters: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    for (before, middle, after), count in found:
        char = table[middle]
        if char.isalpha():
            letters[char.lower()] += count
            shape += count * _letter_shape(table[before], char, table[after])
        else:
            marks[char] += count
            shape += count * _symbol(table[before], char, table[after])
    for opening, others in (("“", "”„"), ("„", "“”")):
        if not any(marks[other] for other in others):
            shape -= _NEVER_CLOSED * marks[opening]
    return shape, letters


@lru_cache(maxsize=64)
def _table(encoding: str) -> tuple[str, ...]:
    return tuple(bytes([value]).decode(encoding, "replace") for value in range(256))


def _rarity(char: str, alphabet: str) -> float:
    rank = alphabet.find(char)
    if rank >= 0:
        return -0.5 - 0.1 * rank
    return -5.0 if "ß" <= char < "ÿ" else -7.0


def _letter_shape(before: str, char: str, after: str) -> float:
    score = 0.0
    if char.isupper():
        score -= 0.3 if after.islower() and not before.isalpha() else 1.0
        if before.islower():
            score -= 6.0
        elif after.islower() and before.isupper():
            score -= 3.0
    elif after.isupper():
        score -= 4.0
    foreign = ord(char) >= 0x370
    if any(near.isalpha() and (ord(near) >= 0x370) != foreign for near in (before, after)):
        score -= 6.0
    if before.isdigit() or after.isdigit():
        score -= 5.0
    if before in ",;:.!?":
        score -= 1.5
    return score


def _symbol(before: str, char: str, after: str) -> float:
    inside = before.isalpha() and after.isalpha()
    if char == "\ufffd":
        return _UNDEFINED
    if ord(char) < 0xA0:
        return _CONTROL
    if char in _OPENING:
        return _opening(before, char, after)
    if char in _CLOSING:
        if inside and char != "’":
            return -8.0
        return -0.5 if not before.isspace() else -3.0 if char != "”" else -4.0
    if char in "—–…" and before == "-":
        return -5.0
    if char == "…" and not before.isalpha() and not before.isdigit() and before not in ".?!\"'”’":
        return -1.7 if before.isspace() and not after.isalpha() else -2.5
    if char in "—–…":
        return -2.5 if inside and char == "…" else -1.5 if inside and char == "–" else -0.7
    if char in "¿¡":
        return -0.7 if after.isalpha() and not before.isalpha() else -6.0
    if char == "\xa0":
        return -1.0
    if (char in "ºª°½¼¾²³%" and before.isdigit()) or (char in "£€¥¢§" and after.isdigit()):
        return -0.7
    if char == "°" and before.isspace():
        return -1.5
    if char in "†‡©®™°ºª":
        return -7.0 if inside else -6.0 if after.isalpha() else -3.0
    if char in "£§€·•½¼¾²³¹¶´×÷¢¥№":
        return -7.0 if inside else -6.0 if before.isalpha() or after.isalpha() or char in "´¢" else -2.5
    return _ODD


def _opening(before: str, char: str, after: str) -> float:
    if before.isalpha():
        return -9.0 if after.isalpha() else -4.0
    if before.isdigit():
        return -6.0
    return -4.0 if char == "‚" else -2.0 if after.isspace() else -0.5
