"""Comic pages for measurements, drawn from a seed at the size of a scan, 1600 × 2400, in several formats in turn."""

import io
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = (1600, 2400)
# As Pillow writes them: quality of a scanner's JPEG, effort of an editor's PNG.
FORMATS = {
    "jpg": ("JPEG", {"quality": 88}),
    "png": ("PNG", {"compress_level": 3}),
    "webp": ("WEBP", {"quality": 82, "method": 2}),
}


def draw_page(seed: int) -> Image.Image:
    """Six framed panels with shaded skies, hatching, figures and balloons, under the grain of a scan."""
    chance, grains = random.Random(seed), np.random.default_rng(seed)
    page = Image.new("RGB", SIZE, "white")
    for row in range(3):
        for column in range(2):
            panel = _draw_panel(chance, 740, 740)
            page.paste(panel, (40 + column * 780, 50 + row * 780))
    grain = grains.normal(0, 3, (SIZE[1], SIZE[0], 1))
    return Image.fromarray(np.clip(np.asarray(page) + grain, 0, 255).astype(np.uint8))


def _draw_panel(chance: random.Random, width: int, height: int) -> Image.Image:
    def colour() -> tuple[int, int, int]:
        return chance.randrange(256), chance.randrange(256), chance.randrange(256)

    ramp = Image.linear_gradient("L").resize((width, height))
    panel = Image.composite(Image.new("RGB", ramp.size, colour()), Image.new("RGB", ramp.size, colour()), ramp)
    draw = ImageDraw.Draw(panel)
    for _ in range(60):
        x, y = chance.randrange(width), chance.randrange(height)
        draw.line((x, y, x + chance.randrange(-90, 90), y + chance.randrange(-90, 90)), fill=colour(), width=2)
    for _ in range(14):
        x, y, r = chance.randrange(width), chance.randrange(height), chance.randrange(20, 140)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(), outline="black", width=5)
    draw.rounded_rectangle((60, 40, 420, 170), 50, fill="white", outline="black", width=4)
    draw.text((90, 80), f"Panel {chance.randrange(10_000)}, at sea", fill="black", font_size=36)
    draw.rectangle((0, 0, width - 1, height - 1), outline="black", width=8)
    return panel.filter(ImageFilter.GaussianBlur(0.7))


def write_pages(folder: Path, count: int, formats: Sequence[str], *, drawn: int = 12) -> list[Path]:
    """`count` different files of `drawn` different pages: what follows an image's end makes each a file of its own.

    `formats` are keys of FORMATS, taken in turn.
    """
    bodies = []
    for seed in range(drawn):
        suffix = formats[seed % len(formats)]
        form, options = FORMATS[suffix]
        body = io.BytesIO()
        draw_page(seed).save(body, form, **options)
        bodies.append((suffix, body.getvalue()))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        suffix, body = bodies[number % drawn]
        path = folder / f"page-{number:05}.{suffix}"
        path.write_bytes(body + number.to_bytes(8))
        paths.append(path)
    return paths
