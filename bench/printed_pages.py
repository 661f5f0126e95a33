"""A second set of drawn comic pages, with what print and scanners add: no cutter is tuned on its figures.

Its pictures are rooms with windows, doors and walls, whose lines look like gutters. Each kind is one property of real
pages: screentones, halftone dots, a scan askew on a dark bed, dusty gutters, a frame around the page, gutters of a few
pixels, a single wavering line, captions between panels, bleeds on three sides, soft edges, spreads, strong JPEG, a
black block of panels on a white sheet, a splash of light.
"""

import io
import itertools
import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.comic_pages import BLACK, WHITE, Colour, DrawnPage, Style, balloon, layout, page_size, parts, paste

Corners = list[tuple[float, float]]


def draw_printed_page(kind: str, seed: int) -> DrawnPage:
    """One page of a kind (a key of KINDS); the same seed draws the same page."""
    return KINDS[kind](kind, random.Random(f"printed {kind} {seed}"))


# Pictures -------------------------------------------------------------------------------------------------------------


def _room(chance: random.Random, size: tuple[int, int], *, grey: bool = False, dark: bool = False) -> Image.Image:
    """A room or a street: walls, windows and doors with straight edges, white fields, figures, a text."""
    width, height = max(12, size[0]), max(12, size[1])

    def colour(low: int = 0, high: int = 256) -> Colour:
        if grey:
            return (chance.choice([v for v in (255, 255, 240, 205, 170, 110, 40, 0) if low <= v < high] or [low]),) * 3
        return chance.randrange(low, high), chance.randrange(low, high), chance.randrange(low, high)

    wall = colour(0, 60) if dark else WHITE if chance.random() < 0.3 else colour(150)
    picture = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(picture)
    floor = round(height * chance.uniform(0.6, 0.9))
    draw.rectangle((0, floor, width, height), fill=colour(0, 90 if dark else 256), outline=BLACK, width=2)
    for _ in range(chance.randrange(0, 4)):
        across, down = width * chance.uniform(0.1, 0.35), height * chance.uniform(0.15, 0.6)
        x, y = chance.uniform(0, width - across), chance.uniform(0, max(1, floor - down))
        draw.rectangle((x, y, x + across, y + down), fill=colour(0, 90 if dark else 256), outline=BLACK, width=3)
        if chance.random() < 0.6:
            bar = max(3, round(across * 0.05))
            light = colour(200) if not dark else colour(0, 120)
            draw.rectangle((x + across / 2, y, x + across / 2 + bar, y + down), fill=light, outline=BLACK)
            draw.rectangle((x, y + down / 2, x + across, y + down / 2 + bar), fill=light, outline=BLACK)
    for _ in range(chance.randrange(1, 4)):
        reach = min(width, height) * chance.uniform(0.07, 0.17)
        x, y = chance.uniform(reach, width - reach), chance.uniform(0.35, 0.75) * height
        clothes = colour(0, 90 if dark else 256)
        draw.polygon([(x - 2 * reach, height), (x + 2 * reach, height), (x, y)], fill=clothes, outline=BLACK, width=3)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour(120), outline=BLACK, width=3)
        for at in (-0.4, 0.4):
            draw.ellipse((x + at * reach - 3, y - 4, x + at * reach + 3, y + 4), fill=BLACK)
    for _ in range(chance.randrange(0, 25)):
        x, y, long = chance.uniform(0, width), chance.uniform(0, height), chance.uniform(0.03, 0.3) * width
        turn = chance.uniform(-0.3, 0.3)
        draw.line((x, y, x + long * math.cos(turn), y + long * math.sin(turn)), fill=BLACK, width=chance.choice((1, 2)))
    if chance.random() < 0.6:
        across, down = width * chance.uniform(0.3, 0.5), height * chance.uniform(0.15, 0.28)
        x, y = chance.uniform(0, width - across), chance.uniform(0, 0.2 * height)
        balloon(chance, draw, (x, y, x + across, y + down))
    return picture


def _fill(page: DrawnPage, chance: random.Random, frame: int, *, grey: bool = False, dark: bool = False) -> None:
    for box in page.panels:
        paste(page.image, _room(chance, (box[2] - box[0], box[3] - box[1]), grey=grey, dark=dark), box, frame)


