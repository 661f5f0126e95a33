"""Which sentence of a passage says what was asked, and how near it is: passages are long, a quote is one sentence.

A sentence is looked for by the words it shares with the question, then compared by the same model: two candidates in
each of the best passages, one more request. (Vectors of all sentences would cost eight times the table and its price.)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morpheus_assets.embedding.spaces import Space
from morpheus_assets.serve.api.text_vectors import TextVectors
from morpheus_assets.store.search import TextHit
from morpheus_assets.text.sentences import sentence_spans

PASSAGES = 5
CANDIDATES = 2
_FEWEST_WORDS = 4
_MOST_SENTENCES = 3
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
    vectors: TextVectors, space: Space, question: str, question_vector: np.ndarray, hits: Sequence[TextHit]
) -> dict[bytes, BestSentence]:
    """The nearest sentence of each of the best passages, by content hash; {} for a question of a few words."""
    wanted = _words(question)
    if len(wanted) < _FEWEST_WORDS:
        return {}
    width = min(_MOST_SENTENCES, max(1, len(sentence_spans(question))))
    found: list[tuple[TextHit, int, int]] = []
    for hit in list({hit.content_hash: hit for hit in hits}.values())[:PASSAGES]:
        found += [(hit, *span) for span in _candidates(hit.body, wanted, width)]
    texts = [" ".join(hit.body[start:end].split()) for hit, start, end in found]
    if not texts:
        return {}
    embedded = await vectors.all(space, texts, "document")
    best: dict[bytes, BestSentence] = {}
    for (hit, start, end), text, vector in zip(found, texts, embedded, strict=True):
        similarity = _cosine(question_vector, vector.embedding)
        if hit.content_hash not in best or best[hit.content_hash].similarity < similarity:
            best[hit.content_hash] = BestSentence(text, hit.char_start + start, hit.char_start + end, similarity)
    return best


def _candidates(body: str, wanted: set[str], width: int) -> list[tuple[int, int]]:
    """The sentences, or runs of `width` sentences, that share most words with the question."""
    spans = sentence_spans(body)
    runs = [(spans[at][0], spans[min(at + width, len(spans)) - 1][1]) for at in range(max(1, len(spans) - width + 1))]
    scored = []
    for start, end in runs:
        words = _words(body[start:end])
        shared = len(words & wanted)
        if shared:
            # both ways: a long sentence has every word, a short one is all in the question
            scored.append((2 * shared / (len(words) + len(wanted)), start, end))
    scored.sort(key=lambda row: (-row[0], row[1]))
    return [(start, end) for _, start, end in scored[:CANDIDATES]]


def _words(text: str) -> set[str]:
    words: set[str] = set()
    for word in _WORD.findall(text.lower()):
        if _HAN.search(word):
            words.update(word[at : at + 2] for at in range(len(word)))
        else:
            # a crude stem, so that `walked` meets `walking`
            words.add(word[:5])
    return words


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))
