"""Comic pages drawn from a seed, with the box of every panel in reading order: what a cutter of panels is measured on.

Each kind is one difficulty of real pages: gutters that are black, coloured, thin or slanted, panels that bleed, overlap
or lie in another, no frames, balloons and figures over gutters, paper that is yellow, grainy and not straight.
"""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


@dataclass
class DrawnPage:
    """A page, its direction and the boxes (left, top, right, bottom) of its panels in reading order."""

    kind: str
    image: Image.Image
    direction: str
    panels: list[Box] = field(default_factory=list)


@dataclass(frozen=True)
class Style:
    """How the pages of one kind are laid out and drawn."""

    gutter: Colour = WHITE
    width: tuple[float, float] = (0.010, 0.022)
    frame: tuple[int, int] = (2, 6)
    grey: bool = False
    direction: str = "ltr"
    pale: float = 0.25


def draw_comic_page(kind: str, seed: int) -> DrawnPage:
    """One page of a kind (a key of KINDS), 900 to 1650 pixels wide; the same seed draws the same page."""
    return KINDS[kind](kind, random.Random(f"{kind} {seed}"))


# Layouts --------------------------------------------------------------------------------------------------------------


def page_size(chance: random.Random) -> tuple[int, int]:
    width = chance.choice((900, 1100, 1240, 1400, 1650))
    return width, round(width * chance.uniform(1.38, 1.55))


def parts(chance: random.Random, count: int, start: float, end: float, gap: float) -> list[tuple[float, float]]:
    """`count` pieces of a length with gaps between, none smaller than half of the even share."""
    weights = [chance.uniform(0.7, 1.5) for _ in range(count)]
    room = end - start - gap * (count - 1)
    pieces, at = [], start
    for weight in weights:
        length = room * weight / sum(weights)
        pieces.append((at, at + length))
        at += length + gap
    return pieces


def layout(chance: random.Random, style: Style, size: tuple[int, int], margin: float, even: bool = False) -> list[Box]:
    """Rows of one to three panels, now and then a tall one beside a stack; in reading order."""
    width, height = size
    gap_x = chance.uniform(*style.width) * width
    gap_y = gap_x * (chance.uniform(1.0, 2.2) if style.grey else chance.uniform(0.9, 1.3))
    left, right = margin * width, width - margin * width
    top, bottom = margin * width, height - margin * width
    rows = chance.choice((2, 3, 3, 4))
    boxes: list[tuple[float, float, float, float]] = []
    counts = [chance.choice((2, 3))] * rows if even else [chance.choice((1, 2, 2, 3)) for _ in range(rows)]
    if sum(counts) < 3:
        counts[0] += 1
    for (y0, y1), count in zip(parts(chance, rows, top, bottom, gap_y), counts, strict=True):
        columns = parts(chance, count, left, right, gap_x)
        if style.direction == "rtl":
            columns.reverse()
        tall = chance.randrange(count) if count == 2 and y1 - y0 > 0.3 * height and not even else None
        for at, (x0, x1) in enumerate(columns):
            if tall is not None and at != tall:
                boxes += [(x0, a, x1, b) for a, b in parts(chance, 2, y0, y1, gap_y)]
            else:
                boxes.append((x0, y0, x1, y1))
    return [(round(a), round(b), round(c), round(d)) for a, b, c, d in boxes]


# Pictures -------------------------------------------------------------------------------------------------------------


