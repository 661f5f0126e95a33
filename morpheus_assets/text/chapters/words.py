"""Folding of words for comparison: case and diacritics do not matter in headings. No tables of meanings here."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"\w+")
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
    return "".join(fold(word).replace("_", "") for word in _WORD.findall(text))


def without_page_number(text: str) -> str:
    """A contents entry without its dot leaders and page number."""
    return _PAGE_AT_END.sub("", text)
