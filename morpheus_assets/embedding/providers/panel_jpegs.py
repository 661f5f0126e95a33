"""Panels as endpoints take them: fitted into 1024 pixels, as a JPEG in a data URI."""

import base64
import io
from typing import Any

from morpheus_assets.embedding.clip.preprocessing import SHAPING, fitted, shaped
from morpheus_assets.embedding.errors import InputRefused

SIDE = 1024
_JPEG_QUALITY = 92
PREFIX = "data:image/jpeg;base64,"


def data_uri(index: int, panel: Any, shaping: int = SHAPING) -> str:
    """A panel, or a callable that returns one, as a data URI; raises InputRefused with `index` where it cannot be."""
    from PIL import Image

    try:
        image = panel if isinstance(panel, Image.Image) else panel()
        small = shaped(image, SIDE, shaping)
        if max(small.size) > SIDE:
            small = fitted(small, SIDE)
        buffer = io.BytesIO()
        small.convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    except Exception as error:
        raise InputRefused(f"This panel cannot be prepared for the endpoint: {error}", index) from error
    return PREFIX + base64.b64encode(buffer.getvalue()).decode()
