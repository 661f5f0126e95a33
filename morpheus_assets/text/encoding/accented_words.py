"""What the common accented words of a language say of one reading of a word: known, like a known one, or unlike all.

The words themselves are the language files' (languages/<code>.py, `accented`).
"""

import unicodedata
from functools import lru_cache

from morpheus_assets.text.languages import languages, languages_by_code

_KNOWN, _KNOWN_LETTER, _UNLIKE = 2.0, 3.0, -2.5
_ONE_SIDE = -1.0
_LONE = -4.0


class AccentedWords:
    """The accented words of one language, and the places in which they hold their letters."""

    def __init__(self, words: frozenset[str], known: frozenset[str]) -> None:
        """`words` are the language's own; `known` are those as well that a writer of it borrows."""
        self._known = known
        self._words = words
        self._wholly: set[tuple[str, str, str]] = set()
        self._left: set[tuple[str, str]] = set()
        self._right: set[tuple[str, str]] = set()
        for word in words:
            for place in _places(word):
                self._wholly.add(place)
                self._left.add(place[:2])
                self._right.add(place[1:])

    def score(self, word: str, *, at_home: bool) -> float:
        """Above 0 for a known word, 0 for one like it, below for one whose letters stand where none are known to.

        `at_home` is True where the words around are of this language too.
        """
        folded = word.lower()
        if len(word) == 1:
            return _LONE if folded not in self._known else _KNOWN_LETTER if at_home and folded in self._words else 0.0
        if folded in self._known or folded.removesuffix("s") in self._known:
            return _KNOWN
        if not self._words:
            return 0.0
        return sum(self._place(place) for place in _places(folded))

    def _place(self, place: tuple[str, str, str]) -> float:
        if place in self._wholly:
            return 0.0
        sides = (place[:2] in self._left) + (place[1:] in self._right)
        return (_UNLIKE, _ONE_SIDE, _ONE_SIDE / 2)[sides]


@lru_cache(maxsize=32)
def accented_words(code: str) -> AccentedWords:
    """The accented words of the language of that ISO 639-1 code."""
    words = frozenset(languages_by_code()[code].accented.lower().split())
    return AccentedWords(words, words | _all_words() if code == "en" else words)


@lru_cache(maxsize=1)
def _all_words() -> frozenset[str]:
    return frozenset(word for language in languages() for word in language.accented.lower().split())


def _places(word: str) -> list[tuple[str, str, str]]:
    """Each letter beyond ASCII with its neighbours, those without their accents; a blank is the end of the word."""
    around = [" ", *(_plain(char) for char in word), " "]
    return [(around[i], char, around[i + 2]) for i, char in enumerate(word) if not char.isascii()]


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    return unicodedata.normalize("NFD", char)[0]
