"""Search as the API calls it, over a whole corpus and within 10% and 1% of it: seconds, recall@10 against numpy, and
what the evaluation of `morpheus evaluate` finds, without which no speed is worth anything.
"""

import random
import time
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from bench.growth_corpus import VectorModel, questions
from bench.growth_meters import Meters
from bench.serving_setup import percentile
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.evaluation.evaluate import evaluate, questions_for
from morpheus_assets.services.evaluation.measures import by_kind
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.chunks import iter_chunks
from morpheus_assets.store.search.hits import SearchFilter, search_text
from morpheus_assets.store.spaces import vectors

K = 10


@dataclass(frozen=True)
class Scope:
    """Some of the corpus in the terms of the product's own filter."""

    name: str
    novels: tuple[str, ...] | None
    chapter: int | None = None


def scopes(names: list[str]) -> list[Scope]:
    """The whole corpus, 10% and 1% of it: chapters of a novel, a novel, or ten (growth_corpus.py)."""
    one = (names[len(names) // 2],)
    ways = {
        1: (Scope("10%", one, 15), Scope("1%", one, 5)),
        10: (Scope("10%", one), Scope("1%", one, 15)),
        100: (Scope("10%", tuple(names[::10])), Scope("1%", one)),
    }
    if len(names) not in ways:
        raise SystemExit("Corpora have 1000, 10000 or 100000 chunks, so that their parts are 10% and 1%.")
    return [Scope("corpus", None), *ways[len(names)]]


@dataclass(frozen=True)
class Asked:
    text: str
    vector: list[float]
    nearest: frozenset[bytes]


def ask_about(engine: Engine, space: SpaceRow, names: list[str], model: VectorModel, count: int) -> dict[Scope, list]:
    """Questions for each scope, with the ten nearest as numpy finds them among all stored vectors."""
    pools: dict[Scope, dict[bytes, str]] = {}
    for scope in scopes(names):
        chunks = (chunk for name in scope.novels or names for chunk in iter_chunks(engine, name))
        kept = ((chunk.content_hash, chunk.body) for chunk in chunks if scope.chapter in (None, chunk.chapter))
        pools[scope] = dict(kept)
    asked = {scope: questions(list(pool.values()), count, 17) for scope, pool in pools.items()}
    made = {scope: model.vectors(texts) for scope, texts in asked.items()}
    best = {scope: [[] for _ in texts] for scope, texts in asked.items()}
    for hashes, rows in vectors.iter_vectors(engine, space, rows_at_once=2000):
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for scope, pool in pools.items():
            inside = np.array([value in pool for value in hashes])
            if not inside.any():
                continue
            members = [value for value, is_in in zip(hashes, inside, strict=True) if is_in]
            cosines = made[scope] @ units[inside].T
            for row, near in enumerate(best[scope]):
                top = np.argsort(-cosines[row])[:K]
                near.extend((float(cosines[row, i]), members[i]) for i in top)
                best[scope][row] = sorted(near, reverse=True)[:K]
    return {
        scope: [
            Asked(text, vector.tolist(), frozenset(value for _, value in near))
            for text, vector, near in zip(asked[scope], made[scope], best[scope], strict=True)
        ]
        for scope in asked
    }


def search_all(
    engine: Engine, meters: Meters, asked: dict[Scope, list[Asked]], *, mode: str, rounds: int = 1
) -> dict[str, dict[str, float]]:
    """For each scope the first, p50 and p95 in ms, Postgres's CPU ms a search, and recall@10 (of mode "vector")."""
    found = {}
    for scope, each in asked.items():
        taken, hit = [], 0
        before = meters.read()["postgres"]
        for question in random.Random(0).sample(each, len(each)) * rounds:
            started = time.perf_counter()
            hits = search_text(
                engine, question.vector, question.text, k=K, within=SearchFilter(scope.novels, scope.chapter), mode=mode
            )
            taken.append(1000 * (time.perf_counter() - started))
            hit += len({one.content_hash for one in hits} & question.nearest)
        wanted = rounds * sum(len(question.nearest) for question in each)
        found[scope.name] = {
            "first_ms": taken[0],
            "p50_ms": percentile(taken, 0.5),
            "p95_ms": percentile(taken, 0.95),
            "postgres_ms": 1000 * (meters.read()["postgres"] - before) / len(taken),
        }
        if mode == "vector":
            found[scope.name]["recall"] = hit / wanted
    return found


def judge(engine: Engine, settings: Settings, space: SpaceRow) -> dict[str, dict[str, float]]:
    """By kind of question made of the corpus, the shares with the right passage first and among the first five."""
    measured = evaluate(engine, settings, space, questions_for(engine, []))
    return {
        kind: {"questions": found.questions, "first": found.recall_1, "five": found.recall_5, "mrr": found.mrr}
        for kind, found in by_kind(measured.outcomes).items()
    }
