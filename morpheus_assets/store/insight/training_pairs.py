"""Pairs to train with: replaced as a whole for a novel, read in their order."""

from collections.abc import Sequence

from morpheus_assets.domain.content import ReplaceCounts
from morpheus_assets.insight.training_pairs import TrainingPair
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading
from morpheus_assets.store.insight.casts import replace_all

queries = load_queries(__file__)


def load_pairs(bind: Bind, novel: str) -> list[TrainingPair]:
    """The pairs of a novel; [] where none are stored."""
    with reading(bind) as connection:
        rows = connection.execute(queries.training_pairs, {"novel": novel}).fetchall()
    return [
        TrainingPair(question, kind, bytes(positive), chapter, tuple(bytes(each) for each in negatives))
        for question, kind, positive, chapter, negatives in rows
    ]


def replace_pairs(bind: Bind, novel: str, pairs: Sequence[TrainingPair]) -> ReplaceCounts:
    """Make the stored pairs equal to `pairs`, in their order. Raises UnknownNovel."""
    rows = [
        {
            "ordinal": number,
            "question": pair.question,
            "kind": pair.kind,
            "content_hash": pair.positive,
            "chapter": pair.chapter,
            "negatives": list(pair.negatives),
        }
        for number, pair in enumerate(pairs, 1)
    ]
    same = load_pairs(bind, novel) == list(pairs)
    return replace_all(bind, novel, rows, same, queries.delete_pairs, queries.add_pair)
