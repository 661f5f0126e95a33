"""The panels of a novel that are like the reference pictures which a person tagged for its characters."""

from collections.abc import Sequence

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.insight.character_pictures import pictures_like
from morpheus_assets.sources.names import page_name
from morpheus_assets.store.insight.casts import load_characters
from morpheus_assets.store.insight.scenes import CharacterPanel, PanelRegion, panels_to_match
from morpheus_assets.store.spaces.vectors import read_vectors


def find_character_panels(engine: Engine, row: SpaceRow, novel: str) -> list[CharacterPanel]:
    """For each character with reference pictures the nearest panels, the least like ones first; by stored vectors.

    A reference names a page as regions.tsv does; `page.png#3` is its third panel, a page alone all of them.
    """
    import numpy as np

    tagged = [one for one in load_characters(engine, novel) if one.panels]
    if not tagged:
        return []
    panels = panels_to_match(engine, novel, row)
    vectors = read_vectors(engine, row, [each.content_hash for each in panels])
    panels = [each for each in panels if each.content_hash in vectors]
    if not panels:
        return []
    matrix = np.stack([vectors[each.content_hash] for each in panels])
    return [
        CharacterPanel(**vars(panels[each.row]), character=one.name, likeness=each.likeness, reference=each.reference)
        for one in tagged
        for each in pictures_like(matrix, _references(panels, one.panels))
    ]


def _references(panels: Sequence[PanelRegion], names: Sequence[str]) -> list[int]:
    wanted = set(names)
    pages = [page_name(panel.path, panel.entry) for panel in panels]
    return [
        at
        for at, (page, panel) in enumerate(zip(pages, panels, strict=True))
        if wanted & {page, f"{page}#{panel.region}"}
    ]
