"""Sentences of novels that have panels, the scenes that their panels show, and pictures that are like a character's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from morpheus_assets.domain.content import ReplaceCounts
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.content.novel_rows import lock_novel, novel_id
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, reading, transaction
from morpheus_assets.store.insight.casts import replace_all

queries = load_queries(__file__)


@dataclass(frozen=True)
class SceneSentence:
    """A sentence of a novel: where it stands in the novel's text, and as it is embedded, in one line."""

    ordinal: int
    chapter: int
    char_start: int
    char_end: int
    content_hash: bytes
    body: str


@dataclass(frozen=True)
class PanelRegion:
    """What a space sees as one panel: a region of a page, or a page that has none."""

    page_id: int
    region: int
    content_hash: bytes
    path: str
    entry: str
    page: int


@dataclass(frozen=True)
class PanelScene(PanelRegion):
    """A panel with its scene: its place in reading order, the chapter, the best sentence and its place and cosine.

    `scores` has one number for each chapter of the match; `confirmed` says that a person named the chapter.
    """

    ordinal: int
    chapter: int
    char_start: int
    char_end: int
    sentence: str
    similarity: float
    confirmed: bool
    scores: Sequence[float]


@dataclass(frozen=True)
class SceneMatch:
    """The scenes of a novel's panels: in which space, over which chapters, and whether the reading order decided."""

    space: str
    chapters: Sequence[int]
    aligned: bool
    panels: Sequence[PanelScene]

    @property
    def without_panel(self) -> list[int]:
        """The chapters that no panel shows, in order."""
        shown = {panel.chapter for panel in self.panels}
        return [chapter for chapter in self.chapters if chapter not in shown]


@dataclass(frozen=True)
class CharacterPanel(PanelRegion):
    """A panel beside a character's reference pictures: -1 to 1, how like them it is, and whether it is one of them."""

    character: str
    likeness: float
    reference: bool


def replace_sentences(bind: Bind, novel: str, sentences: Sequence[SceneSentence]) -> ReplaceCounts:
    """Make the stored sentences equal to these; nothing is written when they are. Raises UnknownNovel."""
    same = load_sentences(bind, novel) == list(sentences)
    rows = [vars(each) for each in sentences]
    return replace_all(bind, novel, rows, same, queries.delete_sentences, queries.add_sentence)


def load_sentences(bind: Bind, novel: str) -> list[SceneSentence]:
    """The sentences of a novel in order; [] where none are stored."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(SceneSentence)) as cursor:
        return cursor.execute(queries.sentences, {"novel": novel}).fetchall()


def panels_to_match(bind: Bind, novel: str, space: SpaceRow) -> list[PanelRegion]:
    """The panels of a novel that have a vector's worth of picture in a space, in reading order: no page beside its own.

    Panels, pieces and given boxes, and pages without any; whole files in a space that sees whole files.
    """
    with reading(bind) as connection, connection.cursor(row_factory=class_row(PanelRegion)) as cursor:
        return cursor.execute(queries.panels_to_match, {"novel": novel, "shaping": space.shaping}).fetchall()


def replace_scenes(bind: Bind, novel: str, space: SpaceRow | None, match: SceneMatch | None) -> ReplaceCounts:
    """Make the stored match equal to this one, or delete it; nothing is written when they are the same."""
    stored = load_scenes(bind, novel)
    if stored == match:
        return ReplaceCounts(0, len(match.panels) if match else 0, 0)
    with transaction(bind) as connection, connection.cursor() as cursor:
        lock_novel(connection, novel)
        number = novel_id(connection, novel)
        cursor.execute(queries.delete_match, {"number": number})
        if match is None or space is None:
            return ReplaceCounts(0, 0, len(stored.panels) if stored else 0)
        given = {"number": number, "space": space.id, "chapters": list(match.chapters), "aligned": match.aligned}
        cursor.execute(queries.add_match, given)
        cursor.executemany(
            queries.add_scene, [{"number": number, **vars(each), "scores": list(each.scores)} for each in match.panels]
        )
    return ReplaceCounts(len(match.panels), 0, len(stored.panels) if stored else 0)


def load_scenes(bind: Bind, novel: str) -> SceneMatch | None:
    """The scenes of a novel's panels in reading order, None where none were matched."""
    with reading(bind) as connection:
        found = connection.execute(queries.match, {"novel": novel}).fetchone()
        if found is None:
            return None
        with connection.cursor(row_factory=class_row(PanelScene)) as cursor:
            panels = cursor.execute(queries.scenes, {"novel": novel}).fetchall()
    # Pages that are removed take their scenes along.
    return SceneMatch(found[0], found[1], found[2], panels) if panels else None


def replace_character_panels(bind: Bind, novel: str, panels: Sequence[CharacterPanel]) -> ReplaceCounts:
    """Make the stored pictures of a novel's characters equal to these, each character's in the order given."""
    same = load_character_panels(bind, novel) == list(panels)
    rows: list[dict[str, Any]] = [{"ordinal": number, **vars(each)} for number, each in enumerate(panels, 1)]
    return replace_all(bind, novel, rows, same, queries.delete_character_panels, queries.add_character_panel)


def load_character_panels(bind: Bind, novel: str) -> list[CharacterPanel]:
    """The pictures beside each character's reference pictures, by character, the least like ones first."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(CharacterPanel)) as cursor:
        return cursor.execute(queries.character_panels, {"novel": novel}).fetchall()


def count_unused_sentences(bind: Bind) -> int:
    """The number of vectors of sentences that no novel with panels has any more."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.count_unused_sentences).fetchone()
    return int(row[0]) if row else 0


def delete_unused_sentences(bind: Bind) -> int:
    """Delete them, whatever was counted before; how many."""
    with autocommit(bind) as connection:
        return connection.execute(queries.delete_unused_sentences).rowcount