def _page(kind: str, chance: random.Random, style: Style, margin: float = 0.05, paper: Colour = WHITE) -> DrawnPage:
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, paper), style.direction)
    page.panels = layout(chance, style, size, margin)
    return page


# What print and scanners do -------------------------------------------------------------------------------------------


def _pressed(page: DrawnPage, quality: int) -> DrawnPage:
    """The page as a JPEG of such a quality gives it."""
    file = io.BytesIO()
    page.image.save(file, "JPEG", quality=quality)
    page.image = Image.open(io.BytesIO(file.getvalue())).convert("RGB")
    return page


def _turned(page: DrawnPage, degrees: float, around: Colour) -> DrawnPage:
    """The page turned about its middle; each box becomes the one around its turned corners."""
    width, height = page.image.size
    page.image = page.image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=around)
    turn = math.radians(degrees)
    moved = []
    for x0, y0, x1, y1 in page.panels:
        xs, ys = [], []
        for x, y in itertools.product((x0, x1), (y0, y1)):
            across, down = x - width / 2, y - height / 2
            xs.append(width / 2 + across * math.cos(turn) + down * math.sin(turn))
            ys.append(height / 2 - across * math.sin(turn) + down * math.cos(turn))
        moved.append(
            (max(0, round(min(xs))), max(0, round(min(ys))), min(width, round(max(xs))), min(height, round(max(ys))))
        )
    page.panels = moved
    return page


def _aged(page: DrawnPage, chance: random.Random, grain: float) -> DrawnPage:
    """Yellowed paper that is browner at the edges, with grain."""
    width, height = page.image.size
    tint = np.array((chance.randrange(228, 250), chance.randrange(215, 238), chance.randrange(165, 205))) / 255
    across = np.abs(np.linspace(-1, 1, width))[None, :, None]
    down = np.abs(np.linspace(-1, 1, height))[:, None, None]
    brown = 1 - chance.uniform(0.03, 0.12) * np.maximum(across, down) ** 6
    grains = np.random.default_rng(chance.randrange(1 << 30)).normal(0, grain, (height, width, 1))
    values = np.asarray(page.image, dtype=np.float32) * tint * brown + grains
    page.image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return page


def _dotted(image: Image.Image, pitch: float) -> Image.Image:
    """Each colour as a raster of dots of another angle, as four-colour printing has it, softened by a scanner."""
    values = 255 - np.asarray(image, dtype=np.float32)
    height, width = values.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    for channel, degrees in enumerate((15, 75, 0)):
        turn = math.radians(degrees)
        u, v = xs * math.cos(turn) + ys * math.sin(turn), ys * math.cos(turn) - xs * math.sin(turn)
        wave = (np.cos(2 * math.pi * u / pitch) + np.cos(2 * math.pi * v / pitch) + 2) / 4
        ink = values[:, :, channel]
        # What is black, or bare, stays so.
        values[:, :, channel] = np.where((ink > 20) & (ink < 235), np.where(wave < ink / 255, 235, 12), ink)
    return Image.fromarray((255 - values).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.9))


# Kinds ----------------------------------------------------------------------------------------------------------------


def _straight_lines(kind: str, chance: random.Random) -> DrawnPage:
    page = _page(kind, chance, Style(width=(0.008, 0.02)))
    _fill(page, chance, chance.randint(2, 5))
    return page


def _screentones(kind: str, chance: random.Random) -> DrawnPage:
    """Black and white with rasters of dots that grow over a panel, in thin frames, read from the right."""
    page = _page(kind, chance, Style(direction="rtl", width=(0.005, 0.012), grey=True), margin=0.045)
    _fill(page, chance, 2, grey=True)
    draw = ImageDraw.Draw(page.image)
    for x0, y0, x1, y1 in page.panels:
        if chance.random() < 0.6:
            step = chance.choice((4, 5, 6, 8))
            for row, y in enumerate(range(y0 + 3, y1 - 3, step)):
                radius = 0.48 * step * (y - y0) / (y1 - y0)
                for x in range(x0 + 3 + (row % 2) * step // 2, x1 - 3, step):
                    if radius > 0.6:
                        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=BLACK)
    page.image = page.image.convert("L").convert("RGB")
    return _pressed(page, 78)


