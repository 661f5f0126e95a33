"""What of a picture is hashed: its upright pixels with their size, and the version of how they are shaped.

A region's vectors hang on this hash: the same pixels have the same one in whatever file or archive they come.
"""

import hashlib

from PIL import Image

# As Space.shaping: raised by hand when the pixels of a region come to be other ones.
SHAPING = 2


def region_hash(region: Image.Image) -> bytes:
    """The 32 bytes that stand for an upright RGB picture."""
    digest = hashlib.sha256(f"region {SHAPING} {region.width}x{region.height}\n".encode())
    digest.update(region.tobytes())
    return digest.digest()
