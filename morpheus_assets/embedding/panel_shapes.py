"""How a panel is shaped before any model or endpoint sees it; part of every image space's preparation."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

STRIP_RATIO = 2
# Raised by hand whenever letterbox_strip changes what a model sees of a panel: it starts a new space.
PANEL_SHAPING = "upright RGB on white; beyond 2:1 letterboxed to a square"


def letterbox_strip(panel: "Image.Image", side: int) -> "Image.Image":
    """A panel longer than STRIP_RATIO:1, whole and centred on a white square of `side` pixels; others unchanged.

    Most models crop the centre or squash: of a 1:10 strip they would see a tenth, or nothing recognisable.
    """
    from PIL import Image

    longest, shortest = max(panel.size), max(1, min(panel.size))
    if longest <= STRIP_RATIO * shortest:
        return panel
    square = Image.new("RGB", (side, side), "white")
    small = fitted(panel, side)
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return square


def fitted(panel: "Image.Image", side: int) -> "Image.Image":
    """`panel` resized so that its longer side is `side` pixels, never less than one pixel across."""
    from PIL import Image

    scale = side / max(panel.size)
    size = (max(1, round(panel.width * scale)), max(1, round(panel.height * scale)))
    return panel.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
