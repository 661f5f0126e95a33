"""What bf16 changes: cosine to fp32 on real and drawn panels, and how often a caption finds its panel first.

    .venv/bin/python -m bench.image_precision

The panels are those of ../shared/data, the captions those of the demo model's own held-out drawings in
../shared/tiny_clip. Weights of ViT-B-32 are random, so only its cosines mean anything.
"""

import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from bench.clip_checkpoints import spaces_setting
from morpheus_assets.connected_providers import configured_image_spaces, open_provider
from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS, decode_panel
from morpheus_assets.images.discovery import PANEL_SUFFIXES
from morpheus_assets.settings import PROJECT_FOLDER, Settings

SHARED = PROJECT_FOLDER.parent / "shared"
HELD_OUT = 200


def real_panels() -> list[Image.Image]:
    paths = sorted(path for path in (SHARED / "data" / "panels").rglob("*") if path.suffix in PANEL_SUFFIXES)
    return [decode_panel(path.read_bytes(), path.name, max_pixels=DEFAULT_MAX_PIXELS).image for path in paths]


def held_out() -> tuple[list[Image.Image], list[str]]:
    """Drawn panels of combinations that the demo model was not trained on, and a caption of each."""
    sys.path.insert(0, str(SHARED / "tiny_clip"))
    import panels

    chance, found = random.Random(99), {}
    while len(found) < HELD_OUT:
        scene = panels.random_spec(chance)
        if panels.is_held(scene):
            found[panels.caption(scene, chance, canonical=True)[0]] = panels.draw_panel(scene, 300, 300, chance)
    return list(found.values()), list(found)


def embedded(model: str, folder: Path, panels: list[Image.Image], captions: list[str]) -> dict[str, tuple]:
    """For each precision the unit vectors of panels and of captions."""
    found = {}
    for precision in ("fp32", "bf16"):
        settings = Settings(
            _env_file=None, data_folder=folder, image_spaces=spaces_setting(model, folder), image_precision=precision
        )
        provider = open_provider(settings, configured_image_spaces(settings)[0])

        async def both(opened=provider) -> tuple:
            batches = [panels[start : start + 32] for start in range(0, len(panels), 32)]
            shown = [(await opened.embed(batch, "document")).embeddings for batch in batches]
            said = (await opened.embed(captions, "query")).embeddings
            await opened.close()
            return np.concatenate(shown), said

        found[precision] = asyncio.run(both())
    return found


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    try:
        real, (drawn, captions) = real_panels(), held_out()
        for model in ("demo", "ViT-B-32"):
            found = embedded(model, folder, [*real, *drawn], captions)
            (exact, said), (rough, said_roughly) = found["fp32"], found["bf16"]
            cosines = (exact * rough).sum(axis=1)
            words = (said * said_roughly).sum(axis=1)
            cut = len(real)
            print(f"{model:<10}cosine of bf16 to fp32: {cut} real panels, least {cosines[:cut].min():.5f}, median"
                  f" {np.median(cosines[:cut]):.5f}; {len(drawn)} drawn, least {cosines[cut:].min():.5f}; captions,"
                  f" least {words.min():.5f}", flush=True)  # fmt: skip
            if model != "demo":
                continue
            for precision, (shown, asked) in found.items():
                first = ((asked @ shown[cut:].T).argmax(axis=1) == np.arange(len(drawn))).mean()
                print(f"{'':<10}{precision}: {first:.3f} of {len(drawn)} captions find their panel first", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