def _colour(chance: random.Random, style: Style, *, pale: bool = False) -> Colour:
    if style.grey:
        level = chance.choice((255, 255, 255, 235, 200, 160, 90, 20)) if not pale else 255
        return level, level, level
    if pale:
        return tuple(chance.randrange(225, 256) for _ in range(3))  # type: ignore[return-value]
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def _picture(chance: random.Random, style: Style, size: tuple[int, int]) -> Image.Image:
    """Something like a scene: a sky, a floor, figures, hatching, a balloon; quite pale in a part of the panels."""
    width, height = max(8, size[0]), max(8, size[1])
    pale = chance.random() < (0.6 if style.grey else style.pale)
    ramp = Image.linear_gradient("L").resize((width, height))
    sky = Image.new("RGB", ramp.size, _colour(chance, style, pale=pale))
    ground = Image.new("RGB", ramp.size, sky.getpixel((0, 0)) if style.grey else _colour(chance, style, pale=pale))
    picture = Image.composite(sky, ground, ramp)
    draw = ImageDraw.Draw(picture)
    horizon = round(height * chance.uniform(0.45, 0.85))
    if chance.random() < 0.6:
        draw.rectangle((0, horizon, width, height), fill=_colour(chance, style))
    if style.grey and chance.random() < 0.5:
        step = chance.choice((6, 8, 10))
        shade = chance.randrange(120, 200)
        for x in range(0, width, step):
            for y in range(horizon if pale else 0, height, step):
                draw.ellipse((x, y, x + step // 2, y + step // 2), fill=(shade,) * 3)
    for _ in range(chance.randrange(2, 6)):
        reach = min(width, height) * chance.uniform(0.08, 0.3)
        x, y = chance.uniform(0, width), chance.uniform(height * 0.3, height)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=_colour(chance, style), outline=BLACK, width=3)
        draw.polygon(
            [(x - reach, y + 3 * reach), (x + reach, y + 3 * reach), (x, y)], fill=_colour(chance, style), outline=BLACK
        )
    for _ in range(chance.randrange(10, 60)):
        x, y = chance.uniform(0, width), chance.uniform(0, height)
        length, angle = chance.uniform(0.02, 0.15) * width, chance.uniform(0, math.pi)
        end = (x + length * math.cos(angle), y + length * math.sin(angle))
        draw.line((x, y, *end), fill=BLACK if style.grey else _colour(chance, style), width=chance.choice((1, 2, 3)))
    if chance.random() < 0.7:
        across, down = width * chance.uniform(0.25, 0.45), height * chance.uniform(0.15, 0.3)
        x, y = chance.uniform(0, width - across), chance.uniform(0, height * 0.3)
        balloon(chance, draw, (x, y, x + across, y + down))
    return picture


def balloon(chance: random.Random, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float]) -> None:
    draw.ellipse(box, fill=WHITE, outline=BLACK, width=3)
    x0, y0, x1, y1 = box
    size = max(8, round((y1 - y0) / 7))
    for line in range(3):
        words = " ".join(chance.choice(("what", "no", "the ship", "is lost", "go", "never")) for _ in range(2))
        draw.text((x0 + 0.25 * (x1 - x0), y0 + (0.25 + 0.18 * line) * (y1 - y0)), words, fill=BLACK, font_size=size)


def paste(page: Image.Image, picture: Image.Image, box: Box, frame: int) -> None:
    page.paste(picture.resize((box[2] - box[0], box[3] - box[1])), box[:2])
    if frame:
        outline = (box[0], box[1], box[2] - 1, box[3] - 1)
        ImageDraw.Draw(page).rectangle(outline, outline=BLACK, width=frame)


def _draw(kind: str, chance: random.Random, style: Style, margin: float = 0.05, *, even: bool = False) -> DrawnPage:
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, style.gutter), style.direction)
    page.panels = layout(chance, style, size, margin, even)
    frame = chance.randint(*style.frame) if style.frame[1] else 0
    for box in page.panels:
        paste(page.image, _picture(chance, style, (box[2] - box[0], box[3] - box[1])), box, frame)
    return page


# Kinds ----------------------------------------------------------------------------------------------------------------


def _grid(kind: str, chance: random.Random) -> DrawnPage:
    return _draw(kind, chance, Style(), even=True)


def _rows(kind: str, chance: random.Random) -> DrawnPage:
    return _draw(kind, chance, Style(frame=(0, 5)))


def _right_to_left(kind: str, chance: random.Random) -> DrawnPage:
    return _draw(kind, chance, Style(direction="rtl"))


def _black(kind: str, chance: random.Random) -> DrawnPage:
    return _draw(kind, chance, Style(gutter=chance.choice((BLACK, (18, 16, 20))), frame=(0, 0)))


def _coloured(kind: str, chance: random.Random) -> DrawnPage:
    colours = ((214, 196, 150), (60, 80, 130), (190, 60, 50), (90, 140, 100), (250, 230, 170), (120, 120, 128))
    return _draw(kind, chance, Style(gutter=chance.choice(colours), frame=(0, 4)))


def _thin(kind: str, chance: random.Random) -> DrawnPage:
    return _draw(kind, chance, Style(width=(0.0025, 0.005), frame=(2, 3)))


def _lines(kind: str, chance: random.Random) -> DrawnPage:
    """Panels that share one black line and have no gutter."""
    return _draw(kind, chance, Style(width=(0, 0), frame=(3, 5)))


def _bleeds(kind: str, chance: random.Random) -> DrawnPage:
    return _draw(kind, chance, Style(frame=(0, 4)), margin=0.0)


