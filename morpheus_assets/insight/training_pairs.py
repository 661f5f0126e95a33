"""Pairs of a question and the passage that answers it, with passages that are near and do not, to train models with.

Questions are sentences of the passages themselves (inverse cloze task, Lee, Chang and Toutanova 2019), and those that a
person wrote for training. What an evaluation asks is never among them.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.unit_vectors import unit_rows
from morpheus_assets.text.sentences import sentence_spans

SENTENCE, JUDGED = "sentence", "judged"
NEGATIVES = 4
TOO_ALIKE = 0.95
"""A passage that is more alike than this may be an answer itself: of the nearest eight of a question a quarter lay in
the right chapter, and most of those outranked the right passage."""
_SHORTEST, _LONGEST = 40, 300
# A half of a sentence, as one behind verse or before "3. Oktober".
_HALF = re.compile(r"\W*[a-zà-öø-ÿа-яё]|.*\b\d{1,2}\.\W*\Z", re.DOTALL)
_ROWS_AT_ONCE = 256
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class TrainingPair:
    """A question, the content hash of the passage that answers it, that one's chapter, and hashes of hard negatives."""

    question: str
    kind: str
    positive: bytes
    chapter: int
    negatives: tuple[bytes, ...]


@dataclass(frozen=True)
class PairPassage:
    """A passage as pairs are made of it; `row` is that of its vector."""

    content_hash: bytes
    chapter: int
    body: str
    row: int


def make_pairs(
    passages: Sequence[PairPassage],
    vectors: Any,
    never: Collection[str] = (),
    judged: Sequence[tuple[str, bytes]] = (),
) -> list[TrainingPair]:
    """One pair a passage that has a fit sentence of its own, in the passages' order, and those a person `judged`.

    `vectors` [n, d] are those of the passages, of any length. Hard negatives are the nearest passages of other chapters
    that stay below TOO_ALIKE; `never` are questions of an evaluation, told by their words alone. `judged` are questions
    with the hash of the passage that answers.
    """
    import numpy as np

    if not passages:
        return []
    unit = unit_rows(np.asarray(vectors, dtype=np.float32)[[passage.row for passage in passages]])
    chapters = np.array([passage.chapter for passage in passages])
    forbidden = {_key(question) for question in never}
    repeated = _repeated(passages)
    asked: dict[bytes, list[str]] = {}
    for written, content_hash in judged:
        if _key(written) not in forbidden:
            asked.setdefault(content_hash, []).append(written)
    pairs: list[TrainingPair] = []
    for first in range(0, len(passages), _ROWS_AT_ONCE):
        block = unit[first : first + _ROWS_AT_ONCE] @ unit.T
        block[chapters[first : first + _ROWS_AT_ONCE, None] == chapters] = -1
        block[block >= TOO_ALIKE] = -1
        best = np.argpartition(-block, min(NEGATIVES, len(passages) - 1), axis=1)[:, :NEGATIVES]
        for row, passage in enumerate(passages[first : first + _ROWS_AT_ONCE]):
            made = _question(passage, forbidden, repeated)
            questions = [(each, JUDGED) for each in asked.get(passage.content_hash, ())]
            questions += [(made, SENTENCE)] if made is not None else []
            if not questions:
                continue
            nearest = sorted((int(place) for place in best[row]), key=lambda place: -block[row, place])
            negatives = tuple(passages[place].content_hash for place in nearest if block[row, place] > 0)
            pairs += [
                TrainingPair(each, kind, passage.content_hash, passage.chapter, negatives) for each, kind in questions
            ]
    return pairs


def without_sentence(body: str, question: str) -> str:
    """The passage without the sentence that asks for it: a model that only looks for the same words learns nothing."""
    for start, end in sentence_spans(body):
        if " ".join(body[start:end].split()) == question:
            return " ".join(f"{body[:start]} {body[end:]}".split())
    return body


def work_of(novel: str, title: str | None, author: str | None) -> str:
    """What two files of one work have in common: the first part of the title and the last name; else the key."""
    words = _key(re.split(r"[:;,(/.—]|\bor\b", title or "")[0])
    names = _key(author or "").split()
    return f"{words} {names[-1]}" if words and names else novel


def split_of(novel: str, shares: Mapping[str, int]) -> str:
    """The split that a work belongs to, by its name alone: none is in two of them. `shares` are per cent."""
    place = int.from_bytes(hashlib.sha256(f"split {novel}".encode()).digest()[:8], "big") % 100
    for name, share in shares.items():
        if place < share:
            return name
        place -= share
    return next(iter(shares))


def _question(passage: PairPassage, forbidden: set[str], repeated: set[str]) -> str | None:
    sentences = [" ".join(passage.body[start:end].split()) for start, end in sentence_spans(passage.body)]
    fit = [
        text
        for text in sentences
        if _SHORTEST <= len(text) <= _LONGEST and _key(text) not in forbidden and text not in repeated
        if len(passage.body) - len(text) >= _SHORTEST and not _HALF.match(text)
    ]
    if len(sentences) < 2 or not fit:
        return None
    place = int.from_bytes(hashlib.sha256(passage.content_hash + b"training").digest()[:8], "big")
    return fit[place % len(fit)]


def _repeated(passages: Sequence[PairPassage]) -> set[str]:
    """Sentences that several passages hold."""
    seen: dict[str, int] = {}
    for index, passage in enumerate(passages):
        for start, end in sentence_spans(passage.body):
            text = " ".join(passage.body[start:end].split())
            seen[text] = index if seen.setdefault(text, index) == index else -1
    return {text for text, index in seen.items() if index == -1}


def asked_of(questions: Collection[str]) -> set[str]:
    """The questions as they are compared: by their words alone."""
    return {_key(question) for question in questions}


def is_asked(text: str, asked: Collection[str]) -> bool:
    """Whether a text is among the questions that `asked_of` gave."""
    return _key(text) in asked


def _key(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
