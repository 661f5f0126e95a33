"""From any pixel layout to 8-bit RGB on white: alpha, palettes, CMYK, LAB, 16-bit and float.

Opening, size limits and rotation are decoding.py's business.
"""

import io
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageCms

_BAND_ROWS = 64
_DEEP_GREY = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


def to_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """A loaded image as RGB (same size) and what was done to it, as short phrases."""
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        return _on_white(image)
    if image.mode in _DEEP_GREY:
        return _scale_integers(image)
    if image.mode == "F":
        return _scale_floats(image)
    if image.mode == "LAB":
        return _through_profile(image, ImageCms.createProfile("LAB")), ["LAB converted to RGB"]
    if image.mode == "CMYK":
        return _from_cmyk(image)
    if image.mode == "RGB":
        return image, []
    names = {"1": "black and white", "L": "greyscale", "P": "palette"}
    return image.convert("RGB"), [f"{names.get(image.mode, image.mode)} converted to RGB"]


def _on_white(image: Image.Image) -> tuple[Image.Image, list[str]]:
    treatments = [] if image.mode == "RGBA" else [f"{_transparent_kind(image.mode)} converted to RGB"]
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    lowest, _ = alpha.getextrema()
    if lowest == 255:
        return rgba.convert("RGB"), [*treatments, "opaque alpha channel dropped"]
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=alpha)
    return white, [*treatments, "transparency laid on white"]


def _transparent_kind(mode: str) -> str:
    return {"P": "palette", "PA": "palette", "L": "greyscale", "LA": "greyscale", "La": "greyscale"}.get(mode, mode)


def _scale_integers(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Scale by the smallest bit depth (8 to 32) that holds the brightest pixel: scanners write 10 and 12 bits
    into 16, and Pillow's own convert() clips everything above 255 to white.
    """
    import numpy as np

    values = np.asarray(image)
    darkest = min(int(values.min()), 0)
    depth = max(8, (int(values.max()) - darkest).bit_length())
    brightest = (1 << depth) - 1
    grey = _in_bands(values, lambda band: (band.astype(np.int64) - darkest) * 255 // brightest)
    return grey, [f"{depth}-bit greyscale scaled to 8 bits"]


def _scale_floats(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """0..1 and 0..255 are taken at face value; any other range is stretched from least to greatest."""
    import numpy as np

    values = np.asarray(image)
    finite = np.isfinite(values)
    low = float(np.min(values, where=finite, initial=np.inf))
    high = float(np.max(values, where=finite, initial=-np.inf))
    if low > high:
        low, high = 0.0, 1.0
    if low < 0 or high > 255:
        offset, factor, how = low, 255 / ((high - low) or 1.0), "stretched from its own range"
    elif high <= 1:
        offset, factor, how = 0.0, 255.0, "scaled"
    else:
        offset, factor, how = 0.0, 1.0, "rounded"

    def grey(band: Any) -> Any:
        known = np.nan_to_num(band.astype(np.float64), nan=low, posinf=high, neginf=low)
        return np.clip(np.rint((known - offset) * factor), 0, 255)

    return _in_bands(values, grey), [f"floating-point greyscale {how} to 8 bits"]


def _in_bands(values: Any, to_grey: Callable[[Any], Any]) -> Image.Image:
    """Greys of a 2-d array as RGB, a band of rows at a time: 64-bit copies of a whole scan would fill memory."""
    import numpy as np

    grey = np.empty(values.shape, dtype=np.uint8)
    for top in range(0, values.shape[0], _BAND_ROWS):
        grey[top : top + _BAND_ROWS] = to_grey(values[top : top + _BAND_ROWS])
    return Image.fromarray(grey).convert("RGB")


def _from_cmyk(image: Image.Image) -> tuple[Image.Image, list[str]]:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            return _through_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile))), [
                "CMYK converted to RGB by its colour profile"
            ]
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB"), ["CMYK converted to RGB"]


def _through_profile(image: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:
        raise ValueError("the colour profile gave no image")
    return converted
