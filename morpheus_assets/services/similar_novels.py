"""Novels like a novel, from the stored means of one text space, with the passages that are most alike as the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.insight.similar import closest_passages, most_like
from morpheus_assets.store.insight.means import NovelMean, PassagePlace, load_means, passage_bodies, passages_of
from morpheus_assets.store.spaces.spaces import list_spaces
from morpheus_assets.store.spaces.vectors import passage_vectors

MOST = 20
REASONS = 2
# Of the longest novels a sample is compared: War and Peace has 3,700 passages.
_MOST_PASSAGES = 1_500
_MANY_LANGUAGES = (
    "multilingual",
    "e5-",
    "bge-m3",
    "text-embedding-3",
    "text-embedding-ada",
    "voyage",
    "gte-",
    "cohere",
)


@dataclass(frozen=True)
class AlikePassages:
    """A passage of either novel, and their cosine."""

    mine: PassagePlace
    other: PassagePlace
    mine_text: str
    other_text: str
    similarity: float


@dataclass(frozen=True)
class SimilarNovel:
    """Another novel, how like it is (see insight.similar), and the reasons."""

    novel: str
    title: str | None
    author: str | None
    similarity: float
    reasons: Sequence[AlikePassages]


def speaks_many_languages(space: SpaceRow) -> bool:
    """True for a model that puts the same thing in two languages side by side, by its name."""
    return any(name in f"{space.provider}/{space.model}".lower() for name in _MANY_LANGUAGES)


def similar_to(engine: Engine, novel: str, k: int) -> list[SimilarNovel]:
    """As `similar_novels`, in the space that answers searches, or the newest other one with a mean of the novel."""
    spaces = sorted(list_spaces(engine, "text"), key=lambda row: (row.state != "active", -row.id))
    for space in spaces:
        found = similar_novels(engine, space, novel, k)
        if found:
            return found
    return []


def similar_novels(engine: Engine, space: SpaceRow, novel: str, k: int, *, reasons: bool = True) -> list[SimilarNovel]:
    """Up to `k` novels like `novel` among those that have a mean in `space`; [] when it has none itself.

    Novels in other languages count only for a model that knows several; one that is less like it than novels are on
    the whole is not like it.
    """
    known = {each.novel: each for each in load_means(engine, space.id)}
    mine = known.get(novel)
    if mine is None:
        return []
    if not speaks_many_languages(space):
        known = {name: each for name, each in known.items() if each.language == mine.language}
    found = most_like(novel, {name: each.mean for name, each in known.items()}, min(k, MOST), least=0.0)
    why: Mapping[str, Sequence[AlikePassages]] = {}
    if reasons and found:
        why = _reasons(engine, space, novel, [each.novel for each in found])
    return [_similar(known[each.novel], each.similarity, why.get(each.novel, ())) for each in found]


def _similar(other: NovelMean, similarity: float, reasons: Sequence[AlikePassages]) -> SimilarNovel:
    return SimilarNovel(other.novel, other.title, other.author, similarity, reasons)


def _reasons(engine: Engine, space: SpaceRow, novel: str, others: Sequence[str]) -> dict[str, Sequence[AlikePassages]]:
    places, matrix = _passages(engine, space, novel)
    pairs = {}
    for other in others:
        their_places, theirs = _passages(engine, space, other)
        found = closest_passages(matrix, theirs, REASONS)
        pairs[other] = [(places[pair.mine], their_places[pair.other], pair.similarity) for pair in found]
    hashes = {place.content_hash for found in pairs.values() for mine, theirs, _ in found for place in (mine, theirs)}
    bodies = passage_bodies(engine, sorted(hashes))
    return {
        other: [
            AlikePassages(
                mine, theirs, bodies.get(mine.content_hash, ""), bodies.get(theirs.content_hash, ""), similarity
            )
            for mine, theirs, similarity in found
        ]
        for other, found in pairs.items()
    }


def _passages(engine: Engine, space: SpaceRow, novel: str) -> tuple[list[PassagePlace], np.ndarray]:
    places = sorted(passages_of(engine, novel), key=lambda place: place.char_start)
    step = -(-len(places) // _MOST_PASSAGES) or 1
    vectors = passage_vectors(engine, space, [place.content_hash for place in places[::step]])
    kept = [place for place in places[::step] if place.content_hash in vectors]
    rows = [vectors[place.content_hash] for place in kept]
    return kept, np.stack(rows) if rows else np.zeros((0, space.dimensions), np.float32)