def _halftone(kind: str, chance: random.Random) -> DrawnPage:
    """A newsprint comic: dots of ink, browned paper, a little askew, as a JPEG."""
    page = _page(kind, chance, Style(width=(0.007, 0.013)), margin=0.06)
    _fill(page, chance, chance.randint(3, 5))
    page.image = _dotted(page.image, chance.uniform(3.0, 4.5))
    page = _turned(_aged(page, chance, 6), chance.choice((-1, 1)) * chance.uniform(0.5, 1.5), (225, 212, 176))
    return _pressed(page, 65)


def _on_the_bed(kind: str, chance: random.Random) -> DrawnPage:
    """The page lies askew on the dark bed of a scanner, which shows at some sides."""
    page = _page(kind, chance, Style(width=(0.008, 0.016)), margin=0.05)
    _fill(page, chance, chance.randint(2, 5))
    page = _aged(page, chance, 4)
    width, height = page.image.size
    bed = chance.choice(((22, 22, 24), (70, 70, 72), (128, 128, 128)))
    left, top = round(chance.uniform(0, 0.05) * width), round(chance.uniform(0, 0.04) * height)
    whole = Image.new("RGB", (width + left, height + top), bed)
    whole.paste(page.image, (left, top))
    page.image = whole
    page.panels = [(a + left, b + top, c + left, d + top) for a, b, c, d in page.panels]
    return _pressed(_turned(page, chance.choice((-1, 1)) * chance.uniform(1.0, 2.0), bed), 80)


def _dusty(kind: str, chance: random.Random) -> DrawnPage:
    """Gutters full of specks, stains and hairs of paper."""
    page = _page(kind, chance, Style(width=(0.010, 0.018)))
    _fill(page, chance, chance.randint(2, 4))
    page = _aged(page, chance, 11)
    width, height = page.image.size
    draw = ImageDraw.Draw(page.image)
    for _ in range(chance.randrange(150, 500)):
        x, y, reach = chance.uniform(0, width), chance.uniform(0, height), chance.uniform(0.5, 2.5)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(chance.randrange(40, 150),) * 3)
    for _ in range(chance.randrange(2, 6)):
        x, y, reach = chance.uniform(0, width), chance.uniform(0, height), chance.uniform(10, 40)
        draw.arc((x, y, x + reach, y + 2 * reach), 20, 200, fill=(120, 100, 80), width=1)
    return _pressed(page, 70)


def _framed(kind: str, chance: random.Random) -> DrawnPage:
    """A line runs around all panels, so that no gutter meets the page's edge."""
    page = _page(kind, chance, Style(width=(0.008, 0.016)), margin=0.07)
    _fill(page, chance, chance.randint(2, 4))
    width, height = page.image.size
    away = 0.045 * width
    ImageDraw.Draw(page.image).rectangle((away, away, width - away, height - away), outline=BLACK, width=3)
    return page


def _few_pixels(kind: str, chance: random.Random) -> DrawnPage:
    """Gutters of three to six pixels between black frames, as a JPEG."""
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    gap = chance.randint(3, 6) / size[0]
    page.panels = layout(chance, Style(width=(gap, gap)), size, 0.04)
    _fill(page, chance, chance.randint(2, 4))
    return _pressed(page, 82)


def _one_line(kind: str, chance: random.Random) -> DrawnPage:
    """Panels parted by one line that a hand drew, which wavers by a pixel or two."""
    page = _page(kind, chance, Style(width=(0, 0)), margin=chance.choice((0.0, 0.04)))
    _fill(page, chance, 0)
    draw = ImageDraw.Draw(page.image)
    thick = chance.randint(3, 7)
    for x0, y0, x1, y1 in page.panels:
        for a, b, c, d in ((x0, y0, x1, y0), (x1, y0, x1, y1), (x1, y1, x0, y1), (x0, y1, x0, y0)):
            steps = max(2, round(max(abs(c - a), abs(d - b)) / 40))
            line = [
                (a + (c - a) * at / steps + chance.uniform(-1, 1), b + (d - b) * at / steps + chance.uniform(-1, 1))
                for at in range(steps + 1)
            ]
            draw.line(line, fill=BLACK, width=thick)
    return _pressed(page, 85)


def _white_line(kind: str, chance: random.Random) -> DrawnPage:
    """Bleeding panels without frames, parted by a white or black line of a few pixels."""
    line = chance.choice((WHITE, WHITE, BLACK))
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, line), "ltr")
    gap = chance.randint(4, 8) / size[0]
    page.panels = layout(chance, Style(width=(gap, gap)), size, 0.0)
    _fill(page, chance, 0)
    return _pressed(page, 85)


