"""Folding of words for comparison: case and diacritics do not matter in headings. Meanings are vocabulary.py's."""

import re
import unicodedata
from functools import lru_cache


def _marks() -> str:
    """Combining marks below U+2000 as a class of re; \\w has none, though Indic and Thai words are full of them."""
    places = [place for place in range(0x300, 0x2000) if unicodedata.category(chr(place)).startswith("M")]
    starts = [place for before, place in zip([0, *places], places, strict=False) if place != before + 1]
    ends = [place for place, after in zip(places, [*places[1:], 0], strict=True) if after != place + 1]
    return "[" + "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True)) + "]"


WORD = rf"[^\W_]+(?:{_marks()}+[^\W_]*)*"
"""Letters and digits with the marks upon them, as a pattern."""
_WORDS = re.compile(WORD)
_PAGE_AT_END = re.compile(r"(?:[\s.…·_\-–—]+)(?:\d{1,4}|[ivxlc]{1,7})\s*$")


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """The word in lower case without diacritics ("PREMIÈRE" and "premiere" are one)."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def title_key(text: str) -> str:
    """Letters and digits only, folded: two spellings of one title have the same key."""
    return "".join(map(fold, _WORDS.findall(text)))


def without_page_number(text: str) -> str:
    """A contents entry without its dot leaders and page number."""
    return _PAGE_AT_END.sub("", text)
