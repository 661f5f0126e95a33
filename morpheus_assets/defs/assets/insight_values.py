"""Values and tables of the insight assets, between the assets and their IO managers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from morpheus_assets.insight.characters import Character
    from morpheus_assets.insight.looks import Look
    from morpheus_assets.insight.training_pairs import TrainingPair

SHOWN = 60


@dataclass(frozen=True)
class FoundMean:
    """The mean vector [dimensions] of a novel's passages in a space; None where it has no vector.

    `shown` gives metadata about the novel, asked for once the mean is stored.
    """

    space: str
    mean: Any
    passages: int
    shown: Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class FoundPairs:
    """The pairs that a novel gives."""

    pairs: "Sequence[TrainingPair]"


def cast_table(cast: "Sequence[Character]") -> dg.MetadataValue:
    """The first characters with their forms and chapters."""
    return _table(
        [
            {
                "name": one.name,
                "kind": one.kind,
                "mentions": one.mentions,
                "chapters": len(one.chapters),
                "forms": ", ".join(f"{form} ({count})" for form, count in list(one.aliases.items())[:8]),
                "confirmed": one.confirmed,
            }
            for one in cast[:SHOWN]
        ],
        "no names were found",
    )


def looks_table(novel: str, looks: "Sequence[Look]") -> dg.MetadataValue:
    """The first statements, contradictions first, each with its place for `/api/novels/{novel}/text`."""
    return _table(
        [
            {
                "character": look.character,
                "look": f"{look.part}: {look.attribute}",
                "contradicts": look.contradicts,
                "chapter": look.chapter,
                "sentence": look.sentence,
                "where": f"/api/novels/{novel}/text?start={look.char_start}&end={look.char_end}",
                "sure": look.sure,
            }
            for look in looks[:SHOWN]
        ],
        "the text says nothing that was understood",
    )


def pairs_table(pairs: "Sequence[TrainingPair]") -> dg.MetadataValue:
    """The first pairs."""
    return _table(
        [
            {"question": pair.question, "chapter": pair.chapter, "negatives": len(pair.negatives)}
            for pair in pairs[:SHOWN]
        ],
        "no passage has a fit sentence",
    )


def _table(rows: Sequence[Mapping[str, Any]], nothing: str) -> dg.MetadataValue:
    if not rows:
        return dg.MetadataValue.text(nothing)
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])
