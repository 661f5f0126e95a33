"""Reading of one line as a heading: unit, number, title. Judges its words only; how it stands is hits.py's."""

import re
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from morpheus_assets.text.chapters.cjk_grammar import parse_cjk
from morpheus_assets.text.chapters.heading import CONTAINERS, Heading
from morpheus_assets.text.chapters.numerals import (
    cyrillic_roman_value,
    digits_value,
    lettered_numeral,
    lettered_value,
    misspelled_value,
    number_words_value,
    roman_value,
)
from morpheus_assets.text.chapters.vocabulary import vocabulary
from morpheus_assets.text.chapters.words import WORD, fold

_TOKEN = re.compile(rf"{WORD}(?:['’]{WORD})?|§|#")
_AFTER_NUMBER = re.compile(r"[\s]*(?:[.:)\]—–\-―,;|]+|\s{2,}|\t|/)\s*")
_UNIT_AND_DIGITS = re.compile(r"(\D{2,})\d{1,4}")
_NUMBER_CASE = re.compile(r"[IVXLCDM]+")
_OCR_ROMAN = str.maketrans({"l": "I", "1": "I", "!": "I", "|": "I", "U": "II", "T": "I"})
LONGEST_BARE_NUMBER = 999
_MOST_TOKENS = 14
"""No heading is told by a word behind these."""
_SECOND_NUMBERS = (
    re.compile(r"[.．-](\d{1,3})(?![\d.,-]*\d)"),
    re.compile(r"[\s,:–—-]{0,4}[(\[](\d{1,3}) ?(?:/|of|／) ?\d{1,3}[)\]]"),
    re.compile(
        r"[\s,:–—-]{0,4}[(\[]?(?:part|pt\.?|teil|partie|parte|часть)\.? ?(\d{1,3}|[IVX]{1,4})(?!\w)[)\]]?",
        re.IGNORECASE,
    ),
)
_SHORT_FORM = re.compile(r"(?:(?:V|Vol|B|S)\.?(\d{1,3})[ .,-]{0,2})?(?:C|Ch|Ep)\.?(\d{1,4})(?=$|[\s:.–—-])")
_TWO_NUMBERS = re.compile(r"(\d{1,3})[.．-](\d{1,3})(?![\d.,-]*\d)(?=[\s.:：–—)-]|$)")
_LETTERED_PART = re.compile(r"(\d{1,4})([a-h])", re.IGNORECASE)
_SHARE = re.compile(r"[(\[]?(\d{1,3}) ?/ ?(\d{1,3})[)\]]?$")
_CAPTION = re.compile(r"\s?(?::|：|–|—|--| - )\s*(?=\S)")

_FIRST_TOKEN = re.compile(rf"[\W_]{{0,12}}({WORD})")
_CJK_START = frozenset("第卷巻其その之章回正本上中下前後后最終终大제〇零一二三四五六七八九十百千")


_SHORT_CJK = re.compile(r"[〇零一二三四五六七八九十百千]{1,6}[章回话話]")


class _Number(NamedTuple):
    value: float | None
    used: int
    style: str


def might_be_heading(line: str) -> bool:
    """Judge cheaply by the first word: False where parse_heading cannot find a unit or a number in front."""
    match = _FIRST_TOKEN.match(line)
    if match is None:
        return "§" in line[:12]
    word = match.group(1)
    if _SHORT_FORM.match(line.lstrip("#*=[ ")):
        return True
    if word == "I":
        return not (line[match.end() : match.end() + 1] == " " and line[match.end() + 1 : match.end() + 2].islower())
    if _opens_heading(word):
        return True
    return word[0].isupper() and len(line) < 40 and _is_unit(line.rstrip(" .").rsplit(None, 1)[-1])


@lru_cache(maxsize=65536)
def _opens_heading(token: str) -> bool:
    """True for a first word that is a number or a unit; a novel's lines begin with a few thousand words."""
    first = token[0]
    if first.isdecimal() or first in _CJK_START or _SHORT_CJK.match(token):
        return True
    if first in "IVXLCDMivxlcdm" and roman_value(token) is not None:
        return True
    if fold(token) in vocabulary().openings or _opens_piece(token):
        return True
    plain = token.isascii() and token.isalpha()
    return not plain and (_unit_length(token) > 0 or lettered_value(token, lenient=True) is not None)