def _many_balloons(kind: str, chance: random.Random) -> DrawnPage:
    """Balloons over most of the gutters."""
    page = _page(kind, chance, Style(width=(0.008, 0.014)))
    _fill(page, chance, chance.randint(2, 4))
    width, height = page.image.size
    draw = ImageDraw.Draw(page.image)
    for x0, y0, x1, y1 in page.panels:
        across, down = chance.uniform(0.1, 0.2) * width, chance.uniform(0.05, 0.09) * width
        if chance.random() < 0.5 and x1 < 0.92 * width:
            x, y = x1 - across / 2, chance.uniform(y0, max(y0, y1 - down))
        elif y1 < 0.93 * height:
            x, y = chance.uniform(x0, max(x0, x1 - across)), y1 - down / 2
        else:
            continue
        balloon(chance, draw, (x, y, x + across, y + down))
    return page


def _captions(kind: str, chance: random.Random) -> DrawnPage:
    """A title above, lines of text between rows, a page's number below."""
    size = page_size(chance)
    width, height = size
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    draw = ImageDraw.Draw(page.image)
    draw.text((0.3 * width, 0.02 * height), "THE SHIP AT NIGHT", fill=BLACK, font_size=round(0.03 * height))
    draw.text((0.48 * width, 0.97 * height), str(chance.randrange(2, 99)), fill=BLACK, font_size=round(0.015 * height))
    rows = parts(chance, chance.choice((2, 3)), 0.08 * height, 0.93 * height, 0.05 * height)
    for y0, y1 in rows:
        columns = parts(
            chance, chance.choice((1, 2, 3)), 0.06 * width, 0.94 * width, chance.uniform(0.01, 0.02) * width
        )
        page.panels += [(round(x0), round(y0), round(x1), round(y1)) for x0, x1 in columns]
        words = " ".join(chance.choice(("and", "the sea", "was", "calm", "until", "morning")) for _ in range(9))
        draw.text((0.07 * width, y1 + 0.012 * height), words, fill=BLACK, font_size=round(0.015 * height))
    if len(page.panels) < 3:
        return _captions(kind, chance)
    _fill(page, chance, chance.randint(2, 4))
    return page


def _three_sides(kind: str, chance: random.Random) -> DrawnPage:
    """Panels run to the edge at the top, at the bottom and at one side."""
    page = _page(kind, chance, Style(width=(0.008, 0.016)))
    width, height = page.image.size
    edge, free = 0.05 * width + 2, chance.choice(("left", "right"))
    page.panels = [
        (
            0 if x0 <= edge and free != "left" else x0,
            0 if y0 <= edge else y0,
            width if x1 >= width - edge and free != "right" else x1,
            height if y1 >= height - edge else y1,
        )
        for x0, y0, x1, y1 in page.panels
    ]
    _fill(page, chance, chance.choice((0, 3)))
    return _pressed(page, 88)


def _framed_insets(kind: str, chance: random.Random) -> DrawnPage:
    """Small panels with a black or white frame that lie in a large one, or over its edge."""
    page = _page(kind, chance, Style(width=(0.008, 0.016)))
    _fill(page, chance, 3)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in page.panels]
    at = areas.index(max(areas))
    x0, y0, x1, y1 = page.panels[at]
    width, height = 0.3 * (x1 - x0), 0.33 * (y1 - y0)
    places = chance.sample(((0.05, 0.06), (0.62, 0.06), (0.62, 0.6), (0.05, 0.6)), chance.choice((1, 2)))
    # They are read after the panel in which they lie, row by row.
    for after, place in enumerate(sorted(places, key=lambda place: (place[1], place[0])), at + 1):
        left, top = x0 + place[0] * (x1 - x0), y0 + place[1] * (y1 - y0)
        box = (round(left), round(top), round(left + width), round(top + height))
        if chance.random() < 0.6:
            rim = round(0.006 * page.image.width)
            ImageDraw.Draw(page.image).rectangle((box[0] - rim, box[1] - rim, box[2] + rim, box[3] + rim), fill=WHITE)
        paste(page.image, _room(chance, (box[2] - box[0], box[3] - box[1])), box, 4)
        page.panels.insert(after, box)
    return page


