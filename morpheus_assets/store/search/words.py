"""Full text: which passages share words with a question, ranked so that rare words count most.

All words are OR-ed, for a question in natural language rarely has all of them in one passage. Which words a passage
has is settled when it is written (full_text.py, chunks.py).
"""

import math
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable

from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.store.database.statistics import rows_of

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
    total = rows_of(connection, "chunks")
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
    # The words are stored compressed; concatenated to nothing they are unpacked once and not for each term (1.6 times).
    query = SQL(
        "SELECT content_hash, max((SELECT sum(t.weight * ts_rank(words, t.query, 1))"
        " FROM unnest(%(terms)s::tsquery[], %(weights)s::float8[]) AS t (query, weight))) AS score"
        " FROM (SELECT c.content_hash, c.tsv || ''::tsvector AS words FROM chunks c"
        " WHERE c.tsv @@ %(chosen)s::tsquery AND {within} OFFSET 0) AS candidates"
        " GROUP BY content_hash ORDER BY score DESC, content_hash LIMIT %(k)s"
    ).format(within=within)
    wanted = {
        **parameters,
        "terms": [term.query for term in terms],
        "weights": weights,
        "chosen": " | ".join(term.query for term in chosen),
        "k": k,
    }
    return [(bytes(value), float(score)) for value, score in connection.execute(query, wanted)]


def _share_within(
    connection: psycopg.Connection[Any], total: int, within: Composable, parameters: dict[str, Any]
) -> float:
    if not any(value is not None for value in parameters.values()):
        return 1.0
    matching = connection.execute(
        SQL("SELECT count(*) FROM (SELECT FROM chunks c WHERE {} LIMIT {}) AS matching").format(
            within, _LARGEST_FILTER
        ),
        parameters,
    ).fetchone()
    count = int(matching[0]) if matching else 0
    return 1.0 if count == _LARGEST_FILTER else count / max(1, total)


def _terms(connection: psycopg.Connection[Any], question: str, total: int) -> list[_Term]:
    """The question's words that occur at all, with the number of passages that have each; about, for frequent ones."""
    words = with_bigrams(question) if has_unspaced(question) else question
    lexemes = connection.execute(
        "SELECT DISTINCT lexeme FROM (SELECT DISTINCT text_config FROM novels WHERE body IS NOT NULL) n,"
        " unnest(tsvector_to_array(to_tsvector(n.text_config::regconfig, %s))) AS lexeme ORDER BY lexeme LIMIT %s",
        [words.replace("\0", " "), _MOST_TERMS],
    )
    queries = {_quoted(row[0]): row[0] for row in lexemes}
    if not queries:
        return []
    shares = _shares(connection, list(queries.values())) if total > _COUNTED * 10 else {}
    rare = [query for query, lexeme in queries.items() if lexeme not in shares]
    counts = connection.execute(
        "SELECT t.query, (SELECT count(*) FROM (SELECT FROM chunks c WHERE c.tsv @@ t.query::tsquery LIMIT %s) m)"
        " FROM unnest(%s::text[]) AS t (query)",
        [_COUNTED, rare],
    ).fetchall()
    known = [(query, int(total * shares[lexeme])) for query, lexeme in queries.items() if lexeme in shares]
    return [_Term(query, passages) for query, passages in (*known, *counts) if passages]


def _shares(connection: psycopg.Connection[Any], lexemes: list[str]) -> dict[str, float]:
    """The share of passages that have a word, as of the last ANALYZE; only for the thousand most frequent words.

    Counting them would read every such passage, which takes the longer the larger the corpus is.
    """
    return dict(
        connection.execute(
            "SELECT lexeme, share FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs)"
            " AS common (lexeme, share) WHERE schemaname = current_schema() AND tablename = 'chunks'"
            " AND attname = 'tsv' AND lexeme = ANY(%s)",
            [lexemes],
        ).fetchall()
    )


def _quoted(lexeme: str) -> str:
    quoted = "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
    # One character of an unspaced script stands in the index only at the head of its pairs.
    return quoted + ":*" if len(lexeme) == 1 and has_unspaced(lexeme) else quoted
