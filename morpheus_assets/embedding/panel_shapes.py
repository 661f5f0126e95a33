"""How a panel is shaped before any model or endpoint sees it; part of every image space's preparation."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]

STRIP_RATIO = 2
# Raised by hand whenever letterbox_strip changes what a model sees of a panel: it starts a new space.
PANEL_SHAPING = "upright RGB on white; beyond 2:1 letterboxed to a square"
# Raised likewise when PanelPreparation.least_size changes: how small panels may come to a model of this machine.
PANEL_DECODING = "JPEG at 1/2 or 1/4, 3 times as large as seen, strips 6 times, 420 pixels long"


def letterbox_strip(panel: "Image.Image", side: int) -> "Image.Image":
    """A panel longer than STRIP_RATIO:1, whole and centred on a white square of `side` pixels; others unchanged.

    Most models crop the centre or squash: of a 1:10 strip they would see a tenth, or nothing recognisable.
    """
    from PIL import Image

    if not is_strip(panel.size):
        return panel
    square = Image.new("RGB", (side, side), "white")
    small = fitted(panel, side)
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return square


def is_strip(size: Size) -> bool:
    """Whether a panel of (width, height) is longer than STRIP_RATIO:1."""
    return max(size) > STRIP_RATIO * max(1, min(size))


def fitted(panel: "Image.Image", side: int) -> "Image.Image":
    """`panel` resized so that its longer side is `side` pixels, never less than one pixel across."""
    from PIL import Image

    return panel.resize(fitted_size(panel.size, side), Image.Resampling.BICUBIC, reducing_gap=3.0)


def fitted_size(size: Size, side: int) -> Size:
    """(width, height) with `side` pixels for the longer one."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