def _opens_piece(token: str) -> bool:
    """True for "Interlude" and "番外二"."""
    pieces = vocabulary().pieces
    if token.isascii():
        return token[0].isupper() and token.lower() in pieces
    return fold(token) in pieces or any(token[:length] in pieces for length in (2, 3))


def names_unit(line: str) -> bool:
    """True if the first word names a division: such a heading may be a long summary."""
    match = _FIRST_TOKEN.match(line)
    if match is None:
        return False
    return _is_unit(match.group(1)) or match.group(1)[0] == "第" or _unit_length(match.group(1)) > 0


def parse_heading(text: str) -> Heading | None:
    """Read a cleaned line as a numbered heading; None where it has no number that could be one.

    `text` is without decoration (see lines.clean); titles keep the spelling of the line.
    """
    cjk = parse_cjk(text)
    if cjk is not None:
        return cjk
    spans = _spans(text[:120])
    if not spans:
        return None
    tokens = [token for _, _, token in spans]
    first = 1 if len(tokens) > 2 and _is_article(tokens[0]) else 0
    return (
        _two_numbers(text)
        or _short_form(text)
        or _unit_first(text, spans, tokens, first)
        or _number_then_unit(text, spans, tokens, first)
        or _number_first(text, spans, tokens)
        or _unknown_unit(text, spans, tokens)
    )


def _two_numbers(text: str) -> Heading | None:
    """ "1.2 Title" and "1-2": a part and a chapter in it; "(2/8)" alone."""
    if not text[:2].strip("([")[:1].isdecimal():
        return None
    share = _SHARE.match(text)
    if share and 0 < int(share.group(1)) <= int(share.group(2)):
        return Heading("", int(share.group(1)), "bare-share", "", True, True, label=text)
    match = _TWO_NUMBERS.match(text)
    if match is None or not int(match.group(2)):
        return None
    value = int(match.group(1)) + int(match.group(2)) / 1000
    title = _title_after(text[match.end() :])[0]
    if title and (title[0].islower() or len(text) > 100):
        return None
    return Heading("", value, "bare-decimal", title, True, title.isupper(), label=match.group())


def _short_form(text: str) -> Heading | None:
    """ "C12: Title" and "V2C12", as readers of serials abbreviate."""
    match = _SHORT_FORM.match(text)
    if match is None:
        return None
    title, separated = _title_after(text[match.end() :])
    outer = ("volume", float(match.group(1))) if match.group(1) else None
    return Heading("chapter", int(match.group(2)), "arabic", title, separated, True, match.group(), outer)


def _spans(text: str) -> list[tuple[int, int, str]]:
    """Start, end and text of each token; in front, a unit and the number right after it are two tokens."""
    found = islice(_TOKEN.finditer(text), _MOST_TOKENS)
    spans = [(match.start(), match.end(), match.group()) for match in found]
    for index, (start, end, token) in enumerate(spans[:4]):
        if token.isascii() and token.isalpha():
            continue
        marked = lettered_numeral(lenient=False).match(text, start)
        if marked:
            rest = [span for span in spans[index + 1 :] if span[0] >= marked.end()]
            return [*spans[:index], (start, marked.end(), marked.group()), *rest]
        if length := _unit_length(token):
            inside = start + length
            parts = [(start, inside, token[:length]), (inside, end, token[length:])]
            return [*spans[:index], *parts, *spans[index + 1 :]]
    return spans


def _unit_length(token: str) -> int:
    """Length of the unit in a token that goes on with a number ("บทที่๑", "Chapter1"), 0 for any other token."""
    if token[-1].isdecimal():
        digits = _UNIT_AND_DIGITS.fullmatch(token)
        return digits.end(1) if digits and _is_unit(digits.group(1)) else 0
    known = vocabulary()
    units = () if token.isascii() else known.caseless_units.get(token[0], ())
    # Scripts without capitals may do without spaces too: the number can be a word.
    for unit in units:
        folded = fold(token)
        if folded.startswith(unit) and folded[len(unit) :] in known.numbers:
            return next(end for end in range(len(unit), len(token)) if fold(token[end:]) in known.numbers)
    return 0


