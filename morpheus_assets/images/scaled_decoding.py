"""By how much a JPEG may be scaled while it is decoded, for someone who looks at it small anyway.

Its own coefficients are read at a half or a quarter of the size: a third less work, and a fraction of the memory. An
eighth is left out: it keeps one average of 8 × 8 pixels, in which hatching turns into stripes.
"""

from collections.abc import Callable

Size = tuple[int, int]
# From the (width, height) of an upright panel to the size that decoding it must at least keep.
LeastSize = Callable[[Size], Size]
_SCALES = (4, 2)


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
