"""One file a language, named by its ISO 639-1 code: all that decoding, chapter finding and search know of it.

Each file holds one `LANGUAGE`. The tables of the algorithms are derived from all the files, so that a new language
is one new file. Only languages belong in this folder; which one a text is in is language_detection.py's.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module

# The encodings that books of a region were kept in before UTF-8.
WESTERN = ("cp1252", "mac_roman", "iso8859_15", "cp850", "cp437")
CENTRAL_EUROPEAN = ("cp1250", "iso8859_2", "cp852", "mac_latin2")
BALTIC = ("cp1257", "iso8859_13")
CYRILLIC = ("cp1251", "cp866", "iso8859_5", "mac_cyrillic", "cp855")


@dataclass(frozen=True)
class Numerals:
    """Numbers that a language writes with its own letters or marks, as regular expressions.

    `marked` matches one that cannot be a word, `bare` one that counts only after a unit or alone on its line; `value`
    reads what either matches, None where it is no number.
    """

    marked: str
    value: Callable[[str], int | None]
    bare: str = ""


@dataclass(frozen=True, eq=False)
class Language:
    """A language; tables in one string are words separated by blanks, or by "|" where names hold blanks.

    Case, diacritics and hyphens are folded in all words of headings. A word means the same in every language, so two
    files must not give one word two meanings; of the kinds in `matter` a later one wins (see chapters/matter.py).
    """

    code: str
    """ISO 639-1, and the file's name."""
    names: str = ""
    """English name and ISO 639-2 codes, by which files declare the language."""
    detected: bool = True
    """Among the answers of language_detection; False for languages that English verse is easily taken for."""
    search_configuration: str = "simple"
    """Text search configuration of Postgres; a server that lacks it falls back to `simple`."""

    units: Mapping[str, str] = field(default_factory=dict)
    """Division of a book ("chapter", "letter", "book" …) → the words for it."""
    counters: Mapping[str, str] = field(default_factory=dict)
    """Division → the characters that follow its number, as in 第一章 and 제1장."""
    articles: str = ""
    """Words that may stand before a title or between a unit and its number."""
    never_units: str = ""
    """Words before a number that name no division: months, page, figure."""
    numbers: Callable[[], Mapping[str, int]] = dict
    """Number words → values, cardinal and ordinal, below 200 or so; -1 means "the last"."""
    numerals: Numerals | None = None
    """Numbers in the language's own letters; digits of every script are known without."""
    ordinal_suffixes: str = ""
    """Endings after digits: st, nd, ème."""
    matter: Mapping[str, str] = field(default_factory=dict)
    """Names of what stands around and between the chapters, by kind (see chapters/matter.py)."""

    letters: str = ""
    """Letters beyond ASCII, lower case, commonest first: the evidence by which encodings are told apart."""
    encodings: tuple[str, ...] = ()
    """Single-byte encodings that `letters` may be kept in (see encoding/single_byte.py)."""
    accented: str = ""
    """Common words that hold `letters`: they tell readings apart that differ in one byte, as fête from fàte."""
    everyday: str = ""
    """Characters of 40-60 % of running Chinese, Japanese or Korean text; of wrongly decoded text under 5 %."""


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """All languages, by code."""
    codes = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{code}").LANGUAGE for code in codes)


@lru_cache(maxsize=1)
def languages_by_code() -> dict[str, Language]:
    """ISO 639-1 code → language."""
    return {language.code: language for language in languages()}


def listed(names: str, separator: str = "") -> list[str]:
    """Names of a table written as text, separated by blanks or by `separator` and line ends."""
    if not separator:
        return names.split()
    return [name.strip() for line in names.splitlines() for name in line.split(separator)]


def counted(words: str) -> dict[str, int]:
    """Values of words in counting order from one; "/" parts two forms of one number."""
    return {form: number for number, forms in enumerate(words.split(), 1) for form in forms.split("/")}


def tens(words: str) -> dict[str, int]:
    """Values of the words for 20, 30, 40 …; "/" parts two forms of one number."""
    return {form: (number + 1) * 10 for form, number in counted(words).items()}


def compounds(words: str, ones: Mapping[str, int], pattern: str = "{ten} {one}") -> dict[str, int]:
    """Numbers between the tens, of the words for 20, 30, 40 … and those below ten: "twenty" and "one" are 21."""
    below = {word: number for word, number in ones.items() if 0 < number < 10}
    return {
        pattern.format(ten=ten, one=one): value + number
        for ten, value in tens(words).items()
        for one, number in below.items()
    }


def inflected(stems: str, endings: str) -> dict[str, int]:
    """Values of stems in counting order from one, each with every ending; "/" parts two stems of one number."""
    return {stem + ending: number for stem, number in counted(stems).items() for ending in endings.split()}
