"""What bf16 and scaled decoding change: cosines on real and drawn panels, and which captions find their panel first.

    .venv/bin/python -m bench.image_precision

The panels are those of ../shared/data, as they are and as JPEG scans of 1240 to 3300 pixels across; the captions those
of the demo model's own held-out drawings in ../shared/tiny_clip. Weights of ViT-B-32 are random, so only its cosines
mean anything.
"""

import asyncio
import io
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.clip_checkpoints import spaces_setting
from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS, decode_panel
from morpheus_assets.services.configured_spaces import configured_image_spaces, open_provider
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.sources.names import PANEL_SUFFIXES

SHARED = PROJECT_FOLDER.parent / "shared"
HELD_OUT = 200
SCANS = (1240, 1600, 2000, 2480, 3300)
Opener = Callable[..., Image.Image]


@dataclass(frozen=True)
class Panels:
    """Files to embed: `label` says what they are, `captions` has one for each or none at all."""

    label: str
    files: Sequence[bytes]
    captions: Sequence[str] = ()


def opened(data: bytes, whole: bool, least: Any = None) -> Image.Image:
    """What the product opens; `whole` keeps the model from asking for less."""
    return decode_panel(data, "panel", max_pixels=DEFAULT_MAX_PIXELS, least=None if whole else least).image


def real() -> Panels:
    paths = sorted(path for path in (SHARED / "data" / "panels").rglob("*") if path.suffix in PANEL_SUFFIXES)
    return Panels("real", [path.read_bytes() for path in paths])


def scans(panels: Panels) -> Panels:
    """The same pictures as JPEGs of a scan's size."""
    chance, found = random.Random(7), []
    for data in panels.files:
        picture = opened(data, whole=True)
        factor = chance.choice(SCANS) / min(picture.size)
        found.append(jpeg(picture.resize((round(picture.width * factor), round(picture.height * factor)))))
    return Panels("scans", found)


def held_out() -> Panels:
    """Drawn panels of combinations that the demo model was not trained on, as JPEG scans, and a caption of each."""
    sys.path.insert(0, str(SHARED / "tiny_clip"))
    import panels

    chance, found = random.Random(99), {}
    while len(found) < HELD_OUT:
        scene = panels.random_spec(chance)
        if panels.is_held(scene):
            drawn = panels.draw_panel(scene, 300, 300, chance).resize((1500, 1500))
            found[panels.caption(scene, chance, canonical=True)[0]] = jpeg(drawn)
    return Panels("drawn", list(found.values()), list(found))


def jpeg(picture: Image.Image) -> bytes:
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=88)
    return body.getvalue()


def embedded(settings: Settings, panels: Panels, *, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of panels and of their captions."""
    provider = open_provider(settings, configured_image_spaces(settings)[0])
    openers: list[Opener] = [partial(opened, data, whole) for data in panels.files]

    async def both() -> tuple[np.ndarray, np.ndarray]:
        batches = [openers[start : start + 32] for start in range(0, len(openers), 32)]
        shown = [(await provider.embed(batch, "document")).embeddings for batch in batches]
        said = (await provider.embed(panels.captions or ["a panel"], "query")).embeddings
        await provider.close()
        return np.concatenate(shown), said

    return asyncio.run(both())


def first(found: tuple[np.ndarray, np.ndarray]) -> float:
    """The share of captions that find their own panel first."""
    shown, said = found
    return float(((said @ shown.T).argmax(axis=1) == np.arange(len(shown))).mean())


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    try:
        pictures = real()
        for model in ("demo", "ViT-B-32"):
            exact = Settings(_env_file=None, data_folder=folder, image_spaces=spaces_setting(model, folder))
            rough = exact.model_copy(update={"image_precision": "bf16"})
            for panels in (pictures, scans(pictures), held_out()):
                base = embedded(exact, panels, whole=True)
                others = {
                    "scaled decoding": embedded(exact, panels, whole=False),
                    "bf16": embedded(rough, panels, whole=True),
                }
                for change, found in others.items():
                    cosines = (base[0] * found[0]).sum(axis=1)
                    least, low, middle = np.quantile(cosines, [0, 0.05, 0.5])
                    line = f"{model:<10}{panels.label:<7}{len(cosines):4}  {change:<16} cosine least {least:.5f}"
                    line += f", 5 % {low:.5f}, median {middle:.5f}"
                    if model == "demo" and panels.captions:
                        line += f"; captions that find their panel first {first(base):.3f} -> {first(found):.3f}"
                    print(line, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
