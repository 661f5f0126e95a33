"""Boxes on a page, (left, top, right, bottom) in its pixels, the last two behind it; what they hold and share."""

Box = tuple[int, int, int, int]


def area(box: Box) -> int:
    """Pixels of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def shared_area(one: Box, other: Box) -> int:
    """Pixels that lie in both boxes."""
    across, down = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return across * down if across > 0 and down > 0 else 0
