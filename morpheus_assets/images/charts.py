"""Small pictures of a novel for a person to look at in the UI: its chapters as a strip, its passages on a plane.

Drawn, not plotted: a plotting library takes a second to import, and these are a few rectangles and dots. PNG files of
some kilobytes, for the event log.
"""

import colorsys
import io
from collections.abc import Sequence
from statistics import median

from PIL import Image, ImageDraw, ImageOps

from morpheus_assets.images.previews import MAX_PREVIEW_BYTES

_WIDTH, _STRIP, _MARGIN, _LABEL = 900, 46, 8, 14
_SIDE = 460
_DOT = 2.4
_INK = (40, 44, 52)

Colour = tuple[int, int, int]


def length_strip(chapters: Sequence[tuple[str, int]]) -> bytes:
    """The chapters, `(label, characters)`, side by side, as wide as they are long; b"" for none.

    Those of the usual length are blue, longer ones turn red and shorter ones grey; labels stand where there is room.
    """
    lengths = [length for _, length in chapters if length > 0]
    if not lengths:
        return b""
    usual, whole = median(lengths), sum(lengths)
    picture = Image.new("RGB", (_WIDTH, _STRIP + _LABEL + 2 * _MARGIN), "white")
    draw = ImageDraw.Draw(picture)
    place, free = 0.0, 0.0
    for label, length in chapters:
        if length <= 0:
            continue
        left, place = _x(place / whole), place + length
        right = _x(place / whole)
        draw.rectangle((left, _MARGIN, max(left, right - 1), _MARGIN + _STRIP), fill=_by_length(length / usual))
        width = draw.textlength(label)
        if left >= free and right - left >= min(width, 12):
            draw.text((left, _MARGIN + _STRIP + 2), label, fill=_INK)
            free = left + width + 6
    return _png(picture)


def plane(points: Sequence[tuple[float, float]], chapters: Sequence[int]) -> bytes:
    """Passages as dots, one a point, in the colour of their chapter; a number stands amid each chapter's; b"" for none.

    `points` may be of any scale. Colours run through the rainbow from the first chapter to the last.
    """
    if not points:
        return b""
    columns = [[point[axis] for point in points] for axis in (0, 1)]
    least, spans = [min(each) for each in columns], [(max(each) - min(each)) or 1.0 for each in columns]
    order = {chapter: place for place, chapter in enumerate(sorted(set(chapters)))}
    inner = _SIDE - 2 * _MARGIN
    picture = Image.new("RGB", (_SIDE, _SIDE), "white")
    draw = ImageDraw.Draw(picture)
    places: dict[int, list[tuple[float, float]]] = {}
    for point, chapter in zip(points, chapters, strict=True):
        x = _MARGIN + inner * (point[0] - least[0]) / spans[0]
        y = _MARGIN + inner * (1 - (point[1] - least[1]) / spans[1])
        draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), fill=_by_place(order[chapter], len(order)))
        places.setdefault(chapter, []).append((x, y))
    for chapter, found in places.items():
        x, y = median(place[0] for place in found), median(place[1] for place in found)
        half = draw.textlength(str(chapter)) / 2
        draw.text((x - half, y - 6), str(chapter), fill=_INK, stroke_width=2, stroke_fill="white")
    return _png(picture)


def heat_map(
    columns: Sequence[Sequence[float]],
    marked: Sequence[int],
    labels: Sequence[str],
    pictures: Sequence[Image.Image] = (),
) -> bytes:
    """A column for each of `columns`, from top to bottom a field for each number in it, the darker the larger.

    Colours run from the least to the most of each column; a frame stands around the field that `marked` names.
    `labels` are those of the fields, shown where there is room; `pictures`, one a column, stand above it. b"" for none.
    """
    if not columns or not columns[0]:
        return b""
    left, largest = 34, 68 if pictures else 26
    wide = max(1.0, min(largest, (_WIDTH - left) / len(columns)))
    tall = max(1.0, min(26.0, 620 / len(labels)))
    # so narrow that nothing would be left of it
    gap = 1 if min(wide, tall) >= 3 else 0
    top = round(wide) + 4 if pictures else 0
    size = (round(left + wide * len(columns)) + _MARGIN, round(top + tall * len(labels)) + _MARGIN)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    every = max(1, round(12 / tall + 0.5))
    for row in range(0, len(labels), every):
        draw.text((4, top + row * tall + tall / 2 - 6), labels[row], fill=_INK)
    for place, values in enumerate(columns):
        x, least, most = left + place * wide, min(values), max(values)
        if pictures:
            small = ImageOps.contain(pictures[place].convert("RGB"), (round(wide) - 2, round(wide) - 2))
            picture.paste(small, (round(x), (top - small.height) // 2))
        for row, value in enumerate(values):
            y, share = top + row * tall, (value - least) / ((most - least) or 1.0)
            draw.rectangle((x, y, x + wide - gap, y + tall - gap), fill=_by_share(share))
        y = top + marked[place] * tall
        draw.rectangle(
            (x, y, max(x, x + wide - 1), max(y, y + tall - 1)), outline=(200, 82, 60), width=2 if wide >= 8 else 1
        )
    method = Image.Quantize.MEDIANCUT if pictures else Image.Quantize.FASTOCTREE
    found = _png(picture, method)
    while len(found) > MAX_PREVIEW_BYTES:
        picture = picture.reduce(2)
        found = _png(picture, method)
    return found


def _by_share(share: float) -> Colour:
    red, green, blue = (round(255 + share**2 * (end - 255)) for end in (32, 74, 122))
    return red, green, blue


def _x(share: float) -> float:
    return _MARGIN + share * (_WIDTH - 2 * _MARGIN)


def _by_length(ratio: float) -> Colour:
    usual, long, short = (76, 120, 168), (200, 82, 60), (176, 184, 196)
    target, share = (long, min(1.0, (ratio - 1) / 2)) if ratio >= 1 else (short, min(1.0, 2 * (1 - ratio)))
    red, green, blue = (round(start + share * (end - start)) for start, end in zip(usual, target, strict=True))
    return red, green, blue


def _by_place(place: int, of: int) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(0.83 * place / max(1, of - 1), 0.75, 0.8)
    return round(255 * red), round(255 * green), round(255 * blue)


def _png(picture: Image.Image, method: Image.Quantize = Image.Quantize.FASTOCTREE) -> bytes:
    # For drawings the octree gives the same, in a fifth of the time.
    buffer = io.BytesIO()
    picture.quantize(64, method).save(buffer, "PNG")
    return buffer.getvalue()
