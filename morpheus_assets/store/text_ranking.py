"""Full text: which passages share words with a question, ranked so that rare words count most.

All words are OR-ed, for a question in natural language rarely has all of them in one passage. Which words a passage
has is settled when it is written (full_text.py, chunks.py).
"""

import math
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable

from morpheus_assets.store.full_text import has_unspaced, with_bigrams

# The words by which candidates are found: the rarest ones, until about this many passages have one of them.
_CANDIDATES = 5000
_MOST_TERMS = 64


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
    total, terms = _terms(connection, question, within, parameters)
    if not terms:
        return []
    chosen: list[_Term] = []
    for term in sorted(terms, key=lambda term: term.passages):
        if chosen and sum(each.passages for each in chosen) + term.passages > _CANDIDATES:
            break
        chosen.append(term)
    weights = [math.log(1 + (total - term.passages + 0.5) / (term.passages + 0.5)) for term in terms]
    query = SQL(
        "SELECT c.content_hash, max((SELECT sum(t.weight * ts_rank(c.tsv, t.query, 1))"
        " FROM unnest(%(terms)s::tsquery[], %(weights)s::float8[]) AS t (query, weight))) AS score"
        " FROM chunks c WHERE c.tsv @@ %(chosen)s::tsquery AND {within}"
        " GROUP BY c.content_hash ORDER BY score DESC, c.content_hash LIMIT %(k)s"
    ).format(within=within)
    wanted = {
        **parameters,
        "terms": [term.query for term in terms],
        "weights": weights,
        "chosen": " | ".join(term.query for term in chosen),
        "k": k,
    }
    return [(bytes(value), float(score)) for value, score in connection.execute(query, wanted)]


def _terms(
    connection: psycopg.Connection[Any], question: str, within: Composable, parameters: dict[str, Any]
) -> tuple[int, list[_Term]]:
    """How many passages there are, and the question's words with the number of passages that have each (not 0)."""
    words = with_bigrams(question) if has_unspaced(question) else question
    lexemes = connection.execute(
        "SELECT DISTINCT lexeme FROM (SELECT DISTINCT text_config FROM novels WHERE body IS NOT NULL) n,"
        " unnest(tsvector_to_array(to_tsvector(n.text_config::regconfig, %s))) AS lexeme ORDER BY lexeme LIMIT %s",
        [words.replace("\0", " "), _MOST_TERMS],
    )
    queries = [_quoted(row[0]) for row in lexemes]
    if not queries:
        return 0, []
    counts = connection.execute(
        SQL(
            "SELECT t.query, (SELECT count(*) FROM chunks c WHERE c.tsv @@ t.query::tsquery AND {within}),"
            " (SELECT count(*) FROM chunks c WHERE {within}) FROM unnest(%(queries)s::text[]) AS t (query)"
        ).format(within=within),
        {**parameters, "queries": queries},
    ).fetchall()
    return int(counts[0][2]), [_Term(query, passages) for query, passages, _ in counts if passages]


def _quoted(lexeme: str) -> str:
    quoted = "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
    # One character of an unspaced script stands in the index only at the head of its pairs.
    return quoted + ":*" if len(lexeme) == 1 and has_unspaced(lexeme) else quoted