def _read_number(tokens: list[str], position: int, lenient: bool) -> _Number | None:
    if position >= len(tokens):
        return None
    token = tokens[position]
    digits = digits_value(token)
    if digits is not None:
        return _Number(digits, 1, "arabic")
    roman = roman_value(token)
    if roman is not None and (token.isupper() or lenient):
        return _Number(roman, 1, "roman")
    lookalike = cyrillic_roman_value(token) if lenient and position else None
    if lookalike is not None:
        return _Number(lookalike, 1, "roman")
    words = number_words_value(tokens[position : position + 6])
    if words is not None:
        return _Number(None if words[0] < 0 else words[0], words[1], "word")
    lettered = lettered_value(token, lenient)
    if lettered is not None:
        return _Number(lettered, 1, "lettered")
    if lenient and len(token) <= 8:
        repaired = token.translate(_OCR_ROMAN)
        if _NUMBER_CASE.fullmatch(repaired):
            return _Number(roman_value(repaired), 1, "roman")
    value = misspelled_value(token) if lenient and len(tokens) == position + 1 and position else None
    if value:
        return _Number(value, 1, "word")
    return None


def _unit_first(text: str, spans: list[tuple[int, int, str]], tokens: list[str], first: int) -> Heading | None:
    unit = vocabulary().units.get(fold(tokens[first]))
    if unit is None:
        return None
    position = first + 1
    while position < len(tokens) - 1 and position < first + 3 and _is_article(tokens[position]):
        position += 1
    between = text[spans[first][1] : spans[position][0]] if position < len(tokens) else ""
    if len(between) > 12 or re.search(r"[^\s.:,\-–—―#°º№\w]", between):
        return None
    number = _lettered_part(tokens, position) or _read_number(tokens, position, lenient=True)
    if number is None:
        return _captioned(text, spans, tokens, first, unit)
    last = position + number.used - 1
    value, end = number.value, spans[last][1]
    split = _second_number(text[end:])
    if split is not None and number.style != "roman":
        value, end = (value or 0) + split[0], end + split[1]
    inner_roman = re.match(r"\.([IVXLC]+)\b", text[end:])
    if inner_roman and number.style == "arabic" and roman_value(inner_roman.group(1)):
        # "Chapter 1.IV" counts the book first and the chapter second.
        value, end = roman_value(inner_roman.group(1)), end + inner_roman.end()
    rest = text[end:]
    if unit in CONTAINERS:
        inner = _inner_heading(rest)
        if inner is not None:
            return inner._replace(outer=(unit, value))
    title, separated = _title_after(rest)
    return Heading(unit, value, number.style, title, separated, tokens[first].isupper(), label=text[:end])


def _lettered_part(tokens: list[str], position: int) -> _Number | None:
    """ "3b" after a unit."""
    match = _LETTERED_PART.fullmatch(tokens[position]) if position < len(tokens) else None
    if match is None:
        return None
    return _Number(int(match.group(1)) + (ord(match.group(2).lower()) - ord("a") + 1) / 1000, 1, "arabic")


def _captioned(
    text: str, spans: list[tuple[int, int, str]], tokens: list[str], first: int, unit: str
) -> Heading | None:
    """ "Chapter: The Arrival", without a number."""
    match = _CAPTION.match(text, spans[first][1])
    if unit != "chapter" or first or match is None or not tokens[0][0].isupper() or text[match.end()].islower():
        return None
    return Heading(
        unit, None, "unnumbered", text[match.end() :], True, tokens[0].isupper(), label=text[: match.start()]
    )


def _second_number(rest: str) -> tuple[float, int] | None:
    """What a second number adds to the first ("2.5", "1-3", "5 (2/8)", "5, Part 2"), and its length.

    Parts count in thousandths, so that 1.9 comes before 1.10 and both before 2.1.
    """
    for pattern in _SECOND_NUMBERS:
        match = pattern.match(rest)
        if match:
            second = match.group(1)
            number = int(second) if second.isdecimal() else roman_value(second.upper())
            return (number or 0) / 1000, match.end()
    return None


def _is_unit(token: str) -> bool:
    return fold(token) in vocabulary().units


