"""Values and tables of the insight assets, between the assets and their IO managers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import dagster as dg

from morpheus_assets.defs.assets.metadata import beginning

if TYPE_CHECKING:
    from morpheus_assets.defs.assets.values import SpaceStream
    from morpheus_assets.insight.characters import Character
    from morpheus_assets.insight.looks import Look
    from morpheus_assets.insight.training_pairs import TrainingPair
    from morpheus_assets.store.insight.scenes import CharacterPanel, SceneMatch, SceneSentence

T = TypeVar("T")
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
class Noted(Generic[T]):
    """What was found of a novel, and a sentence where its language is why there is nothing ("" else)."""

    rows: "Sequence[T]"
    note: str


@dataclass(frozen=True)
class FoundPairs:
    """The pairs that a novel gives."""

    pairs: "Sequence[TrainingPair]"


@dataclass(frozen=True)
class FoundSentences:
    """The sentences of a novel that its panels may show, and the vectors of those that lack one, as they arrive.

    The stream is read after the sentences are stored; None where there is nothing to compare them with.
    """

    rows: "Sequence[SceneSentence]"
    stream: "SpaceStream | None"


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


def scene_table(match: "SceneMatch") -> dg.MetadataValue:
    """The first panels with their scenes."""
    return _table(
        [
            {
                "panel": panel.entry or panel.path,
                "region": panel.region,
                "chapter": panel.chapter,
                "similarity": panel.similarity,
                "sentence": beginning(panel.sentence, 160),
                "confirmed": panel.confirmed,
            }
            for panel in match.panels[:SHOWN]
        ],
        "no panel",
    )


def scene_picture(match: "SceneMatch") -> dg.MetadataValue:
    """How well each chapter fits each panel, as a heat map, with the scene that was chosen marked."""
    from morpheus_assets.images.charts import heat_map
    from morpheus_assets.images.previews import as_markdown

    column = {chapter: place for place, chapter in enumerate(match.chapters)}
    picture = heat_map(
        [panel.scores for panel in match.panels],
        [column[panel.chapter] for panel in match.panels],
        [str(chapter) for chapter in match.chapters],
    )
    said = "panels from left to right, chapters from top to bottom; darker is better, a frame where a panel belongs"
    return dg.MetadataValue.md(as_markdown(picture, said) or "no panel")


def character_panels_table(panels: "Sequence[CharacterPanel]") -> dg.MetadataValue:
    """The first pictures of each character, the least like the references first."""
    return _table(
        [
            {
                "character": panel.character,
                "panel": panel.entry or panel.path,
                "region": panel.region,
                "likeness": panel.likeness,
                "reference": panel.reference,
            }
            for panel in panels[:SHOWN]
        ],
        "no reference pictures are tagged in content/characters",
    )


def _table(rows: Sequence[Mapping[str, Any]], nothing: str) -> dg.MetadataValue:
    if not rows:
        return dg.MetadataValue.text(nothing)
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])