def _partly_bleeding(kind: str, chance: random.Random) -> DrawnPage:
    style = Style(frame=(0, 4), grey=chance.random() < 0.5)
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    boxes = layout(chance, style, size, 0.05)
    edge = 0.05 * size[0] + 2
    for x0, y0, x1, y1 in boxes:
        if chance.random() < 0.5:
            x0 = 0 if x0 <= edge else x0
            y0 = 0 if y0 <= edge else y0
            x1 = size[0] if x1 >= size[0] - edge else x1
            y1 = size[1] if y1 >= size[1] - edge else y1
        page.panels.append((x0, y0, x1, y1))
    frame = chance.randint(*style.frame)
    for box in page.panels:
        paste(page.image, _picture(chance, style, (box[2] - box[0], box[3] - box[1])), box, frame)
    return page


def _slants(kind: str, chance: random.Random) -> DrawnPage:
    """Gutters up to some twenty degrees off the straight."""
    style = Style(grey=chance.random() < 0.4)
    width, height = size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    margin, gap = 0.05 * width, chance.uniform(0.012, 0.022) * width
    rows = parts(chance, chance.choice((2, 3)), margin, height - margin, 0)
    edges = [(margin, margin)]
    for _, bottom in rows[:-1]:
        lean = chance.choice((0, 1, -1)) * chance.uniform(0.03, 0.3) * width / 2
        edges.append((bottom - lean, bottom + lean))
    edges.append((height - margin, height - margin))
    for row, ((tl, tr), (bl, br)) in enumerate(itertools.pairwise(edges)):
        cuts: list[tuple[float, float]] = [(margin, margin)]
        for x, _ in parts(chance, chance.choice((1, 2, 3)), margin, width - margin, 0)[1:]:
            lean = chance.choice((0, 1, -1)) * chance.uniform(0.02, 0.09) * width
            cuts.append((x - lean, x + lean))
        cuts.append((width - margin, width - margin))
        for at, ((lt, lb), (rt, rb)) in enumerate(itertools.pairwise(cuts)):
            left, right = gap / 2 if at else 0, gap / 2 if at < len(cuts) - 2 else 0
            above, below = gap / 2 if row else 0, gap / 2 if row < len(edges) - 2 else 0

            def at_x(x: float, one: float, two: float) -> float:
                return one + (two - one) * (x - margin) / (width - 2 * margin)

            corners = []
            for x, (one, two), shift in (
                (lt + left, (tl, tr), above),
                (rt - right, (tl, tr), above),
                (rb - right, (bl, br), -below),
                (lb + left, (bl, br), -below),
            ):
                corners.append((x, at_x(x, one, two) + shift))
            _paste_polygon(page, _picture(chance, style, (round(max(c[0] for c in corners)), 400)), corners, chance)
    return page


def _paste_polygon(
    page: DrawnPage, picture: Image.Image, corners: list[tuple[float, float]], chance: random.Random
) -> None:
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    box = (round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys)))
    mask = Image.new("L", page.image.size)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    whole = Image.new("RGB", page.image.size)
    whole.paste(picture.resize((box[2] - box[0], box[3] - box[1])), box[:2])
    page.image.paste(whole, mask=mask)
    ImageDraw.Draw(page.image).line([*corners, corners[0]], fill=BLACK, width=chance.choice((3, 4, 5)))
    page.panels.append(box)


def _overlaps(kind: str, chance: random.Random) -> DrawnPage:
    """A panel with a border of paper that lies over the corner of its neighbours."""
    page = _draw(kind, chance, Style())
    at = chance.randrange(len(page.panels))
    x0, y0, x1, y1 = page.panels[at]
    grow = 0.06 * page.image.width
    box = (
        max(0, round(x0 - grow)),
        max(0, round(y0 - grow / 2)),
        min(page.image.width, round(x1 + grow)),
        min(page.image.height, round(y1 + grow)),
    )
    border = round(0.008 * page.image.width)
    paper = (box[0] - border, box[1] - border, box[2] + border, box[3] + border)
    ImageDraw.Draw(page.image).rectangle(paper, fill=WHITE)
    paste(page.image, _picture(chance, Style(), (box[2] - box[0], box[3] - box[1])), box, 4)
    page.panels[at] = box
    return page


