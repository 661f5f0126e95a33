"""Questions that are made of the stored passages themselves: a sentence of a passage, and five of its rarer words.

They need no person, so a library without a file of questions is measured too, and they ask what people type who
remember the wording. Which are made depends on the passages and the seed alone.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from morpheus_assets.domain.questions import Question, StoredPassage
from morpheus_assets.store.content.full_text import has_unspaced, with_bigrams
from morpheus_assets.text.sentences import sentence_spans

SENTENCE, FIVE_WORDS = "sentence", "five words"
_SHORTEST, _LONGEST = 10, 30
_RARE_WORDS = 5
_SHORTEST_WORD = 4
_WORD = re.compile(r"[^\W\d_]+")


def made_questions(passages: Sequence[StoredPassage], count: int, seed: int = 16) -> list[Question]:
    """Up to `count` sentences of one novel's passages, one a passage, and of each the five words that are rarest there.

    A sentence has 10 to 30 words, or pairs of characters where no spaces are written; one that occurs twice is left
    out, for either passage would be right.
    """
    frequency = Counter(word for passage in passages for word in set(_words(passage.body)))
    sentences = [(passage, found) for passage in passages if (found := _sentence(passage, seed))]
    texts = Counter(text for _, text in sentences)
    whole = "\n".join(" ".join(passage.body.split()) for passage in passages)
    # by a hash: an edit of one passage leaves the others' order, and so most of the questions, as they were
    sentences.sort(key=lambda pair: _drawn(pair[0], seed, "order"))
    questions: list[Question] = []
    for passage, text in sentences:
        if len(questions) == 2 * count:
            break
        rare = _rarest(text, frequency)
        if texts[text] > 1 or whole.count(text) > 1 or len(rare) < _RARE_WORDS:
            continue
        for kind, asked in ((SENTENCE, text), (FIVE_WORDS, " ".join(rare))):
            questions.append(Question(asked, passage.novel, quotation=text, kind=kind, passage=passage.content_hash))
    return questions


def _sentence(passage: StoredPassage, seed: int) -> str:
    """One of the passage's sentences of a fit length, as one line; empty when it has none."""
    found = [" ".join(passage.body[start:end].split()) for start, end in sentence_spans(passage.body)]
    fit = [text for text in found if _SHORTEST <= len(_words(text)) <= _LONGEST]
    if not fit:
        return ""
    return fit[_drawn(passage, seed, "sentence") % len(fit)]


def _drawn(passage: StoredPassage, seed: int, what: str) -> int:
    return int.from_bytes(hashlib.sha256(passage.content_hash + f"{seed} {what}".encode()).digest()[:8], "big")


def _rarest(text: str, frequency: Counter[str]) -> list[str]:
    """The five rarest words of four letters or more, in the order in which they stand."""
    unspaced = has_unspaced(text)
    words = list(dict.fromkeys(word for word in _words(text) if unspaced or len(word) >= _SHORTEST_WORD))
    chosen = set(sorted(words, key=lambda word: (frequency[word], word))[:_RARE_WORDS])
    return [word for word in words if word in chosen]


def _words(text: str) -> list[str]:
    return _WORD.findall((with_bigrams(text) if has_unspaced(text) else text).lower())
