"""Full text: which passages share words with a question, ranked so that rare words count most.

All words are OR-ed, for a question in natural language rarely has all of them in one passage. Which words a passage
has is settled when it is written.
"""

import math
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import Composable, Identifier

from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.statistics import rows_of

queries = load_queries(__file__)

# Passages with a word are counted up to here. In a corpus of more than ten times as many, Postgres's statistics tell
# how frequent the frequent words are.
_COUNTED = 2000
# The words by which candidates are found: the rarest ones, until about this many passages have one of them.
_CANDIDATES = 5000
_MOST_TERMS = 64
# A filter that leaves more passages than this is taken for no filter.
_LARGEST_FILTER = 20_000


@dataclass(frozen=True)
class _Term:
    query: str
    passages: int


def rank_by_words(
    connection: psycopg.Connection[Any], question: str, k: int, within: Composable, parameters: dict[str, Any]
) -> list[tuple[bytes, float]]:
    """The k best (content hash, score) for a question; `within` is a condition on `c` (chunks), with its parameters.

    The score is the sum over the question's words of idf × ts_rank, the latter saturating with repetition.
    """
    total = rows_of(connection, "passages")
    terms = _terms(connection, question, total)
    if not terms:
        return []
    share = _share_within(connection, total, within, parameters)
    chosen: list[_Term] = []
    for term in sorted(terms, key=lambda term: term.passages):
        if chosen and share * (sum(each.passages for each in chosen) + term.passages) > _CANDIDATES:
            break
        chosen.append(term)
    weights = [math.log(1 + (total - term.passages + 0.5) / (term.passages + 0.5)) for term in terms]
    wanted = {
        **parameters,
        "terms": [term.query for term in terms],
        "weights": weights,
        "chosen": " | ".join(term.query for term in chosen),
        "k": k,
    }
    occurs: Composable = queries.in_any_chunk
    if any(value is not None for value in parameters.values()):
        occurs = queries.occurs_within.format(content=Identifier("chunks"), within=within)
    found = connection.execute(queries.best_by_words.format(within=occurs), wanted)
    return [(bytes(value), float(score)) for value, score in found]


def _share_within(
    connection: psycopg.Connection[Any], total: int, within: Composable, parameters: dict[str, Any]
) -> float:
    if not any(value is not None for value in parameters.values()):
        return 1.0
    query = queries.count_within.format(content=Identifier("chunks"), within=within, limit=_LARGEST_FILTER)
    matching = connection.execute(query, parameters).fetchone()
    count = int(matching[0]) if matching else 0
    return 1.0 if count == _LARGEST_FILTER else count / max(1, total)


def _terms(connection: psycopg.Connection[Any], question: str, total: int) -> list[_Term]:
    """The question's words that occur at all, with the number of passages that have each; about, for frequent ones."""
    words = with_bigrams(question) if has_unspaced(question) else question
    found = connection.execute(queries.lexemes, {"words": words.replace("\0", " "), "limit": _MOST_TERMS})
    lexemes = {_quoted(lexeme): lexeme for (lexeme,) in found}
    if not lexemes:
        return []
    shares = _shares(connection, list(lexemes.values())) if total > _COUNTED * 10 else {}
    rare = [query for query, lexeme in lexemes.items() if lexeme not in shares]
    counts = connection.execute(queries.count_passages_of_terms, {"limit": _COUNTED, "terms": rare}).fetchall()
    known = [(query, int(total * shares[lexeme])) for query, lexeme in lexemes.items() if lexeme in shares]
    return [_Term(query, passages) for query, passages in (*known, *counts) if passages]


def _shares(connection: psycopg.Connection[Any], lexemes: list[str]) -> dict[str, float]:
    """The share of passages that have a word, as of the last ANALYZE; only for the thousand most frequent words.

    Counting them would read every such passage, which takes the longer the larger the corpus is.
    """
    return dict(connection.execute(queries.lexeme_shares, {"lexemes": lexemes}).fetchall())


def _quoted(lexeme: str) -> str:
    quoted = "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
    # One character of an unspaced script stands in the index only at the head of its pairs.
    return quoted + ":*" if len(lexeme) == 1 and has_unspaced(lexeme) else quoted