def _night(kind: str, chance: random.Random) -> DrawnPage:
    """Dark scenes without frames on black."""
    page = _page(kind, chance, Style(width=(0.008, 0.018)), paper=(6, 6, 8))
    _fill(page, chance, 0, dark=True)
    for x0, y0, x1, y1 in page.panels:
        ImageDraw.Draw(page.image).rectangle((x0, y0, x1 - 1, y1 - 1), outline=(60, 60, 70), width=2)
    return _pressed(page, 82)


def _spread(kind: str, chance: random.Random) -> DrawnPage:
    """Two pages side by side, dark at the spine; now and then a panel runs over both."""
    one, other = (_page(kind, chance, Style(width=(0.010, 0.016))) for _ in range(2))
    height = min(one.image.height, other.image.height)
    width = min(one.image.width, other.image.width)
    pages = []
    for page in (one, other):
        scale_x, scale_y = width / page.image.width, height / page.image.height
        pages.append([
            (round(a * scale_x), round(b * scale_y), round(c * scale_x), round(d * scale_y))
            for a, b, c, d in page.panels
        ])  # fmt: skip
    whole = DrawnPage(kind, Image.new("RGB", (2 * width, height), WHITE), "ltr")
    whole.panels = pages[0] + [(a + width, b, c + width, d) for a, b, c, d in pages[1]]
    _fill(whole, chance, 3)
    shadow = 1 - 0.4 * np.exp(-np.abs(np.arange(2 * width) - width) / (0.02 * width))
    values = np.asarray(whole.image, dtype=np.float32) * shadow[None, :, None]
    whole.image = Image.fromarray(values.astype(np.uint8))
    return _pressed(whole, 85)


def _many_small(kind: str, chance: random.Random) -> DrawnPage:
    """Sixteen to twenty small panels."""
    size = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", size, WHITE), "ltr")
    gap = chance.uniform(0.008, 0.014) * size[0]
    margin = 0.05 * size[0]
    for y0, y1 in parts(chance, 5, margin, size[1] - margin, gap):
        columns = parts(chance, chance.choice((3, 4)), margin, size[0] - margin, gap)
        page.panels += [(round(x0), round(y0), round(x1), round(y1)) for x0, x1 in columns]
    _fill(page, chance, 3)
    return page


def _soft(kind: str, chance: random.Random) -> DrawnPage:
    """Watercolours without frames whose edges a brush left ragged."""
    page = _page(kind, chance, Style(width=(0.018, 0.03)), paper=(250, 247, 240))
    for box in page.panels:
        width, height = box[2] - box[0], box[3] - box[1]
        mask = Image.new("L", (width, height))
        draw = ImageDraw.Draw(mask)
        draw.rectangle((8, 8, width - 8, height - 8), fill=255)
        for _ in range(120):
            x, y = chance.choice((
                (chance.uniform(0, width), chance.choice((7, height - 7))),
                (chance.choice((7, width - 7)), chance.uniform(0, height)),
            ))  # fmt: skip
            reach = chance.uniform(2, 8)
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=chance.choice((0, 255)))
        picture = _room(chance, (width, height)).filter(ImageFilter.GaussianBlur(1.5))
        page.image.paste(picture, box[:2], mask.filter(ImageFilter.GaussianBlur(3)))
    return page


def _small_jpeg(kind: str, chance: random.Random) -> DrawnPage:
    """A page of 560 to 720 pixels as the web has it, pressed hard."""
    page = _page(kind, chance, Style(width=(0.010, 0.016)))
    _fill(page, chance, 3)
    scale = chance.uniform(560, 720) / page.image.width
    page.image = page.image.resize(
        (round(page.image.width * scale), round(page.image.height * scale)), Image.Resampling.LANCZOS
    )
    page.panels = [
        (round(a * scale), round(b * scale), round(c * scale), round(d * scale)) for a, b, c, d in page.panels
    ]
    return _pressed(page, 38)


