"""Made-up novels of a known shape, and vectors of a known model for any text: what bench/growth.py feeds the product.

A novel has 1,000 passages of some 220 word pieces: ten short chapters of 10 and nine long ones of 100, so that a
chapter, a novel or ten novels are 1% or 10% of a corpus of 1,000, 10,000 or 100,000 passages.

The model of the data: every word has a place in a space of 256 dimensions, near the centre of its topic; a text lies at
the mean of its words, weighted by their rarity. Those dimensions have a falling spectrum (1/sqrt(j)), are turned into
the 3,072 by a fixed random matrix, and get a common direction (cosine of strangers about .2) and a noise of the
text's own (a third of the length). So neighbours exist and the intrinsic dimension is low, as with real models;
vectors that are pure noise have no neighbours, and no index finds what is not there.
"""

import zlib
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from morpheus_assets.text.chunking.tokens import tokenizer

CHUNKS_PER_NOVEL = 1000
CHAPTERS = (10,) * 10 + (100,) * 9
COMMON, VOCABULARY, TOPICS, WORDS_PER_TOPIC = 400, 12_000, 400, 80
LATENT, NOISE, SHARED = 256, 0.35, 0.5


@lru_cache(maxsize=1)
def vocabulary() -> list[str]:
    """English words that are one word piece each, the frequent ones first (the tokenizer's own order)."""
    ranked = sorted((number, word) for word, number in tokenizer().get_vocab().items())
    words = [word for number, word in ranked if number >= 1996 and word.isascii() and word.isalpha() and len(word) > 1]
    return words[:VOCABULARY]


@lru_cache(maxsize=1)
def _topics() -> np.ndarray:
    return np.random.default_rng(1).integers(COMMON, VOCABULARY, (TOPICS, WORDS_PER_TOPIC))


@lru_cache(maxsize=2)
def _zipf(count: int) -> np.ndarray:
    weights = 1 / np.arange(1, count + 1)
    return np.cumsum(weights / weights.sum())


def novel_name(number: int) -> str:
    return f"growth-{number:05}"


def novel_text(number: int, chapters: tuple[int, ...] = CHAPTERS) -> str:
    """A novel of its own topics; every paragraph is meant to be one passage."""
    rng = np.random.default_rng([7, number])
    own = rng.choice(TOPICS, 24, replace=False)
    parts = []
    for chapter, passages in enumerate(chapters, 1):
        near = rng.choice(own, 6, replace=False)
        parts.append(f"CHAPTER {chapter}\n\n" + "\n\n".join(_paragraph(rng, near) for _ in range(passages)))
    return "\n\n\n".join(parts) + "\n"


def _paragraph(rng: np.random.Generator, near: np.ndarray) -> str:
    size = int(rng.integers(175, 225))
    topics = _topics()[rng.choice(near, 2, replace=False)]
    about = topics[rng.integers(0, 2, size), np.searchsorted(_zipf(WORDS_PER_TOPIC), rng.random(size))]
    common = np.searchsorted(_zipf(COMMON), rng.random(size))
    ids = np.where(rng.random(size) < 0.45, about, common)
    names = vocabulary()
    words = [names[number] for number in ids]
    sentences, start = [], 0
    while start < size:
        end = min(size, start + int(rng.integers(9, 22)))
        sentences.append(" ".join(words[start:end]).capitalize() + ".")
        start = end
    return " ".join(sentences)


def questions(bodies: list[str], count: int, seed: int) -> list[str]:
    """Texts of 14 words, each taken from all over one passage."""
    rng = np.random.default_rng([11, seed])
    chosen = rng.integers(0, len(bodies), count)
    return [" ".join(rng.choice(bodies[i].lower().replace(".", "").split(), 14, replace=False)) for i in chosen]


class VectorModel:
    """Texts to unit vectors, float32 [n, dimensions], by the model in this module's docstring."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        rng = np.random.default_rng(3)
        spectrum = 1 / np.sqrt(np.arange(1, LATENT + 1))
        centres = rng.standard_normal((TOPICS, LATENT))
        places = 0.6 * rng.standard_normal((VOCABULARY, LATENT))
        # A word of several topics lies between them.
        np.add.at(places, _topics().ravel(), 0.8 * centres.repeat(WORDS_PER_TOPIC, axis=0))
        rarity = np.log(np.arange(2, VOCABULARY + 2)) / np.log(VOCABULARY)
        rarity[:COMMON] *= 0.1
        self._places = (places * spectrum * rarity[:, None]).astype(np.float32)
        self._turn = rng.standard_normal((LATENT, dimensions)).astype(np.float32)
        common = rng.standard_normal(dimensions).astype(np.float32)
        self._common = common / np.linalg.norm(common)
        self._number = {word: number for number, word in enumerate(vocabulary())}

    def vectors(self, texts: list[str]) -> np.ndarray:
        latent = np.zeros((len(texts), LATENT), np.float32)
        noise = np.empty((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            known = [self._number[word] for word in text.lower().replace(".", " ").split() if word in self._number]
            if known:
                latent[row] = self._places[known].sum(axis=0)
            noise[row] = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimensions, np.float32)
        meant = _unit(latent @ self._turn)
        return _unit(meant + SHARED * self._common + NOISE * _unit(noise))


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms == 0, 1, norms)).astype(np.float32)


def novels_between(have: int, want: int) -> Iterator[int]:
    """The numbers of the novels that take a corpus from `have` chunks to `want`."""
    yield from range(have // CHUNKS_PER_NOVEL, want // CHUNKS_PER_NOVEL)