def _is_article(token: str) -> bool:
    """ "L" before a title is fifty, not an article."""
    return fold(token) in vocabulary().articles and roman_value(token if token.isupper() else "") is None


def _inner_heading(rest: str) -> Heading | None:
    """ "BOOK I. CHAPTER II." names two levels in a line: the inner one is the heading."""
    match = re.match(r"[\s.,:;/—–-]+", rest)
    if not match:
        return None
    inner = rest[match.end() :]
    spans = _spans(inner[:80])
    if not spans or not _is_unit(spans[0][2]):
        return None
    return _unit_first(inner, spans, [token for _, _, token in spans], 0)


def _number_then_unit(text: str, spans: list[tuple[int, int, str]], tokens: list[str], first: int) -> Heading | None:
    number = _read_number(tokens, first, lenient=False)
    if number is None and len(tokens) == first + 2 and _is_unit(tokens[-1]) and tokens[-1][0].isupper():
        value = misspelled_value(tokens[first])
        number = _Number(value, 1, "word") if value else None
    if number is None or first + number.used >= len(tokens):
        return None
    position = first + number.used
    unit = vocabulary().units.get(fold(tokens[position]))
    between = text[spans[position - 1][1] : spans[position][0]]
    if unit is None or between.strip(" .º°ª-\u00a0"):
        return None
    # "1. Part of the story" is a title with a number, "Two books" is prose: the unit must end the phrase.
    rest = text[spans[position][1] :]
    title, separated = _title_after(rest)
    if (rest.strip() and not separated) or (number.style == "word" and tokens[position][0].islower() and title):
        return None
    return Heading(unit, number.value, number.style, title, separated, tokens[position].isupper(), label=text)


def _number_first(text: str, spans: list[tuple[int, int, str]], tokens: list[str]) -> Heading | None:
    position = 1 if len(tokens) > 1 and fold(tokens[0]) in ("no", "nr", "n", "number", "#", "№") else 0
    if text[: spans[position][0]].strip(" .°º#№NnoOrRumbe([{"):
        return None
    number = _read_number(tokens, position, lenient=len(tokens) == 1)
    if number is None or number.value is None or number.value > LONGEST_BARE_NUMBER:
        return None
    end = spans[position + number.used - 1][1]
    rest = text[end:]
    if not rest.strip(" .:)]}—–-―*"):
        return Heading("", number.value, "bare-" + number.style, "", True, True, label=text[:end])
    title, separated = _title_after(rest)
    if number.style == "word" and not (
        separated and tokens[position][0].isupper() and title[:1].isupper() and len(text) < 80
    ):
        return None
    if not title or title[0].islower():
        return None
    marked = text[0] == "#" or (number.style == "arabic" and tokens[position][0] == "0")
    if not separated and not marked and (tokens[position] == "I" or not title.isupper()):
        return None
    return Heading("", number.value, "titled-" + number.style, title, separated, title.isupper(), label=text[:end])


def _unknown_unit(text: str, spans: list[tuple[int, int, str]], tokens: list[str]) -> Heading | None:
    """ "KNOT IV", "Rule 3": any capitalised word before a number may be what this book calls its chapters."""
    if len(tokens) < 2 or not tokens[0][0].isupper() or not 3 <= len(tokens[0]) <= 14 or len(tokens) > 12:
        return None
    word = fold(tokens[0])
    if word in vocabulary().never_units or _is_unit(word) or not word.isalpha():
        return None
    if text[spans[0][1] : spans[1][0]].strip(" ."):
        return None
    position = 2 if len(tokens) > 2 and fold(tokens[1]) in ("the", "no") else 1
    number = _read_number(tokens, position, lenient=False)
    if number is None or number.value is None or number.value > LONGEST_BARE_NUMBER:
        return None
    end = spans[position + number.used - 1][1]
    title, separated = _title_after(text[end:])
    if title and not separated:
        return None
    return Heading("~" + word, number.value, number.style, title, separated, tokens[0].isupper(), label=text[:end])


def _title_after(rest: str) -> tuple[str, bool]:
    match = _AFTER_NUMBER.match(rest)
    title = rest[match.end() :] if match else rest
    return title.strip(" \t\u3000\u00a0"), bool(match) or not rest.strip()
