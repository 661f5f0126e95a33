"""The scenes of a novel's panels, from what is stored: the space that sees them, the sentences, chapter and place."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from morpheus_assets.domain.content import Chapter
from morpheus_assets.domain.spaces import SentenceSpace, SpaceRow
from morpheus_assets.domain.unit_vectors import cosine
from morpheus_assets.insight.scene_file import ConfirmedScene, ConfirmedScenes, read_scenes
from morpheus_assets.insight.scenes import match_scenes, picturable_sentences
from morpheus_assets.services.configured_spaces import wanted_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Entry, FileUnreadable, Source
from morpheus_assets.sources.names import MAX_PANEL_BYTES, SCENES, page_name
from morpheus_assets.store.insight.scenes import (
    PanelRegion,
    PanelScene,
    SceneMatch,
    SceneSentence,
    load_sentences,
    panels_to_match,
)
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import list_spaces
from morpheus_assets.store.spaces.vectors import read_vectors

# Kinds of chapters that a picture may show: what stands around them is no story.
_STORY = ("chapter", "section")


@dataclass(frozen=True)
class FoundScenes:
    """The match of a novel in `space`, None where there is nothing to match; `notes` say what is missing or wrong."""

    space: SpaceRow | None
    match: SceneMatch | None
    notes: Sequence[str] = ()


def space_of_panels(engine: Engine, settings: Settings, novel: str) -> SpaceRow | None:
    """The image space that has a novel's panels: the first of the settings' that is whole, else the first with any."""
    stored = {row.key: row for row in list_spaces(engine, "image")}
    some: SpaceRow | None = None
    for space in wanted_spaces(settings, "image"):
        row = stored.get(space.key)
        if row is None or row.fingerprint != space.fingerprint:
            continue
        for covered in coverage(engine, row, [novel]).novels:
            if covered.present and not covered.missing:
                return row
            some = some or (row if covered.present else None)
    return some


def scene_sentences(text: str, chapters: Sequence[Chapter]) -> list[SceneSentence]:
    """The sentences of a novel's chapters that a picture could show, in order, with their places in its text."""
    found: list[SceneSentence] = []
    for chapter in chapters:
        if chapter.kind not in _STORY:
            continue
        body = text[chapter.char_start : chapter.char_end]
        for start, end in picturable_sentences(body):
            line = " ".join(body[start:end].split())
            place = chapter.char_start + start, chapter.char_start + end
            hashed = hashlib.sha256(line.encode()).digest()
            found.append(SceneSentence(len(found) + 1, chapter.ordinal, *place, hashed, line))
    return found


def confirmed_scenes(source: Source, files: Sequence[Entry]) -> ConfirmedScenes:
    """What a person said of a novel's pages, from scenes.tsv in its folder."""
    for file in files:
        if file.path.partition("/")[2].lower() == SCENES:
            try:
                data = source.read(file.path, MAX_PANEL_BYTES)
            except FileUnreadable as error:
                return ConfirmedScenes(problems=(str(error),))
            return read_scenes(data or b"", source.display_name(file.path))
    return ConfirmedScenes()


def find_scenes(engine: Engine, row: SpaceRow | None, novel: str, confirmed: ConfirmedScenes) -> FoundScenes:
    """The scenes of a novel's panels; of those panels and sentences only that have a vector in the space `row`."""
    import numpy as np

    notes = list(confirmed.problems)
    if row is None:
        return FoundScenes(None, None, [*notes, "No panel has a vector in an image space of the settings."])
    sentences = load_sentences(engine, novel)
    texts = read_vectors(engine, SentenceSpace.of(row), [each.content_hash for each in sentences])
    sentences = [each for each in sentences if each.content_hash in texts]
    panels = panels_to_match(engine, novel, row)
    pictures = read_vectors(engine, row, [each.content_hash for each in panels])
    panels = [each for each in panels if each.content_hash in pictures]
    if not sentences or not panels:
        return FoundScenes(
            None, None, [*notes, "No text of the novel is stored." if panels else "No panel has a vector."]
        )
    chapters = list(dict.fromkeys(each.chapter for each in sentences))
    column = {chapter: place for place, chapter in enumerate(chapters)}
    said, wrong = _said(panels, confirmed.scenes, column)
    scenes = match_scenes(
        np.stack([texts[each.content_hash] for each in sentences]),
        [column[each.chapter] for each in sentences],
        np.stack([pictures[each.content_hash] for each in panels]),
        {place: column[scene.chapter] for place, scene in said.items()},
    )
    rows = []
    for place, (panel, scene) in enumerate(zip(panels, scenes, strict=True)):
        sentence = sentences[scene.sentence]
        if place in said and said[place].quotation:
            sentence = _quoted(sentences, said[place]) or sentence
        rows.append(
            PanelScene(
                **vars(panel),
                ordinal=place + 1,
                chapter=chapters[scene.chapter],
                char_start=sentence.char_start,
                char_end=sentence.char_end,
                sentence=sentence.body,
                similarity=round(cosine(texts[sentence.content_hash], pictures[panel.content_hash]), 4),
                confirmed=place in said,
                scores=list(scene.scores),
            )
        )
    return FoundScenes(row, SceneMatch(row.key, chapters, scenes[0].aligned, rows), [*notes, *wrong])


def _said(
    panels: Sequence[PanelRegion], scenes: Mapping[str, ConfirmedScene], chapters: Mapping[int, int]
) -> tuple[dict[int, ConfirmedScene], list[str]]:
    """The confirmed scenes by place of the panel, and a sentence for each that fits nothing."""
    pages: dict[str, list[int]] = {}
    for place, panel in enumerate(panels):
        pages.setdefault(page_name(panel.path, panel.entry), []).append(place)
    said: dict[int, ConfirmedScene] = {}
    wrong = []
    for page, scene in scenes.items():
        if page not in pages:
            wrong.append(f"{SCENES} names the page {page}, which is not stored: it was left out.")
        elif scene.chapter not in chapters:
            wrong.append(
                f"{SCENES} names chapter {scene.chapter} for {page}, which the novel has not: it was left out."
            )
        else:
            said.update(dict.fromkeys(pages[page], scene))
    return said, wrong


def _quoted(sentences: Sequence[SceneSentence], scene: ConfirmedScene) -> SceneSentence | None:
    wanted = " ".join(scene.quotation.split()).casefold()
    return next((s for s in sentences if s.chapter == scene.chapter and wanted in s.body.casefold()), None)
