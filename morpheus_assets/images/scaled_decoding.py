"""By how much a JPEG may be scaled while it is decoded, for someone who looks at it small anyway.

Its own coefficients are read at a half or a quarter of the size: a third less work, and a fraction of the memory. An
eighth is left out: it keeps one average of 8 × 8 pixels, in which hatching turns into stripes.
"""

from collections.abc import Callable

Size = tuple[int, int]
# From the (width, height) of an upright panel to the size that decoding it must at least keep.
LeastSize = Callable[[Size], Size]
_SCALES = (4, 2)
# Markers of ITU T.81, table B.1: frame headers, those of progressive frames, and the header of a scan.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SCAN = 0xDA


def jpeg_scale(size: Size, least: LeastSize) -> int:
    """4, 2 or 1: what the sides of a panel of `size` may be divided by.

    A scale that would change what is asked for is not taken: rounding moves a panel across the limit of a strip.
    """
    wanted = least(size)
    for scale in _SCALES:
        width, height = (-(-side // scale) for side in size)
        if width >= wanted[0] and height >= wanted[1] and least((width, height)) == wanted:
            return scale
    return 1


def is_held_whole(jpeg: bytes) -> bool:
    """True for a JPEG whose coefficients are all in memory while it is decoded, at whatever scale.

    So it is with progressive ones, and with those that have a scan for each colour.
    """
    at, colours = 2, 0
    while at + 10 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == _SCAN:
            return jpeg[at + 4] != colours
        if marker in _PROGRESSIVE:
            return True
        if marker in _FRAMES:
            colours = jpeg[at + 9]
        # Any number of FF may stand before a marker.
        at += 1 if marker == 0xFF else 2 + length
    return False