def _rounded(kind: str, chance: random.Random) -> DrawnPage:
    """Rounded corners on a pale pattern."""
    page = _page(kind, chance, Style(width=(0.010, 0.018)), paper=(232, 236, 242))
    draw = ImageDraw.Draw(page.image)
    for y in range(0, page.image.height, 12):
        draw.line((0, y, page.image.width, y), fill=(224, 229, 237), width=4)
    for box in page.panels:
        width, height = box[2] - box[0], box[3] - box[1]
        mask = Image.new("L", (width, height))
        radius = round(0.06 * min(width, height))
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=255)
        page.image.paste(_room(chance, (width, height)), box[:2], mask)
        draw.rounded_rectangle((box[0], box[1], box[2] - 1, box[3] - 1), radius, outline=BLACK, width=4)
    return page


def _black_block(kind: str, chance: random.Random) -> DrawnPage:
    """A block of panels parted by black, and a panel above or below it, on a white sheet."""
    width, height = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", (width, height), WHITE), "ltr")
    edge, gap = round(0.04 * width), round(chance.uniform(0.012, 0.022) * width)
    rows, columns = chance.choice(((2, 3), (2, 4), (3, 3), (3, 4)))
    tall, wide = round(height * chance.uniform(0.17, 0.21)), width - 2 * edge
    above = chance.random() < 0.5
    top = height - edge - rows * tall if above else edge
    ImageDraw.Draw(page.image).rectangle((edge, top, edge + wide, top + rows * tall), fill=(8, 8, 10))
    for row in range(rows):
        for column in range(columns):
            left, right = edge + gap + wide * column // columns, edge + wide * (column + 1) // columns
            page.panels.append((left, top + gap + tall * row, right, top + tall * (row + 1)))
    _fill(page, chance, 0)
    beside = (
        (edge, edge, width - edge, top - edge // 2) if above else (edge, top + rows * tall + edge // 2, width - edge)
    )
    alone = beside if len(beside) == 4 else (*beside, height - edge)
    paste(page.image, _room(chance, (alone[2] - alone[0], alone[3] - alone[1])), alone, 3)
    page.panels.insert(0 if above else len(page.panels), alone)
    return _pressed(page, 85)


def _rays(kind: str, chance: random.Random) -> DrawnPage:
    """A splash to all edges: figures before white light that falls in rays between black ones."""
    width, height = page_size(chance)
    page = DrawnPage(kind, Image.new("RGB", (width, height), WHITE), "ltr")
    draw = ImageDraw.Draw(page.image)
    x, y = width * chance.uniform(0.35, 0.65), height * chance.uniform(0.3, 0.6)
    turn = 0.0
    while turn < 2 * math.pi:
        wide, far, near = chance.uniform(0.004, 0.05), width + height, chance.uniform(0.1, 0.35) * width
        corners = [
            (x + near * math.cos(turn), y + near * math.sin(turn)),
            (x + far * math.cos(turn), y + far * math.sin(turn)),
            (x + far * math.cos(turn + wide), y + far * math.sin(turn + wide)),
        ]
        draw.polygon(corners, fill=chance.choice((BLACK, (60, 60, 60), (150, 150, 150))))
        turn += wide + chance.uniform(0.01, 0.09)
    for _ in range(chance.randrange(1, 4)):
        at, reach = width * chance.uniform(0.15, 0.85), width * chance.uniform(0.05, 0.12)
        low = height * chance.uniform(0.35, 0.7)
        draw.polygon(
            [(at - 2 * reach, height), (at + 2 * reach, height), (at, low)], fill=WHITE, outline=BLACK, width=5
        )
        draw.ellipse((at - reach, low - reach, at + reach, low + reach), fill=WHITE, outline=BLACK, width=5)
    page.panels = [(0, 0, width, height)]
    return page


KINDS: dict[str, Callable[[str, random.Random], DrawnPage]] = {
    "straight lines in panels": _straight_lines,
    "screentones": _screentones,
    "halftone print": _halftone,
    "askew on the scanner": _on_the_bed,
    "dusty gutters": _dusty,
    "a frame around the page": _framed,
    "gutters of 3-6 px": _few_pixels,
    "one wavering line": _one_line,
    "bleeds parted by a line": _white_line,
    "many balloons": _many_balloons,
    "captions outside": _captions,
    "bleeds on three sides": _three_sides,
    "framed insets": _framed_insets,
    "night on black": _night,
    "double spread": _spread,
    "many small panels": _many_small,
    "soft edges": _soft,
    "small JPEG": _small_jpeg,
    "rounded on a pattern": _rounded,
    "a black block on white": _black_block,
    "a splash of rays": _rays,
}
