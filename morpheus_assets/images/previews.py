"""Small pictures for a person to look at in the UI: a contact sheet and its markdown.

Only for looking: nothing here is embedded or stored.
"""

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS
from morpheus_assets.images.errors import RefusedImage, shown
from morpheus_assets.images.page_pixels import look_at_page

# The UI stores metadata in the event log: base64 adds a third, so 44 kB of JPEG is 59 kB there.
MAX_PREVIEW_BYTES = 44_000
MAX_TILES = 24
_TILE = 120
_LABEL = 14
_COLUMNS = 6
_BOXED_TILE = 280
_BOXED_COLUMNS = 3


def contact_sheet(panels: Sequence[tuple[str, bytes]]) -> bytes:
    """A JPEG of at most MAX_PREVIEW_BYTES with the first MAX_TILES `(label, image bytes)`; b"" for none.

    An image that cannot be decoded is a grey tile, so that the sheet shows which ones were refused.
    """
    tiles = [(shown(label, 18), _tile(label, data)) for label, data in panels[:MAX_TILES]]
    return _sheet(tiles, _TILE, _COLUMNS)


def picture_sheet(pictures: Sequence[tuple[str, Image.Image]]) -> bytes:
    """A JPEG of at most MAX_PREVIEW_BYTES with the first of `(label, picture)`, three in a row; b"" for none."""
    room = (_BOXED_TILE - 4, _BOXED_TILE - 4)
    tiles = [(shown(label, 40), ImageOps.contain(picture, room)) for label, picture in pictures[:MAX_TILES]]
    return _sheet(tiles, _BOXED_TILE, _BOXED_COLUMNS)


def boxed_page(page: Image.Image, boxes: Sequence[tuple[int, int, int, int]]) -> Image.Image:
    """A page in small with boxes (in its own pixels) drawn in red and numbered from 1."""
    small = ImageOps.contain(page, (_BOXED_TILE, _BOXED_TILE))
    scale = small.width / page.width
    draw = ImageDraw.Draw(small)
    for number, box in enumerate(boxes, 1):
        left, top, right, bottom = (round(side * scale) for side in box)
        draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline="red", width=2)
        draw.text((left + 4, top + 3), str(number), fill="red", stroke_width=2, stroke_fill="white", font_size=18)
    return small


def as_markdown(picture: bytes, alternative: str) -> str:
    """Markdown with the JPEG or PNG inside, as Dagster's UI renders it; "" for an empty picture."""
    if not picture:
        return ""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"![{alternative}](data:image/{kind};base64,{base64.b64encode(picture).decode()})"


def _sheet(tiles: Sequence[tuple[str, Image.Image]], side: int, most_columns: int) -> bytes:
    """A JPEG of pictures no larger than `side`, each with its label below it; b"" for none."""
    if not tiles:
        return b""
    columns = min(most_columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + _LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for position, (label, small) in enumerate(tiles):
        left, top = position % columns * side, position // columns * (side + _LABEL)
        sheet.paste(small, (left + (side - small.width) // 2, top + (side - small.height) // 2))
        draw.text((left + 2, top + side), label, fill="black")
    return _jpeg(sheet, MAX_PREVIEW_BYTES)


def _tile(label: str, data: bytes) -> Image.Image:
    room = (_TILE - 4, _TILE - 4)
    try:
        page, _ = look_at_page(data, label, max_pixels=DEFAULT_MAX_PIXELS)
        return ImageOps.contain(page.crop((0, 0, *page.size)), room)
    except RefusedImage:
        return Image.new("RGB", room, "lightgrey")


def _jpeg(image: Image.Image, limit: int) -> bytes:
    for quality in (80, 65, 50, 35, 20):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    return _jpeg(image.reduce(2), limit)
