"""What `morpheus demo` prints of the insight assets: cast, looks, scenes of the panels, pairs to train with."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

SHOWN = 4


def tell_insight(engine: "Engine", settings: Settings, novel: str, folder: Path, say: Callable[[str], None]) -> None:
    """Say what was found of a sample, whose panels are named by their chapters; writes `scenes.png` into `folder`."""
    from morpheus_assets.services.similar_novels import similar_to
    from morpheus_assets.store.insight.casts import load_characters, load_looks
    from morpheus_assets.store.insight.training_pairs import load_pairs

    say(f"\ncharacters of {novel}, with the looks that the text tells:")
    looks = load_looks(engine, novel)
    for one in load_characters(engine, novel)[:SHOWN]:
        told = ", ".join(f"{look.part}: {look.attribute}" for look in looks if look.character == one.name)
        named = f"named {one.mentions} times in {len(one.chapters)} chapters"
        say(f"    {one.name}, {one.kind}: {named}; {told or 'no look is told'}")
    _tell_scenes(engine, settings, novel, folder, say)
    similar = ", ".join(each.novel for each in similar_to(engine, novel, SHOWN))
    say(f"\nnovels like {novel}: {similar or 'none, for there is no other'}")
    pairs = load_pairs(engine, novel)
    say(
        f"\ntraining pairs: {len(pairs)} questions with their passage; the first: {pairs[0].question if pairs else '-'}"
    )


def _tell_scenes(engine: "Engine", settings: Settings, novel: str, folder: Path, say: Callable[[str], None]) -> None:
    from morpheus_assets.images.charts import heat_map
    from morpheus_assets.images.decoding import decode_panel
    from morpheus_assets.services.content_location import panels_source
    from morpheus_assets.sources.names import MAX_PANEL_BYTES
    from morpheus_assets.store.insight.scenes import load_scenes

    match = load_scenes(engine, novel)
    if match is None:
        return
    say("\nwhat the panels show:")
    source, pictures, right = panels_source(settings), [], 0
    for panel in match.panels:
        name = panel.path.rpartition("/")[2]
        say(f"    {name}: chapter {panel.chapter}, {panel.similarity:.2f}  {panel.sentence[:90]}")
        right += f"chapter{panel.chapter}-" in panel.path
        data = source.read(panel.path, MAX_PANEL_BYTES) or b""
        pictures.append(decode_panel(data, panel.path, max_pixels=settings.max_image_pixels).image)
    column = {chapter: place for place, chapter in enumerate(match.chapters)}
    marked = [column[panel.chapter] for panel in match.panels]
    labels = [str(chapter) for chapter in match.chapters]
    file = folder / "scenes.png"
    file.write_bytes(heat_map([panel.scores for panel in match.panels], marked, labels, pictures))
    lacking = ", ".join(map(str, match.without_panel)) or "none"
    say(
        f"{right} of {len(match.panels)} panels are in the chapter that their name says (by the demo model, which was"
        f" trained on panels drawn like these); chapters without a panel: {lacking}. {file} shows all of it."
    )
