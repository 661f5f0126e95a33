"""Words and characters that headings are made of, of all languages together; derived from the language files.

All words are folded. What they mean in a line is grammar.py's, cjk_grammar.py's and matter.py's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from morpheus_assets.text.chapters.words import fold, title_key
from morpheus_assets.text.languages import Language, Numerals, languages

_MATTER = ("front", "back", "opening", "ending", "between", "boilerplate", "contents", "closing")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tables by which lines are read; fields mean what those of Language mean.

    `openings` are all words that a numbered heading may begin with; `caseless_units` are the units in scripts without
    capitals, by their first characters and longest first; `numbers` are words with single spaces and no hyphens, and
    `number_openings` their first words;
    `matter` maps words.title_key of a name to its kind; `pieces` are the first words of pieces that tell the story.
    """

    units: Mapping[str, str]
    caseless_units: Mapping[str, tuple[str, ...]]
    counters: Mapping[str, str]
    articles: frozenset[str]
    never_units: frozenset[str]
    numbers: Mapping[str, int]
    openings: frozenset[str]
    longest_number: int
    number_openings: frozenset[str]
    numerals: tuple[Numerals, ...]
    ordinal_suffixes: frozenset[str]
    matter: Mapping[str, str]
    pieces: frozenset[str]

    @classmethod
    def of(cls, languages: Sequence[Language]) -> "Vocabulary":
        """Tables of these languages. Where two give one word two meanings, the first wins."""
        units: dict[str, str] = {}
        counters: dict[str, str] = {}
        numbers: dict[str, int] = {}
        matter: dict[str, tuple[int, str]] = {}
        articles, never_units, suffixes, pieces = set[str](), set[str](), set[str](), set[str]()
        for language in languages:
            for unit, words in language.units.items():
                for word in words.split():
                    units.setdefault(fold(word), unit)
            for unit, characters in language.counters.items():
                for character in characters:
                    counters.setdefault(character, unit)
            for phrase, value in language.numbers().items():
                numbers.setdefault(" ".join(map(fold, phrase.replace("-", " ").split())), value)
            for kind, names in language.matter.items():
                for name in names.split("|"):
                    key, rank = title_key(name), _MATTER.index(kind)
                    matter[key] = max(matter.get(key, (rank, kind)), (rank, kind))
                    if kind in ("opening", "between", "ending"):
                        pieces.add(fold(name.split()[0]))
            articles.update(map(fold, language.articles.split()))
            never_units.update(map(fold, language.never_units.split()))
            suffixes.update(language.ordinal_suffixes.split())
        first_words = frozenset(phrase.split(" ", 1)[0] for phrase in numbers)
        caseless = sorted((word for word in units if word.lower() == word.upper()), key=len, reverse=True)
        return cls(
            units=units,
            caseless_units={word[0]: tuple(w for w in caseless if w[0] == word[0]) for word in caseless},
            counters=counters,
            articles=frozenset(articles),
            never_units=frozenset(never_units),
            numbers=numbers,
            openings=first_words | units.keys() | articles,
            longest_number=max((phrase.count(" ") + 1 for phrase in numbers), default=0),
            number_openings=first_words,
            numerals=tuple(language.numerals for language in languages if language.numerals),
            ordinal_suffixes=frozenset(suffixes),
            matter={key: kind for key, (_, kind) in matter.items()},
            pieces=frozenset(pieces),
        )


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The tables of all languages, built when the first line is read."""
    return Vocabulary.of(languages())
