"""Export of panels with the sentences that they show, as open_clip's training reads them, with their pictures.

A pair is confirmed by a person, or its chapter fits better than every other. What an evaluation asks is no caption.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from morpheus_assets.images.books.values import UnreadableBook
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.insight.training_pairs import PairPassage, asked_of, is_asked, split_of, work_of
from morpheus_assets.services.content_location import panels_source
from morpheus_assets.services.page_reading import PageChanged, PageReader
from morpheus_assets.services.training_pairs import SPLITS, Exported, evaluated_questions
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import FileUnreadable
from morpheus_assets.store.content.lookups import panel_place
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.insight.means import passage_bodies, passages_of
from morpheus_assets.store.insight.scenes import PanelScene, SceneMatch, load_scenes

if TYPE_CHECKING:
    from PIL import Image

TRAINED = ("filepath", "title")
"""The columns that open_clip takes unless it is told otherwise: the picture, and the sentence that it shows."""
_COLUMNS = (
    *TRAINED, "novel", "novel_title", "author", "chapter", "page", "region", "kind", "margin", "split", "licence"
)  # fmt: skip
CONFIRMED, MATCHED = "confirmed", "matched"


def export_panel_pairs(
    engine: Engine,
    settings: Settings,
    folder: Path,
    novels: Sequence[str] = (),
    licence: str = "unknown",
    least_margin: float = 0.0,
) -> Exported:
    """Write `<split>.csv` and `pictures/<hash>.png` of the panels of all novels, or of those named.

    A panel is taken when a person confirmed its scene, or when its chapter's score is more than `least_margin` above
    every other chapter's; of panels that do not follow the chapters only above one that is given, for they may show
    anything. A picture that cannot be read any more is left out. Paths are absolute, as open_clip opens
    them from anywhere; `licence` is written into every row.
    """
    pictures = folder.resolve() / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, object]]] = {split: [] for split in SPLITS}
    reader = PageReader(panels_source(settings), settings.max_image_pixels)
    try:
        for row in _rows(engine, settings, reader, pictures, novels, licence, least_margin):
            rows[str(row["split"])].append(row)
    finally:
        reader.close()
    files = {split: folder / f"{split}.csv" for split, found in rows.items() if found}
    for split, file in files.items():
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, _COLUMNS, delimiter="\t")
            writer.writeheader()
            writer.writerows(rows[split])
    return Exported({split: len(rows[split]) for split in files}, files)


def margin(match: SceneMatch, panel: PanelScene) -> float:
    """How much better a panel's chapter fits than any other; 0 where the novel has one chapter only."""
    own = list(match.chapters).index(panel.chapter)
    others = [score for column, score in enumerate(panel.scores) if column != own]
    return panel.scores[own] - max(others) if others else 0.0


def _rows(
    engine: Engine,
    settings: Settings,
    reader: PageReader,
    pictures: Path,
    novels: Sequence[str],
    licence: str,
    least_margin: float,
) -> Iterator[dict[str, object]]:
    for summary in list_novels(engine, list(novels) or None):
        match = load_scenes(engine, summary.novel)
        if match is None:
            continue
        asked = asked_of(_evaluated(engine, settings, summary.novel))
        split = split_of(work_of(summary.novel, summary.title, summary.author), SPLITS)
        for panel in match.panels:
            better = margin(match, panel)
            trusted = better > least_margin and (match.aligned or least_margin > 0)
            if not (panel.confirmed or trusted) or is_asked(panel.sentence, asked):
                continue
            file = pictures / f"{panel.content_hash.hex()}.png"
            if not file.exists():
                picture = _picture(engine, reader, panel)
                if picture is None:
                    continue
                picture.save(file)
            values = (
                str(file), panel.sentence, summary.novel, summary.title, summary.author, panel.chapter,
                f"{panel.path}/{panel.entry}" if panel.entry else panel.path, panel.region,
                CONFIRMED if panel.confirmed else MATCHED, round(better, 4), split, licence,
            )  # fmt: skip
            yield dict(zip(_COLUMNS, values, strict=True))


def _evaluated(engine: Engine, settings: Settings, novel: str) -> set[str]:
    places = passages_of(engine, novel)
    bodies = passage_bodies(engine, [place.content_hash for place in places])
    held = [
        PairPassage(place.content_hash, place.chapter, bodies[place.content_hash], row)
        for row, place in enumerate(places)
        if place.content_hash in bodies
    ]
    return evaluated_questions(settings, novel, held)


def _picture(engine: Engine, reader: PageReader, panel: PanelScene) -> "Image.Image | None":
    place = panel_place(engine, panel.content_hash)
    if place is None or place.pixels is None:
        return None
    try:
        return reader.region(place.path, place.entry, place.page_hash, place.pixels)
    except (PageChanged, RefusedImage, UnreadableBook, FileUnreadable):
        return None
