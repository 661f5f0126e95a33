"""The sentence of a passage that is nearest to the question: passages are long, a quote is one sentence.

Candidates are the sentences that share most words with the question, from more passages than are shown; the best ten
are compared by the same model, in one more request, and only if any shares enough. (Vectors of all sentences would
make the table seven times as large.) A passage with a near sentence comes first.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from morpheus_assets.domain.unit_vectors import cosine
from morpheus_assets.store.search.hits import TextHit
from morpheus_assets.text.sentences import sentence_spans

POOL = 20
CANDIDATES = 10
PER_PASSAGE = 2
# Below this share of common words a sentence is no quote and no close paraphrase: nothing is asked, nothing is paid.
_LEAST_SHARED = 0.25
# From here on a sentence outranks what was found by whole passages.
NEAR = 0.75
_FEWEST_WORDS = 4
_LEAST_TELLING = 4
_MOST_SENTENCES = 3
_MOST_CUTS = 12
_CLAUSE = re.compile(r"""[;:—“”"]|--|, """)
_WORD = re.compile(r"\w+")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class BestSentence:
    """The nearest sentence of a passage: offsets into the novel's text, cosine to the question."""

    text: str
    char_start: int
    char_end: int
    similarity: float


async def best_sentences(
    embed: Callable[[Sequence[str]], Awaitable[Sequence[np.ndarray]]],
    question: str,
    question_vector: np.ndarray,
    hits: Sequence[TextHit],
) -> dict[bytes, BestSentence]:
    """The nearest sentence of passages that share words with the question, by content hash; {} if none does.

    `embed` gives the vectors [dimensions] of sentences, made by the model of `question_vector`.
    """
    wanted = _words(question)
    if len(wanted) < _FEWEST_WORDS:
        return {}
    width = min(_MOST_SENTENCES, max(1, len(sentence_spans(question))))
    found = await asyncio.to_thread(_most_shared, hits, wanted, width)
    texts = [" ".join(hit.body[start:end].split()) for hit, start, end in found]
    # A sentence that is all of its passage is as near as that.
    known = {
        at: hit.similarity
        for at, (hit, start, end) in enumerate(found)
        if hit.similarity is not None and not (hit.body[:start] + hit.body[end:]).strip()
    }
    wanted_texts = [text for at, text in enumerate(texts) if at not in known]
    vectors = iter(await embed(wanted_texts) if wanted_texts else ())
    best: dict[bytes, BestSentence] = {}
    for at, ((hit, start, end), text) in enumerate(zip(found, texts, strict=True)):
        similarity = known[at] if at in known else cosine(question_vector, next(vectors))
        if hit.content_hash not in best or best[hit.content_hash].similarity < similarity:
            best[hit.content_hash] = BestSentence(text, hit.char_start + start, hit.char_start + end, similarity)
    return best


def _most_shared(hits: Sequence[TextHit], wanted: set[str], width: int) -> list[tuple[TextHit, int, int]]:
    """The sentences of all passages that share most words with the question, with their place in the passage."""
    shared: list[tuple[float, TextHit, int, int]] = []
    telling = _telling(wanted)
    for hit in {hit.content_hash: hit for hit in hits}.values():
        if not _has_one(hit.body, telling):
            continue
        own = sorted(_candidates(hit.body, wanted, telling, width), key=lambda row: -row[0])[:PER_PASSAGE]
        shared += [(share, hit, start, end) for share, start, end in own if share >= _LEAST_SHARED]
    shared.sort(key=lambda row: -row[0])
    return [(hit, start, end) for _, hit, start, end in shared[:CANDIDATES]]


def nearest_first(hits: Sequence[TextHit], best: Mapping[bytes, BestSentence], k: int) -> list[TextHit]:
    """The k best hits: those with a near sentence by its similarity, then the others as they were; ranked anew."""

    def order(hit: TextHit) -> tuple[float, int]:
        similarity = best[hit.content_hash].similarity if hit.content_hash in best else 0.0
        return (-similarity if similarity >= NEAR else 0.0, hit.rank)

    return [replace(hit, rank=rank) for rank, hit in enumerate(sorted(hits, key=order)[:k], 1)]


def _candidates(body: str, wanted: set[str], telling: set[str], width: int) -> list[tuple[float, int, int]]:
    """(share of words in common, start, end) of the sentences, or runs of `width` sentences; of long ones, clauses.

    Only of those with a telling word: which have one is seen without cutting them into words, a third of the time.
    """
    spans = sentence_spans(body)
    runs = [(spans[at][0], spans[min(at + width, len(spans)) - 1][1]) for at in range(max(1, len(spans) - width + 1))]
    scored = []
    for start, end in runs:
        if not _has_one(body[start:end], telling):
            continue
        words = _words(body[start:end])
        if not words & wanted:
            continue
        scored.append((_share(words, wanted), start, end))
        if width == 1 and len(words) > len(wanted) and len(words & wanted) > 0.4 * len(wanted):
            scored += sorted(_clauses(body, start, end, wanted))[-1:]
    return scored


def _clauses(body: str, start: int, end: int, wanted: set[str]) -> list[tuple[float, int, int]]:
    """Runs of clauses of a long sentence: what is quoted often follows a colon or stands in quotation marks."""
    cuts = [start, *(start + found.end() for found in _CLAUSE.finditer(body[start:end])), end][:_MOST_CUTS]
    # A cut stands beside a mark: a run's words are those of its clauses, and each is read once and not in every run.
    clauses = [_words(body[left:right]) for left, right in pairwise(cuts)]
    scored = []
    for first, left in enumerate(cuts):
        words: set[str] = set()
        for clause, right in zip(clauses[first:], cuts[first + 1 :], strict=True):
            words |= clause
            if (left, right) != (start, end):
                scored.append((_share(words, wanted), left, right))
    return scored


def _share(words: set[str], wanted: set[str]) -> float:
    # of both: a long sentence has every word, a short one is all in the question
    return 2 * len(words & wanted) / (len(words) + len(wanted))


def _telling(words: set[str]) -> set[str]:
    """The longer words of a question: what shares only `the` and `of` with it is no quote of it."""
    longer = {word for word in words if len(word) >= _LEAST_TELLING or not word.isascii()}
    return longer if len(longer) > 1 else words


def _has_one(text: str, words: set[str]) -> bool:
    lowered = text.lower()
    return any(word in lowered or word in text for word in words)


def _words(text: str) -> set[str]:
    # a crude stem, so that `walked` meets `walking`
    words = {word[:5] for word in _WORD.findall(text.lower())}
    if text.isascii() or not _HAN.search(text):
        return words
    return {word[at : at + 2] for word in _WORD.findall(text) for at in range(len(word))}
