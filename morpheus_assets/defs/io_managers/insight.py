"""IO managers of the tables that insight assets fill: characters, looks, mean vectors, training pairs. No SQL here."""

from typing import Any

from morpheus_assets.defs.assets.insight_values import (
    FoundMean,
    FoundPairs,
    Noted,
    cast_table,
    looks_table,
    pairs_table,
)
from morpheus_assets.defs.assets.metadata import replaced
from morpheus_assets.defs.io_managers.base import Metadata
from morpheus_assets.defs.io_managers.content import ContentIOManager
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.looks import Look
from morpheus_assets.insight.training_pairs import TrainingPair
from morpheus_assets.store.insight.casts import load_characters, load_looks, replace_characters, replace_looks
from morpheus_assets.store.insight.means import save_mean
from morpheus_assets.store.insight.training_pairs import load_pairs, replace_pairs
from morpheus_assets.store.spaces.spaces import get_space


class CharactersIOManager(ContentIOManager[Noted[Character], list[Character]]):
    """The cast of a novel, replaced as a whole."""

    table = "characters"

    def store(self, novel: str, value: Noted[Character]) -> Metadata:
        """Write the cast unless it is the stored one."""
        counts = replace_characters(self.engine, novel, value.rows)
        return {
            **replaced(counts),
            **_note(value),
            "persons": sum(one.kind == "person" for one in value.rows),
            "places": sum(one.kind == "place" for one in value.rows),
            "confirmed": sum(one.confirmed for one in value.rows),
            "cast": cast_table(value.rows),
        }

    def load(self, novel: str) -> list[Character]:
        """Read the cast."""
        return load_characters(self.engine, novel)


class LooksIOManager(ContentIOManager[Noted[Look], list[Look]]):
    """What the text says of its characters' looks, replaced as a whole."""

    table = "character_looks"

    def store(self, novel: str, value: Noted[Look]) -> Metadata:
        """Write the statements unless they are the stored ones."""
        counts = replace_looks(self.engine, novel, value.rows)
        return {
            **replaced(counts),
            **_note(value),
            "characters": len({look.character for look in value.rows}),
            "contradictions": sum(bool(look.contradicts) for look in value.rows),
            "looks": looks_table(novel, value.rows),
        }

    def load(self, novel: str) -> list[Look]:
        """Read the statements, contradictions first."""
        return load_looks(self.engine, novel)


def _note(found: Noted[Any]) -> Metadata:
    return {"note": found.note} if found.note else {}


class MeansIOManager(ContentIOManager[FoundMean, None]):
    """The mean vector of a novel in one space."""

    table = "novel_means"

    def store(self, novel: str, value: FoundMean) -> Metadata:
        """Write the mean, or delete it where a novel has no vector."""
        space = get_space(self.engine, value.space)
        changed = save_mean(self.engine, novel, space.id, value.mean, value.passages)
        return {"dagster/partition_row_count": int(value.mean is not None), "changed": changed, **value.shown(novel)}

    def load(self, novel: str) -> None:
        """Nothing is read through Dagster: services ask for the means of all novels."""


class PairsIOManager(ContentIOManager[FoundPairs, list[TrainingPair]]):
    """The pairs to train with that a novel gives, replaced as a whole."""

    table = "training_pairs"

    def store(self, novel: str, value: FoundPairs) -> Metadata:
        """Write the pairs unless they are the stored ones."""
        counts = replace_pairs(self.engine, novel, value.pairs)
        return {
            **replaced(counts),
            "negatives": sum(len(pair.negatives) for pair in value.pairs),
            "judged": sum(pair.kind == "judged" for pair in value.pairs),
            "pairs": pairs_table(value.pairs),
        }

    def load(self, novel: str) -> list[TrainingPair]:
        """Read the pairs in order."""
        return load_pairs(self.engine, novel)