def _insets(kind: str, chance: random.Random) -> DrawnPage:
    """A small panel with a border of paper inside a large one; it is read after it."""
    page = _draw(kind, chance, Style())
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in page.panels]
    at = areas.index(max(areas))
    x0, y0, x1, y1 = page.panels[at]
    width, height = (x1 - x0) * chance.uniform(0.28, 0.42), (y1 - y0) * chance.uniform(0.3, 0.42)
    left = chance.choice((x0 + 0.04 * (x1 - x0), x1 - width - 0.04 * (x1 - x0)))
    top = chance.choice((y0 + 0.05 * (y1 - y0), y1 - height - 0.05 * (y1 - y0)))
    box = (round(left), round(top), round(left + width), round(top + height))
    border = round(0.007 * page.image.width)
    paper = (box[0] - border, box[1] - border, box[2] + border, box[3] + border)
    ImageDraw.Draw(page.image).rectangle(paper, fill=WHITE)
    paste(page.image, _picture(chance, Style(), (box[2] - box[0], box[3] - box[1])), box, 4)
    page.panels.insert(at + 1, box)
    return page


def _borderless(kind: str, chance: random.Random) -> DrawnPage:
    """A third of the panels are figures on bare paper without a frame."""
    style = Style(grey=chance.random() < 0.5)
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    page.panels = layout(chance, Style(width=(0.018, 0.03), grey=style.grey), size, 0.05)
    bare = set(chance.sample(range(len(page.panels)), max(1, len(page.panels) // 3)))
    for at, box in enumerate(page.panels):
        if at in bare:
            page.panels[at] = _bare_scene(chance, page.image, style, box)
        else:
            paste(page.image, _picture(chance, style, (box[2] - box[0], box[3] - box[1])), box, 4)
    return page


def _bare_scene(chance: random.Random, page: Image.Image, style: Style, box: Box) -> Box:
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    scene = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(scene)
    reach = min(width, height) * 0.16
    for share in (0.3, 0.6):
        x, y = width * chance.uniform(share - 0.08, share + 0.12), height * chance.uniform(0.35, 0.5)
        draw.polygon(
            [(x - 1.4 * reach, height - 2), (x + 1.4 * reach, height - 2), (x, y)],
            fill=_colour(chance, style),
            outline=BLACK,
        )
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(240, 220, 200), outline=BLACK, width=4)
    draw.line((0.05 * width, height - 3, 0.95 * width, height - 3), fill=BLACK, width=4)
    balloon(chance, draw, (0.1 * width, 2, 0.6 * width, 0.3 * height))
    page.paste(scene, box[:2])
    inked = scene.convert("L").point(lambda level: 255 if level < 200 else 0).getbbox() or (0, 0, width, height)
    return x0 + inked[0], y0 + inked[1], x0 + inked[2], y0 + inked[3]


def _balloons(kind: str, chance: random.Random) -> DrawnPage:
    """Balloons that hang over the gutters."""
    style = Style(grey=chance.random() < 0.4)
    page = _draw(kind, chance, style)
    draw = ImageDraw.Draw(page.image)
    for x0, y0, x1, y1 in chance.sample(page.panels, min(3, len(page.panels))):
        across, down = 0.16 * page.image.width, 0.07 * page.image.width
        if chance.random() < 0.5:
            x, y = (x1 if x1 < 0.9 * page.image.width else x0) - across / 2, chance.uniform(y0, max(y0, y1 - down))
        else:
            x, y = chance.uniform(x0, max(x0, x1 - across)), (y1 if y1 < 0.93 * page.image.height else y0) - down / 2
        balloon(chance, draw, (x, y, x + across, y + down))
    return page


def _figures(kind: str, chance: random.Random) -> DrawnPage:
    """A figure that steps out of its panel over one gutter."""
    page = _draw(kind, chance, Style())
    draw = ImageDraw.Draw(page.image)
    for x0, y0, x1, y1 in chance.sample(page.panels, min(2, len(page.panels))):
        reach = 0.05 * page.image.width
        x = chance.uniform(x0 + reach, max(x0 + reach, x1 - reach))
        y = y0 if y0 > 0.1 * page.image.height else y1
        draw.ellipse(
            (x - reach, y - reach, x + reach, y + reach), fill=_colour(chance, Style()), outline=BLACK, width=4
        )
    return page


def _scan(page: DrawnPage, chance: random.Random, *, lean: float, grain: float) -> DrawnPage:
    """The page as a scanner gives it: yellow paper, grain, a shadow at the spine, not straight, as a JPEG."""
    width, height = page.image.size
    angle = chance.uniform(-lean, lean)
    paper = (chance.randrange(225, 246), chance.randrange(214, 234), chance.randrange(180, 215))
    turned = page.image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=WHITE)
    tint = np.asarray(paper, dtype=np.float32) / 255
    grains = np.random.default_rng(chance.randrange(1 << 30))
    values = np.asarray(turned, dtype=np.float32) * tint
    values += grains.normal(0, grain, (height, width, 1))
    shadow = 1 - 0.28 * np.exp(-np.arange(width) / (0.03 * width))
    values *= shadow[None, ::, None] if chance.random() < 0.5 else shadow[None, ::-1, None]
    scanned = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    turn = math.radians(angle)
    moved = []
    for x0, y0, x1, y1 in page.panels:
        corners = []
        for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)):
            across, down = x - width / 2, y - height / 2
            corners.append(
                (
                    width / 2 + across * math.cos(turn) + down * math.sin(turn),
                    height / 2 - across * math.sin(turn) + down * math.cos(turn),
                )
            )
        xs, ys = [c[0] for c in corners], [c[1] for c in corners]
        moved.append((round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys))))
    return DrawnPage(page.kind, scanned, page.direction, moved)


