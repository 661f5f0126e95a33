"""Numbers as headings write them: digits, roman numerals, CJK numerals and number words. Headings are grammar.py's."""

import re
from difflib import get_close_matches
from functools import lru_cache

from morpheus_assets.text.chapters.vocabulary import vocabulary
from morpheus_assets.text.chapters.words import fold

_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,4})(?:XC|XL|L?X{0,4})(?:IX|IV|V?I{0,4})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_CJK_DIGITS = {c: v for v, group in enumerate(("〇零○", "一壹壱弌", "二貳弐贰兩两", "三參参叁", "四肆",
                                                "五伍", "六陸陆", "七柒", "八捌", "九玖")) for c in group}  # fmt: skip
_CJK_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_LONGEST_LETTERED = 7
_CYRILLIC_ROMAN = str.maketrans("ІХСМ", "IXCM")
_CJK_TENS = {"廿": 20, "卅": 30}
_HANGUL = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
_HANGUL_UNITS = {"십": 10, "백": 100}
CJK_NUMERAL = "[" + "".join(_CJK_DIGITS) + "".join(_CJK_UNITS) + "".join(_CJK_TENS) + "万萬" + r"\d０-９" + "]{1,9}"


@lru_cache(maxsize=1)
def _ordinal_digits() -> re.Pattern[str]:
    suffixes = "|".join(map(re.escape, sorted(vocabulary().ordinal_suffixes)))
    return re.compile(rf"(\d{{1,6}})(?:{suffixes})?", re.IGNORECASE)


def roman_value(token: str) -> int | None:
    """The value of a roman numeral in one case ("XIV", "xiv"), None for anything else."""
    upper = token.upper()
    if not token or (token != upper and token != token.lower()) or not _ROMAN.fullmatch(upper):
        return None
    total = 0
    for letter, following in zip(upper, upper[1:] + " ", strict=True):
        value = _ROMAN_VALUES[letter]
        total += -value if _ROMAN_VALUES.get(following, 0) > value else value
    return total


def cyrillic_roman_value(token: str) -> int | None:
    """The value of a roman numeral in Cyrillic letters of the same look ("ІІІ"), None for anything else."""
    return None if token.isascii() else roman_value(token.translate(_CYRILLIC_ROMAN))


@lru_cache(maxsize=2)
def lettered_numeral(lenient: bool) -> re.Pattern[str]:
    """The pattern of numbers in languages' own letters, with their marks or, where `lenient`, without."""
    known = vocabulary().numerals
    shapes = [numerals.marked for numerals in known] + [
        numerals.bare for numerals in known if lenient and numerals.bare
    ]
    return re.compile("|".join(shapes) or "(?!)")


def lettered_value(token: str, lenient: bool) -> int | None:
    """The value of a number in a language's own letters ("י״ב"), which need no marks where `lenient`; else None."""
    if len(token) > _LONGEST_LETTERED or not lettered_numeral(lenient).fullmatch(token):
        return None
    values = (numerals.value(token) for numerals in vocabulary().numerals)
    return next((value for value in values if value is not None), None)


def digits_value(token: str) -> int | None:
    """The value of "12", "１２", "๑๒", "2nd", "1er", None for anything else."""
    match = _ordinal_digits().fullmatch(token)
    return int(match.group(1)) if match else None


def cjk_value(numeral: str) -> int | None:
    """The value of "一百二十", "一零零", "廿三", "12" or "일", None for anything else."""
    if numeral.isdecimal():
        return int(numeral)
    if all(character in _CJK_DIGITS or character.isdecimal() for character in numeral):
        return int("".join(str(_CJK_DIGITS.get(c, c)) for c in numeral)) if numeral else None
    total, pending = 0, 0
    for character in numeral:
        if character in _CJK_DIGITS or character in _HANGUL:
            pending = _CJK_DIGITS.get(character) or _HANGUL.get(character, 0)
        elif character.isdecimal():
            pending = pending * 10 + int(character)
        elif character in _CJK_TENS:
            total += _CJK_TENS[character]
        elif character in "万萬":
            total, pending = (total + pending) * 10_000, 0
        elif character in _CJK_UNITS or character in _HANGUL_UNITS:
            total += (pending or 1) * (_CJK_UNITS.get(character) or _HANGUL_UNITS[character])
            pending = 0
        else:
            return None
    return total + pending


@lru_cache(maxsize=4096)
def misspelled_value(word: str) -> int | None:
    """The value of a single number word with a letter wrong or lost ("Zölftes", "FOUTEEN"), None for other words."""
    folded = fold(word)
    if len(folded) < 5 or not folded.isalpha():
        return None
    near = (key for key in vocabulary().numbers if key[0] == folded[0] and abs(len(key) - len(folded)) <= 1)
    best = get_close_matches(folded, near, 1, cutoff=0.88)
    return vocabulary().numbers[best[0]] if best else None


def number_words_value(tokens: list[str]) -> tuple[int, int] | None:
    """The longest number written in words at the start of `tokens`: (value, tokens used), None if there is none."""
    known = vocabulary()
    if not tokens or fold(tokens[0]) not in known.number_openings:
        return None
    folded = [fold(token) for token in tokens[: known.longest_number]]
    for used in range(len(folded), 0, -1):
        value = known.numbers.get(" ".join(folded[:used]))
        if value is not None:
            return value, used
    return None
