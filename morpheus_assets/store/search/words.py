"""Full text: which passages share words with a question, ranked so that rare words count most.

A question is parsed once for each language, and its words meet the passages of that language only: pooled, "up" and
"the" became rare French words. All words are OR-ed, for a question in natural language rarely has all in one passage.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import psycopg
from psycopg.sql import Composable, Composed, Identifier

from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

# Of more passages than the first, Postgres tells by its statistics how frequent frequent words are. Others are counted
# up to the second, for each passage that is looked at costs 5 µs; up to the third where there are no statistics.
_FEW, _COUNTED, _COUNTED_ALONE = 1000, 300, 2000
# Candidates are what has one of the rarest words, or two of the rarer ones, until about so many passages are looked at.
_CANDIDATES = 800
_PAIRED_WORDS = 4
_MOST_TERMS = 64
# So many times what is asked for is ranked by all words.
_LEADING = 2


@dataclass(frozen=True)
class Term:
    """A word of the question as a language's passages hold it: a tsquery, its weight, and its share of all weights."""

    query: str
    passages: float
    weight: float
    share: float


@dataclass(frozen=True)
class _Finder:
    """What finds candidates: a word or words that stand together, the sum of their weights, and how many have them."""

    query: str
    weight: float
    passages: float


@dataclass(frozen=True)
class QuestionWords:
    """The question's words that occur at all, by text search configuration; `totals` are all passages of each."""

    terms: Mapping[str, Sequence[Term]] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.terms.values())

    def parameters(self, k: int) -> dict[str, Any]:
        """Parameters of the statements `best_by_words` and `measured_pool`."""
        every = [(config, term) for config, terms in self.terms.items() for term in terms]
        chosen = [
            (config, finder)
            for config, terms in self.terms.items()
            for finder in _finders(terms, self.totals.get(config, 0.0), _CANDIDATES)
        ]
        return {
            "configs": [config for config, _ in every],
            "terms": [term.query for _, term in every],
            "weights": [term.weight for _, term in every],
            "shares": [term.share for _, term in every],
            "chosen_configs": [config for config, _ in chosen],
            "chosen": [finder.query for _, finder in chosen],
            "chosen_weights": [finder.weight for _, finder in chosen],
            "leading": _LEADING * k,
            "k": k,
        }


def ask_for_words(connection: psycopg.Connection[Any], question: str) -> psycopg.Cursor[Any]:
    """Send the question to be parsed; `question_words` reads the answer. Apart, so that other statements go along."""
    words = (with_bigrams(question) if has_unspaced(question) else question).replace("\0", " ")
    # One character of an unspaced script stands in the index only at the head of its pairs.
    single = sorted({word for word in words.split() if len(word) == 1 and has_unspaced(word)})
    wanted = {
        "words": words,
        "prefixes": single,
        "limit": _MOST_TERMS,
        "few": _FEW,
        "counted": _COUNTED,
        "counted_alone": _COUNTED_ALONE,
    }
    return connection.execute(queries.words_of_question, wanted)


def question_words(rows: Iterable[tuple[str, str | None, float | None, float | None, int | None]]) -> QuestionWords:
    """The words with their weights, the logarithm of how rare each is among the passages of its language.

    `rows` answer `words_of_question`. A word that no passage of a language has counts in what its passages lack. In a
    language that hardly knows the question's words all of them weigh less: an English "the" in a French novel is rare
    there, and no reason to show it.
    """
    totals: dict[str, float] = {}
    asked = 0
    known: dict[str, list[tuple[str, float, float | None]]] = defaultdict(list)
    for config, query, passages, share, different in rows:
        if query is None:
            totals[config], asked = float(passages or 0), different or 0
        else:
            known[config].append((query, float(passages or 0), share))
    frequencies: dict[str, list[tuple[str, float]]] = {}
    for config, words in known.items():
        total = totals.get(config, 0.0)
        frequencies[config] = [
            (query, total * share if share is not None else min(passages, total)) for query, passages, share in words
        ]
    fits = _fits(asked, frequencies)
    return QuestionWords(
        {config: _weighted(words, totals.get(config, 0.0), fits[config]) for config, words in frequencies.items()},
        totals,
    )


def rank_by_words(
    connection: psycopg.Connection[Any],
    words: QuestionWords,
    k: int,
    within: Composable,
    parameters: Mapping[str, Any],
) -> list[tuple[bytes, float]]:
    """The k best (content hash, score) for a question; `within` is a condition on `c` (chunks), with its parameters.

    The score is the sum over the question's words of idf × ts_rank, the latter saturating with repetition.
    """
    if not words:
        return []
    query = best_by_words(within, filtered=is_filtered(parameters))
    found = connection.execute(query, {**parameters, **words.parameters(k)})
    return [(bytes(value), float(score)) for value, score in found]


def best_by_words(within: Composable, *, filtered: bool) -> Composed:
    """The statement that ranks passages by the question's words."""
    occurs: Composable = queries.in_any_chunk
    if filtered:
        occurs = queries.occurs_within.format(content=Identifier("chunks"), within=within)
    return queries.best_by_words.format(occurs=occurs)


def is_filtered(parameters: Mapping[str, Any]) -> bool:
    """Whether a filter's parameters leave anything out."""
    return any(value is not None for value in parameters.values())


def _fits(asked: int, frequencies: Mapping[str, Sequence[tuple[str, float]]]) -> dict[str, float]:
    """How well each language fits a question of so many different words, against the one that fits best.

    By the words that it is too full of to index them, which tell languages apart, and by those that occur in it at all.
    """
    left_out = {config: max(0, asked - len(words)) for config, words in frequencies.items()}
    occur = {config: sum(passages > 0 for _, passages in words) for config, words in frequencies.items()}
    fits = {config: (1 + left_out[config]) * (left_out[config] + occur[config]) for config in frequencies}
    best = max(fits.values(), default=0) or 1
    return {config: fit / best for config, fit in fits.items()}


def _weighted(frequencies: Sequence[tuple[str, float]], total: float, fit: float) -> list[Term]:
    weights = [math.log(1 + (total - passages + 0.5) / (passages + 0.5)) for _, passages in frequencies]
    whole = sum(weights)
    return [
        Term(query, passages, fit * weight, weight / whole)
        for (query, passages), weight in zip(frequencies, weights, strict=True)
        if passages and fit
    ]


def _finders(terms: Sequence[Term], total: float, most: float) -> list[_Finder]:
    """The words, pairs of words and all of them together that find candidates: those that fewest passages have.

    So many that about `most` passages are looked at. A pair is found in the index alone, however frequent its words
    are; of a frequent word by itself a passage says little.
    """
    rarest = sorted(terms, key=lambda term: term.passages)[:_PAIRED_WORDS]
    together = [rarest] if len(rarest) > 2 else []
    groups = [*((term,) for term in terms), *combinations(rarest, 2), *together]
    finders = sorted((_finder(group, total) for group in groups), key=lambda each: each.passages)
    chosen: list[_Finder] = []
    for finder in finders:
        if chosen and sum(each.passages for each in chosen) + finder.passages > most:
            break
        chosen.append(finder)
    return chosen


def _finder(group: Sequence[Term], total: float) -> _Finder:
    # Words of one scene come together more often than by chance: each further one thins out less, as SQL Server's
    # planner has it ("exponential backoff").
    shares = sorted(min(1.0, term.passages / total) if total else 1.0 for term in group)
    passages = total * math.prod(share ** (0.5**place) for place, share in enumerate(shares))
    return _Finder(" & ".join(term.query for term in group), sum(term.weight for term in group), passages)