def _noisy_scans(kind: str, chance: random.Random) -> DrawnPage:
    page = _draw(kind, chance, Style(frame=(3, 5), width=(0.010, 0.018), pale=0.4))
    return _scan(page, chance, lean=1.2, grain=9)


def _golden_age(kind: str, chance: random.Random) -> DrawnPage:
    """Narrow gutters, flat colours, captions at the upper edge, balloons over gutters, on yellow paper."""
    page = _draw(kind, chance, Style(frame=(3, 5), width=(0.008, 0.014), pale=0.35), margin=0.06)
    draw = ImageDraw.Draw(page.image)
    for x0, y0, x1, y1 in page.panels:
        if chance.random() < 0.5:
            across, down = (x1 - x0) * chance.uniform(0.4, 1.0), min(0.3 * (y1 - y0), 0.05 * page.image.height)
            draw.rectangle((x0, y0, x0 + across, y0 + down), fill=(255, 246, 190), outline=BLACK, width=3)
            draw.text((x0 + 8, y0 + 6), "MEANWHILE, IN THE CITY", fill=BLACK, font_size=max(8, round(down / 3)))
    if chance.random() < 0.4:
        x0, y0, x1, _ = chance.choice(page.panels)
        across, down = 0.4 * (x1 - x0), 0.04 * page.image.height
        balloon(chance, draw, (x0 + 20, y0 - down / 2, x0 + 20 + across, y0 + down))
    return _scan(page, chance, lean=0.7, grain=6)


def _manga(kind: str, chance: random.Random) -> DrawnPage:
    """Line art that is mostly white, wide gutters between rows and thin ones within, some bleeds and slants."""
    style = Style(grey=True, direction="rtl", width=(0.006, 0.014), frame=(2, 4))
    if chance.random() < 0.4:
        page = _slants(kind, chance)
        page.direction = "rtl"
        page.panels = _mirrored(page)
        page.image = page.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("L").convert("RGB")
        return page
    page = _draw(kind, chance, style)
    if chance.random() < 0.5:
        draw = ImageDraw.Draw(page.image)
        for x0, y0, x1, y1 in chance.sample(page.panels, 1):
            across, down = 0.12 * page.image.width, 0.1 * page.image.height
            x, y = (x0 if x0 > 0.1 * page.image.width else x1) - across / 2, (y0 + y1) / 2 - down / 2
            balloon(chance, draw, (x, y, x + across, y + down))
    return page


def _mirrored(page: DrawnPage) -> list[Box]:
    width = page.image.width
    return [(width - x1, y0, width - x0, y1) for x0, y0, x1, y1 in page.panels]


def _splash(kind: str, chance: random.Random) -> DrawnPage:
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    margin = round(chance.choice((0.0, 0.05)) * size[0])
    box = (margin, margin, size[0] - margin, size[1] - margin)
    paste(page.image, _picture(chance, Style(), (box[2] - box[0], box[3] - box[1])), box, 4 if margin else 0)
    page.panels = [box]
    return page


KINDS: dict[str, Callable[[str, random.Random], DrawnPage]] = {
    "grid": _grid,
    "rows": _rows,
    "right to left": _right_to_left,
    "black gutters": _black,
    "coloured gutters": _coloured,
    "thin gutters": _thin,
    "lines only": _lines,
    "bleeds": _bleeds,
    "partly bleeding": _partly_bleeding,
    "slants": _slants,
    "overlaps": _overlaps,
    "insets": _insets,
    "borderless": _borderless,
    "balloons over gutters": _balloons,
    "figures over gutters": _figures,
    "noisy scans": _noisy_scans,
    "golden age": _golden_age,
    "manga": _manga,
    "splash": _splash,
}
