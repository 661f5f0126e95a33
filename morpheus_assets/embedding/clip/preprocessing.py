"""Pictures prepared for an image tower: letterboxed whole, then open_clip's own inference transform.

Two things differ from open_clip, neither of which changes the space. The resize is torch's, on Pillow's own memory:
3 ms for a page of 1600 × 2400 where Pillow takes 23, the same but for one or two levels of 255 in less than 1 % of the
values. Scaling to floats waits for the batch: in a decoding thread it would start torch's threads for each panel.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]

STRIP_RATIO = 2
# Raised by hand whenever what a model sees of a picture changes: it starts a new space. By shaping (Space.shaping):
# whole files, of which the model's own centre crop cuts up to a half; regions of pages, never cropped.
PANEL_SHAPINGS = {
    1: "upright RGB on white; beyond 2:1 letterboxed to a square",
    2: "regions of pages, upright RGB on white, letterboxed to a square",
}
SHAPING = 2
# Raised likewise when PanelPreparation.least_size changes: how small panels may come to a model of this machine.
PANEL_DECODING = "JPEG at 1/2 or 1/4, 3 times as large as seen, strips 6 times, 420 pixels long"


def letterbox_strip(panel: "Image.Image", side: int) -> "Image.Image":
    """A panel longer than STRIP_RATIO:1, whole and centred on a white square of `side` pixels; others unchanged.

    Most models crop the centre or squash: of a 1:10 strip they would see a tenth, or nothing recognisable.
    """
    if not is_strip(panel.size):
        return panel
    return letterboxed(panel, side)


def letterboxed(picture: "Image.Image", side: int) -> "Image.Image":
    """A picture whole and centred on a white square of `side` pixels; a square one unchanged."""
    if picture.width == picture.height:
        return picture
    from PIL import Image

    square = Image.new("RGB", (side, side), "white")
    small = fitted(picture, side)
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return square


def shaped(picture: "Image.Image", side: int, shaping: int) -> "Image.Image":
    """A picture as a space of that shaping sees it, before the model's own transform."""
    return letterboxed(picture, side) if shaping > 1 else letterbox_strip(picture, side)


def is_strip(size: Size) -> bool:
    """True when a panel of (width, height) is longer than STRIP_RATIO:1."""
    return max(size) > STRIP_RATIO * max(1, min(size))


def fitted(panel: "Image.Image", side: int) -> "Image.Image":
    """`panel` resized so that its longer side is `side` pixels, never less than one pixel across."""
    from PIL import Image

    return panel.resize(fitted_size(panel.size, side), Image.Resampling.BICUBIC, reducing_gap=3.0)


def fitted_size(size: Size, side: int) -> Size:
    """(width, height) with `side` pixels for the longer one."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


# What decoding leaves of a panel, in multiples of what the model sees of it, and pixels of its longer side at least.
# Real panels scaled so far have vectors of cosine 0.9995 and more to those of whole ones; at twice what is seen, or
# below 400 pixels, hatched line art falls to 0.9976 (a strip to 0.95).
_SPARE = 3
_SPARE_STRIP = 6
_LEAST_LONGER_SIDE = 420


class PanelPreparation:
    """Prepares panels for one model; `preprocess` is open_clip's PreprocessCfg."""

    def __init__(self, preprocess: Any) -> None:
        import torch
        from open_clip.transform import image_transform_v2

        # resize, crop or pad, then: to RGB, to floats, normalise
        self._resize, *self._crops = image_transform_v2(preprocess, is_train=False).transforms[:-3]
        self._mean, self._std = (torch.tensor(each).view(-1, 1, 1) for each in (preprocess.mean, preprocess.std))
        self._filter = str(self._resize.interpolation.value)
        self.side = preprocess.size if isinstance(preprocess.size, int) else max(preprocess.size)

    def pixels(self, panel: "Image.Image") -> Any:
        """One panel as a tensor of bytes [3, height, width] in the model's own size."""
        import numpy as np
        import torch

        image = _resized(panel, self._target(panel.size), self._filter)
        for crop in self._crops:
            image = crop(image)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)

    def least_size(self, size: Size, shaping: int = 1) -> Size:
        """(width, height) that decoding must leave of a panel of `size` for the model to see it as if whole."""
        strip = is_strip(size)
        width, height = fitted_size(size, self.side) if strip or shaping > 1 else self._target(size)
        spare = max(_SPARE_STRIP if strip else _SPARE, _LEAST_LONGER_SIDE / max(width, height))
        return round(spare * width), round(spare * height)

    def batch(self, pixels: Sequence[Any], device: str) -> Any:
        """Prepared panels as one normalised float32 batch [n, 3, height, width] on `device`."""
        import torch

        stacked = torch.stack(list(pixels))
        if device != "cpu":
            stacked = stacked.pin_memory()
        floats = stacked.to(device, non_blocking=True).float().div_(255)
        return floats.sub_(self._mean.to(device)).div_(self._std.to(device))

    def _target(self, panel: Size) -> Size:
        """(width, height) to which open_clip's first step resizes a panel of this size."""
        step, size = self._resize, self._resize.size
        if hasattr(step, "longest"):
            height, width = step.get_params(SimpleNamespace(size=panel), size, step.longest)
        elif isinstance(size, int):
            shortest, longest = sorted(panel)
            far = int(size * longest / shortest)
            width, height = (size, far) if panel[0] <= panel[1] else (far, size)
        else:
            height, width = size
        return width, height


def _resized(panel: "Image.Image", size: Size, method: str) -> "Image.Image":
    import torch
    from PIL import Image

    if panel.size == size:
        return panel
    pixels = _shared_pixels(panel).permute(2, 0, 1).unsqueeze(0)
    small = torch.nn.functional.interpolate(pixels, size=size[::-1], mode=method, antialias=True, align_corners=False)
    return Image.fromarray(small[0, :3].permute(1, 2, 0).contiguous().numpy())


def _shared_pixels(panel: "Image.Image") -> Any:
    """Bytes [height, width, 3 or 4] of an RGB panel, in Pillow's own memory where that is one piece: not to be written.

    Through Arrow, since torch takes only memory that may be written to from numpy: a copy, 4 ms for such a page.
    """
    import pyarrow
    import torch

    try:
        # Pillow keeps an unused fourth byte with each pixel.
        values = pyarrow.array(panel).flatten()
    except ValueError:
        # Beyond 16 MB Pillow's memory is in several pieces.
        packed = panel.tobytes()
        values = pyarrow.Array.from_buffers(pyarrow.uint8(), len(packed), [None, pyarrow.py_buffer(packed)])
    return torch.from_dlpack(values).view(panel.height, panel.width, -1)
