"""Draws what was measured beside the peers as bars, multiples of the limit script on a logarithmic axis."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.peer_table import STEPS, Line, name_of

PANELS = ("ingest", "unchanged", "edit-insert", "search")
WIDTH, HEAD, ROW, GAP, NAMES = 940, 46, 34, 50, 330
INK, QUIET, RULE, PAPER = "#1d1d1f", "#6e6e73", "#d2d2d7", "#ffffff"
OWN, OWN_WALL, PEER, PEER_WALL = "#0b6e4f", "#a3d5c3", "#5b6770", "#d5dade"


def draw(lines: Sequence[Line], path: Path, note: str) -> None:
    """Write a PNG with a panel for each of PANELS: a dark bar is the work, the light one the whole process."""
    panels = [[line for line in lines if line.step == step and line.work_ratio] for step in PANELS]
    rows = max(map(len, panels))
    height = HEAD + rows * ROW + GAP
    image = Image.new("RGB", (2 * WIDTH, 110 + 2 * height), PAPER)
    canvas = ImageDraw.Draw(image)
    canvas.text((40, 30), "Times the limit script (log scale): lower is better", INK, _font(32))
    canvas.text((40, 72), note, QUIET, _font(20))
    for place, panel in enumerate(panels):
        if panel:
            _panel(canvas, panel, (place % 2) * WIDTH, 120 + (place // 2) * height)
    image.save(path, optimize=True)


def _panel(canvas: ImageDraw.ImageDraw, lines: Sequence[Line], left: int, top: int) -> None:
    step = lines[0].step
    ordered = sorted(lines, key=lambda line: line.work_ratio.median if line.work_ratio else 0)
    canvas.text((left + 40, top), STEPS[step], INK, _font(26))
    values = [spread.most for line in lines for spread in (line.work_ratio, line.wall_ratio) if spread]
    values += [line.work_ratio.least for line in lines if line.work_ratio]
    low, high = min(0.7, min(values) * 0.8), max(values) * 1.1
    start, end = left + NAMES, left + WIDTH - 130

    def x(value: float) -> float:
        return start + (end - start) * math.log(value / low) / math.log(high / low)

    decades = [10**power for power in range(-2, 5)]
    # a short axis needs the steps between, a long one has no room for them
    steps = [step * ten for ten in decades for step in (1, 2, 5)] if high / low < 30 else decades
    for tick in steps:
        if low <= tick <= high:
            bottom = top + HEAD + len(ordered) * ROW
            canvas.line([(x(tick), top + HEAD - 4), (x(tick), bottom)], INK if tick == 1 else RULE, 2)
            canvas.text((x(tick), bottom + 2), f"{tick:g}x", QUIET, _font(16), anchor="ma")
    for number, line in enumerate(ordered):
        _bar(canvas, line, (left + NAMES - 14, top + HEAD + number * ROW), x)


def _bar(canvas: ImageDraw.ImageDraw, line: Line, at: tuple[int, int], x) -> None:
    right, y = at
    own = line.spec.startswith("morpheus")
    canvas.text((right, y + 6), name_of(line.spec).replace("*", ""), INK if own else QUIET, _font(18), anchor="ra")
    if line.work_ratio is None or line.wall_ratio is None:
        return
    work, wall = line.work_ratio, line.wall_ratio
    if line.step != "search":
        canvas.rectangle(_ends(x(1), x(wall.median), y + 19, y + 27), OWN_WALL if own else PEER_WALL)
    dark = OWN if own else PEER
    canvas.rectangle(_ends(x(1), x(work.median), y + 4, y + 18), dark)
    if work.least < work.most:
        canvas.line([(x(work.least), y + 11), (x(work.most), y + 11)], INK, 2)
    label = f"{work.median:.2g}x" if work.median < 10 else f"{work.median:,.0f}x"
    furthest = max(x(1), x(work.most), x(wall.median))
    canvas.text((furthest + 8, y + 6), label, INK if own else QUIET, _font(18))


def _ends(one: float, other: float, top: float, bottom: float) -> list[tuple[float, float]]:
    return [(min(one, other) - 1, top), (max(one, other) + 1, bottom)]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow brings this face with it, so the picture looks the same on every machine; it has no multiplication sign
    return ImageFont.load_default(size)
