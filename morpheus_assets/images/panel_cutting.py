"""Panels of a page by their gutters, without any model: the rim's background, an X-Y cut, slanted lines, components.

The paper that is connected with the rim is open; lines along which nearly everything is open separate panels (Nagy and
Seth's X-Y cut, 1984, with leaning lines). What stays whole is tried by its connected parts, by gutters that something
hangs over, and by narrow uniform strips between two edges.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from morpheus_assets.images.boxes import Box, area, shared_area
from morpheus_assets.images.flooding import connected_parts, reached_from
from morpheus_assets.images.page_paper import commonest, grown, near, near_any, papers, rim_of

# A part with less open paper than this share has no gutter.
_SOLID = 0.003
# Longer side in pixels at which a page is looked at: a gutter of 4 pixels on 2,400 is still more than one.
_LOOKED_AT = 1280
# Shares of the page's area and of its sides that a panel has at least.
_LEAST_AREA = 0.012
_LEAST_SIDE = 0.055
_CLEAR = 0.985
_HUNG_OVER = 0.72
_HUNG_OVER_LEANING = 0.78
_OPEN_IN_PART = 0.48
# Of the line's length, of both its sides together: where a frame stands at the commonest distance from it.
_EVEN_EDGES = 0.65
# Of the page: a block of panels with gutters of a colour of their own, and how deep its rim is looked at.
_BLOCK, _BLOCK_EDGE = 0.1, 0.012
# Of the block's rim, that colour; how many panels it has; of its ink, what they leave out; of its area, what they hold.
_BLOCK_RIM, _BLOCK_PANELS, _BLOCK_LEFT_OUT, _BLOCK_HELD = 0.55, 3, 0.03, (0.55, 0.95)
# Half of the width of a drawing's line in pixels of the small page.
_THIN = 2
_WIDE = 0.016
_LEAST_UNSURE = 0.03
# Of a part's box: what is closed by a frame, whatever runs into it from a side, and how wide its line is at least. Of
# its own box: what a panel fills and a balloon does not, and what one fills that lies within another part.
_CLOSED = 0.35
_AS_LONG = 0.4
_RECTANGULAR = 0.8
_WITHIN_ANOTHER = 0.9
# Of a leaf: ink that a panel has at least, or else how much of its sides is drawn, within a share of the page.
_FILLED = 0.75
_DRAWN_SIDES = 0.8
# Of what is cut: area of such leaves, at least, where the cut is sure or is not.
_DENSE_BESIDE_FRAMES, _DENSE = 0.15, 0.5
# Of the page: a space between drawings without frames that stands for a gutter.
_FAR = 0.035
_REACH = 0.008
# Of the page, what panels that touch each other share at most, and of its box, what such a panel fills: the wider is
# tried last. Of the smaller of two, what lies over a corner; and of the ink, what such panels hold together.
_TOUCHING = ((0.02, 0.8), (0.03, 0.93))
_OVER_A_CORNER = 0.15
_COVERED = 0.85
# Share of a line that is drawn over right beside it when a frame runs there.
_FRAMED = 0.6
_BOTH_FRAMED = 0.5
_NEARLY_STRAIGHT = [round(-0.04 + 0.005 * step, 3) for step in range(17)]
_LEANING = [round(-0.42 + 0.015 * step, 3) for step in range(57)]
# Of the least side of a panel: what is lower and lies apart is a title, a caption or a page's number.
_CRUMB = 0.9
# Pixels of the small page that are dust when they lie alone.
_SPECK = 24
# Shares of a side that a margin measures at most, and of the rim that margins take at least to be told from panels.
_MARGIN = 0.2
_ENOUGH_MARGIN = 0.2
# Of the page's width or height.
_WIDEST_GUTTER = 0.04
_DEPTH = 12
_MOST_STRIPS = 8
_GOOD, _SURE = 0.75, 0.95
# Of a row: what has the strip's colour; what is dark in a line and darker than one side of it, or than both.
_EVEN = 0.95
_DARK = 115
_UNBROKEN = 0.94
_BOTH_SIDES = 0.35
_UNBROKEN_IN_PANEL = 0.97


@dataclass(frozen=True)
class FoundPanels:
    """Boxes (left, top, right, bottom) in pixels of the page, in no order, and the share of ink outside all of them.

    `undivided` are boxes that may be one picture or several: they were cut where there is only a space, or were not cut
    although a part of them stands apart, which then is among them, or another colour of paper parts them otherwise.
    """

    boxes: tuple[Box, ...]
    undivided: tuple[Box, ...]
    left_out: float


def find_panels(page: Image.Image) -> FoundPanels:
    """The panels of an upright RGB page, each a box of pixels with content; perhaps none, or one that is all of it."""
    pixels, scale = _small(page)
    best = _best_cut(pixels)

    def whole(box: Box) -> Box:
        left, top, right, bottom = (side * scale for side in box)
        return int(left), int(top), min(page.width, round(right + 0.5)), min(page.height, round(bottom + 0.5))

    return FoundPanels(tuple(map(whole, best.boxes)), tuple(map(whole, best.undivided)), best.left_out)


def _best_cut(pixels: Any) -> "_Cut":
    """The cut by that colour of paper for which the most speaks.

    The first that is good is kept. Where it has few panels, and another colour gives more, those are undivided: one of
    the two is wrong.
    """
    best = _Cut([], [], 1.0)
    for paper in papers(pixels):
        cut = _cut(pixels, paper)
        if best.merit > _GOOD and len(best.boxes) > 1:
            other = [box for box in cut.boxes if not any(_alike(box, own) for own in best.boxes)]
            best = replace(best, undivided=best.undivided + other) if cut.merit > best.merit else best
        elif cut.merit > best.merit:
            best = cut
        if best.merit > _SURE:
            break
    return best


def _alike(box: Box, other: Box) -> bool:
    return shared_area(box, other) > 0.85 * max(area(box), area(other))


def _within_frame(pixels: Any, box: Box) -> Box | None:
    """What a line around all panels encloses, without the line: its rim is paper again. None where there is none."""
    x0, y0, x1, y1 = box
    part = pixels[y0:y1, x0:x1]
    deepest = round(0.05 * min(part.shape[:2]))
    insets = []
    for side in (part, part[::-1], part.transpose(1, 0, 2), part.transpose(1, 0, 2)[::-1]):
        thin = side[:deepest, deepest:-deepest:4]
        if not thin.size:
            return None
        even = near(thin, np.median(thin, axis=1, keepdims=True), 26).mean(axis=1) > 0.9
        light = np.median(thin, axis=(1, 2))
        # The line first, and behind it the paper, which is of another colour.
        bare = np.flatnonzero(even & (np.abs(light - light[: max(2, deepest // 6)].min()) > 60))
        if not bare.size:
            return None
        insets.append(int(bare[0]) + 1)
    top, bottom, left, right = insets
    return x0 + left, y0 + top, x1 - right, y1 - bottom


def _small(page: Image.Image) -> tuple[Any, float]:
    scale = max(1.0, max(page.size) / _LOOKED_AT)
    if scale > 1:
        size = max(1, round(page.width / scale)), max(1, round(page.height / scale))
        page = page.resize(size, Image.Resampling.BOX)
    return np.asarray(page, dtype=np.int16), scale


@dataclass(frozen=True)
class _Cut:
    """What one colour of paper gives, in pixels of the small page; `merit` from 0 to 1 says how much speaks for it."""

    boxes: list[Box]
    undivided: list[Box]
    left_out: float
    merit: float = -1.0

    def moved(self, across: int, down: int) -> "_Cut":
        """The same on a page of which only a part was cut."""

        def at(box: Box) -> Box:
            return box[0] + across, box[1] + down, box[2] + across, box[3] + down

        return replace(self, boxes=list(map(at, self.boxes)), undivided=list(map(at, self.undivided)))


# The cut --------------------------------------------------------------------------------------------------------------


@dataclass
class _Part:
    """A part of the page: its box, and which pixels of the box belong to it (None: all).

    It is not sure when only a space sets it apart. `guttered` says that a gutter was found around it.
    """

    box: Box
    mask: Any
    sure: bool = True
    guttered: bool = False


@dataclass(frozen=True)
class _Line:
    """A line that leans: across, `at` + `slope` × (x - middle) gives its height; down, likewise its place across."""

    at: float
    slope: float
    down: bool
    worth: float
    sure: bool = True
    clear: float = 1.0


class _Page:
    """One look at a page: what is ink, what is open paper, and what a panel must measure."""

    def __init__(self, pixels: Any, paper: Any) -> None:
        self.pixels, self.paper = pixels, paper
        self.height, self.width = paper.shape
        self.ink = _without_dust(~reached_from(paper, _margins(paper)))
        self.least_area = _LEAST_AREA * self.height * self.width
        self.least_height, self.least_width = _LEAST_SIDE * self.height, _LEAST_SIDE * self.width

    def ink_in(self, part: _Part) -> Any:
        x0, y0, x1, y1 = part.box
        ink = self.ink[y0:y1, x0:x1]
        return ink if part.mask is None else ink & part.mask

    def is_solid(self, part: _Part) -> bool:
        """True when no gutter can be open in the part."""
        x0, y0, x1, y1 = part.box
        own = (y1 - y0) * (x1 - x0) if part.mask is None else int(part.mask.sum())
        return own - int(self.ink_in(part).sum()) < _SOLID * own

    def trimmed(self, part: _Part) -> _Part | None:
        """The part without open paper at its sides; None when it is too small for a panel."""
        ink = self.ink_in(part)
        rows, columns = ink.sum(axis=1), ink.sum(axis=0)
        # A grain of dust is not the edge of a panel.
        ys = _without_crumbs(rows > max(1, 0.006 * ink.shape[1]), rows, self.least_height)
        xs = _without_crumbs(columns > max(1, 0.006 * ink.shape[0]), columns, self.least_width)
        if ys is None or xs is None:
            return None
        x0, y0, _, _ = part.box
        box = (x0 + xs[0], y0 + ys[0], x0 + xs[1], y0 + ys[1])
        mask = None if part.mask is None else part.mask[ys[0] : ys[1], xs[0] : xs[1]]
        height, width = box[3] - box[1], box[2] - box[0]
        if height < self.least_height or width < self.least_width or height * width < self.least_area:
            return None
        return _Part(box, mask)


def _margins(paper: Any) -> Any:
    """Where the flood begins: the page's rim, without the stretches at which a pale panel runs to the edge.

    Along a margin or a gutter something is drawn at an even, small distance; in a panel that bleeds it is not.
    """
    rim, even = np.zeros_like(paper), np.zeros_like(paper)
    edge = max(1, round(0.004 * max(paper.shape)))
    for turned, all_of_it, margin in (
        (paper, rim, even),
        (paper[::-1], rim[::-1], even[::-1]),
        (paper.T, rim.T, even.T),
        (paper.T[::-1], rim.T[::-1], even.T[::-1]),
    ):
        height, width = turned.shape
        all_of_it[:edge] = True
        # A speck is no line: four pixels side by side are.
        drawn = ~turned[:, : width // 4 * 4].reshape(height, -1, 4).any(axis=2)
        depth = np.where(drawn.any(axis=0), drawn.argmax(axis=0), height)
        level = (np.abs(np.diff(depth, prepend=depth[:1])) <= 1) & (depth < _MARGIN * height)
        for start, end in _stretches(turned[:edge].mean(axis=0) > 0.5):
            own, flat = depth[start // 4 : -(-end // 4)], level[start // 4 : -(-end // 4)]
            if end - start < _WIDEST_GUTTER * width:
                # Of the last pixels, fewer than four, nothing is known.
                begins = end - start >= 2 and own.max(initial=0) > _WIDEST_GUTTER * height
            else:
                usual = np.median(own[flat]) if flat.any() else height
                begins = int((flat & (np.abs(own - usual) <= 0.012 * height)).sum()) > 0.5 * len(own)
            margin[:edge, start:end] |= begins
    return even if even.sum() > _ENOUGH_MARGIN * rim.sum() else rim


def _without_dust(ink: Any) -> Any:
    """The ink without specks that lie alone: those of a scan would close its gutters."""
    specks = connected_parts(ink)
    small = np.zeros(ink.size + 1, dtype=bool)
    small[specks.numbers[specks.pixels <= _SPECK]] = True
    return ink & ~small[specks.labels]


def _without_crumbs(inked: Any, ink: Any, least: float) -> tuple[int, int] | None:
    """From the first to behind the last row that is inked, without a title or a caption outside of a frame.

    Such is a stretch lower than a panel, apart from a higher one that begins with a line as long as any.
    """
    stretches = _stretches(inked)
    if not stretches:
        return None
    framed = _FRAMED * ink.max()
    reach = 4
    while len(stretches) > 1:
        (a, b), (start, end) = stretches[0], stretches[1]
        if b - a < _CRUMB * least and ink[a:b].max() < framed and ink[start : start + reach].max() >= framed:
            del stretches[0]
            continue
        (start, end), (a, b) = stretches[-2], stretches[-1]
        if b - a < _CRUMB * least and ink[a:b].max() < framed and ink[max(start, end - reach) : end].max() >= framed:
            del stretches[-1]
            continue
        break
    return stretches[0][0], stretches[-1][1]


def _cut(pixels: Any, paper: Any, *, within_block: bool = False) -> _Cut:
    page = _Page(pixels, paper)
    whole = page.trimmed(_Part((0, 0, page.width, page.height), None))
    if whole is None:
        return _Cut([], [], 1.0)
    within = _within_frame(pixels, whole.box) if page.is_solid(whole) else None
    if within is not None:
        left, top, right, bottom = within
        inside = _cut(pixels[top:bottom, left:right], paper[top:bottom, left:right], within_block=within_block)
        # What only a space parts is one drawing in its frame.
        parted = any(2 * area(box) > (right - left) * (bottom - top) for box in inside.undivided)
        if len(inside.boxes) > 1 and not parted:
            return inside.moved(left, top)
    undivided: list[Box] = []
    leaves = list(_leaves(page, whole, 0, undivided))
    covered = np.zeros_like(page.ink)
    for leaf in leaves:
        x0, y0, x1, y1 = leaf.box
        covered[y0:y1, x0:x1] = True
    left_out = 1 - int((page.ink & covered).sum()) / max(1, int(page.ink.sum()))
    boxes: list[Box] = []
    for leaf in leaves:
        block = [] if within_block else _on_paper_of_its_own(page, leaf)
        boxes += block or [leaf.box, *_insets(page, leaf)]
    largest = max(map(area, boxes)) / (page.height * page.width)
    # One box says little, and so does one that is most of the page.
    merit = (1 - left_out) * (1 - max(0.0, largest - 0.45)) * min(1.0, 0.6 + 0.1 * len(boxes))
    return _Cut(boxes, undivided, left_out, merit)


def _on_paper_of_its_own(page: _Page, leaf: _Part) -> list[Box]:
    """The panels of a block whose gutters have another colour than the page's, as a black grid on a white sheet."""
    if area(leaf.box) < _BLOCK * page.width * page.height or page.ink_in(leaf).mean() < _RECTANGULAR:
        return []
    x0, y0, x1, y1 = leaf.box
    pixels, outside = page.pixels[y0:y1, x0:x1], page.paper[y0:y1, x0:x1]
    edge = max(3, round(_BLOCK_EDGE * max(page.width, page.height)))
    drawn = ~outside
    drawn[edge:-edge, edge:-edge] = False
    colour, share = commonest(pixels[drawn]) if drawn.any() else (None, 0.0)
    # Where the panels at the sides run to the block's edge, its gutters are black in all likelihood.
    own = near_any(pixels, [colour if share >= _BLOCK_RIM else np.zeros(3)], 40)
    if (own & outside).mean() > 0.5 * own.mean() or not _has_gutter(own | outside):
        return []
    # The lines of a drawing are as black as the gutters, but thin; where the colours of block and page mix is neither.
    own = grown(~grown(~own, _THIN), _THIN)
    paper = own | grown(reached_from(outside, rim_of(outside)), 3)
    if not _has_gutter(paper):
        return []
    cut = _cut(pixels, paper, within_block=True)
    held = sum(map(area, cut.boxes)) / area(leaf.box)
    if len(cut.boxes) < _BLOCK_PANELS or cut.left_out > _BLOCK_LEFT_OUT or not _BLOCK_HELD[0] <= held <= _BLOCK_HELD[1]:
        return []
    if len(cut.boxes) < 2 * _BLOCK_PANELS and any(2 * area(box) > area(leaf.box) for box in cut.undivided):
        return []
    return cut.moved(x0, y0).boxes


def _has_gutter(paper: Any) -> bool:
    """True where some line from side to side, away from the ends, is all but open."""
    return any(
        lines[round(0.1 * len(lines)) : round(0.9 * len(lines))].max(initial=0) >= 0.93
        for lines in (paper.mean(axis=0), paper.mean(axis=1))
    )


def _leaves(page: _Page, part: _Part, depth: int, undivided: list[Box]) -> Iterator[_Part]:
    pieces = _pieces(page, part) if depth < _DEPTH else []
    if not pieces:
        yield part
        return
    inner: list[Box] = []
    leaves = [leaf for piece in pieces for leaf in _leaves(page, piece, depth + 1, inner)]
    dense = [leaf for leaf in leaves if not _is_sparse(page, leaf)]
    least = _DENSE_BESIDE_FRAMES if pieces[0].sure else _DENSE
    much = sum(area(leaf.box) for leaf in dense) >= least * sum(area(leaf.box) for leaf in leaves)
    far = _apart(pieces) >= _FAR * max(page.width, page.height)
    if not far and not much and len(dense) < len(leaves) / 2:
        # Figures of one picture, and the paper between them that reaches into it from a side without a frame.
        undivided += [leaf.box for leaf in dense]
        yield part
        return
    if not pieces[0].sure:
        undivided.append(part.box)
    undivided += inner
    yield from leaves


def _is_sparse(page: _Page, part: _Part) -> bool:
    """True for a part that is open in much of its box, and whose sides are drawn in part only: no panel is both."""
    ink = page.ink_in(part)
    if ink.mean() >= _FILLED:
        return False
    reach = max(3, round(_REACH * max(page.width, page.height)))
    sides = (ink[:reach].any(axis=0), ink[-reach:].any(axis=0), ink[:, :reach].any(axis=1), ink[:, -reach:].any(axis=1))
    return sum(float(side.mean()) for side in sides) < 4 * _DRAWN_SIDES


def _pieces(page: _Page, part: _Part) -> list[_Part]:
    """A part cut in two or more by the first way that works; [] when it is one panel."""
    x0, y0, x1, y1 = part.box
    if x1 - x0 < 2 * page.least_width and y1 - y0 < 2 * page.least_height:
        return []
    for find in (_by_strip,) if page.is_solid(part) else _WAYS:
        pieces = find(page, part)
        if len(pieces) > 1 and not _is_torn(page, pieces):
            guttered = part.guttered or find is not _by_strip
            return [replace(piece, guttered=guttered) for piece in pieces]
    return []


def _is_torn(page: _Page, pieces: list[_Part]) -> bool:
    """True for letters and figures without a frame between which there is less than a wide space: one drawing."""
    if _apart(pieces) >= _WIDE * max(page.width, page.height):
        return False
    return all(_is_loose(page, piece, framed=piece.sure) for piece in pieces)


def _apart(pieces: list[_Part]) -> int:
    """The widest space between two of the pieces, in pixels; below 0 where all lie over each other."""
    boxes = [piece.box for piece in pieces]
    return max(
        max(b[0] - a[2], a[0] - b[2], b[1] - a[3], a[1] - b[3]) for at, a in enumerate(boxes) for b in boxes[:at]
    )


def _is_loose(page: _Page, part: _Part, *, framed: bool) -> bool:
    """True where no connected part is what a frame encloses, nor, if `framed`, as long as one of its lines."""
    parts = connected_parts(page.ink_in(part))
    wide, high = parts.boxes[:, 2] - parts.boxes[:, 0], parts.boxes[:, 3] - parts.boxes[:, 1]
    panels = (parts.pixels >= _RECTANGULAR * wide * high) & (wide * high >= page.least_area)
    if panels.any() or int(parts.pixels.max(initial=0)) >= _CLOSED * area(part.box):
        return False
    return not framed or int(wide.max(initial=0)) < _AS_LONG * (part.box[2] - part.box[0])


def _halves(page: _Page, part: _Part, line: _Line) -> list[_Part]:
    """The two sides of a line, trimmed, or [] when one of them is too small."""
    x0, y0, x1, y1 = part.box
    height, width = y1 - y0, x1 - x0
    if line.slope == 0 and part.mask is None:
        at = round(line.at)
        first = (x0, y0, x1, y0 + at) if not line.down else (x0, y0, x0 + at, y1)
        second = (x0, y0 + at, x1, y1) if not line.down else (x0 + at, y0, x1, y1)
        sides = [_Part(first, None), _Part(second, None)]
    else:
        along, across = np.arange(height)[:, None], np.arange(width)[None, :]
        if line.down:
            before = across < line.at + line.slope * (along - height / 2)
        else:
            before = along < line.at + line.slope * (across - width / 2)
        own = part.mask if part.mask is not None else np.ones((height, width), dtype=bool)
        sides = [_Part(part.box, own & before), _Part(part.box, own & ~before)]
    trimmed = [replace(piece, sure=line.sure) for piece in map(page.trimmed, sides) if piece is not None]
    return trimmed if len(trimmed) == 2 else []


def _by_clear_line(page: _Page, part: _Part) -> list[_Part]:
    return _best_halves(page, part, page.ink_in(part), _CLEAR, [0.0])


def _by_leaning_line(page: _Page, part: _Part) -> list[_Part]:
    ink = page.ink_in(part)
    return _best_halves(page, part, ink, 0.96, _NEARLY_STRAIGHT) or _best_halves(
        page, part, ink, 0.96, _LEANING, halved=True
    )


def _by_hung_over_line(page: _Page, part: _Part) -> list[_Part]:
    x0, y0, x1, y1 = part.box
    # A balloon's inside is as white as the paper, which the flood does not reach.
    drawn, ink = ~page.paper[y0:y1, x0:x1], page.ink_in(part)
    return _best_halves(page, part, drawn, _HUNG_OVER, _NEARLY_STRAIGHT[4:13], both_edges=True, ink=ink)


def _by_hung_over_leaning_line(page: _Page, part: _Part) -> list[_Part]:
    x0, y0, x1, y1 = part.box
    drawn, ink = ~page.paper[y0:y1, x0:x1], page.ink_in(part)
    return _best_halves(page, part, drawn, _HUNG_OVER_LEANING, _LEANING, both_edges=True, ink=ink, halved=True)


def _by_wide_space(page: _Page, part: _Part) -> list[_Part]:
    """Pictures without frames are told apart by a wide space alone, which is less sure."""
    wide = _WIDE * max(page.width, page.height)
    pieces = _best_halves(page, part, page.ink_in(part), _CLEAR, [0.0], wide=wide)
    if any(area(piece.box) < _LEAST_UNSURE * page.width * page.height for piece in pieces):
        return []
    return pieces


def _best_halves(
    page: _Page,
    part: _Part,
    drawn: Any,
    clear: float,
    slopes: list[float],
    *,
    both_edges: bool = False,
    wide: float | None = None,
    ink: Any = None,
    halved: bool = False,
) -> list[_Part]:
    """The two sides of the best line, across or down; [] when there is none. `ink` is what must be open in part.

    `halved` looks at every second pixel, for many slopes.
    """
    lines = []
    step = 2 if halved else 1
    for down in (False, True):
        values, own, closed = (
            None if each is None else (each.T if down else each)[::step, ::step] for each in (drawn, part.mask, ink)
        )
        least = (page.least_width if down else page.least_height) / step
        lines += list(
            _lines(values, own, least, clear, slopes, down=down, both_edges=both_edges, wide=wide, closed=closed)
        )
    lines = [replace(line, at=line.at * step) for line in lines]
    for line in sorted(lines, key=lambda line: -line.worth):
        if both_edges and not _is_even(page, part, drawn, line):
            continue
        halves = _halves(page, part, line)
        if halves:
            return halves
    return []


def _is_even(page: _Page, part: _Part, drawn: Any, line: _Line) -> bool:
    """True where the frames on both sides of a line keep their distance from it, as far as nothing hangs over it.

    Light that falls into a drawing is as white as a gutter, and its edges go in and out.
    """
    own = np.ones_like(drawn) if part.mask is None else part.mask
    if line.down:
        drawn, own = drawn.T, own.T
    height, width = drawn.shape
    across = np.arange(width)
    down = np.round(line.at + line.slope * (across - width / 2)).astype(int)
    across = across[(down >= 0) & (down < height)]
    across = across[own[down[across], across]]
    down = down[across]
    reach = round(_WIDEST_GUTTER * max(page.width, page.height))
    open_at = np.flatnonzero(~drawn[down, across])
    across, down, length = across[open_at], down[open_at], max(1, len(across))
    even = 0.0
    for towards in (-1, 1):
        at = np.clip(down[None, :] + towards * np.arange(1, reach + 1)[:, None], 0, height - 1)
        inked = drawn[at, across]
        distance = np.bincount(inked.argmax(axis=0)[inked.any(axis=0)], minlength=reach)
        even += float(np.convolve(distance, np.ones(3, dtype=int)).max()) / length
    return even >= _EVEN_EDGES


def _lines(
    ink: Any,
    own: Any,
    least: float,
    clear: float,
    slopes: list[float],
    *,
    down: bool,
    both_edges: bool,
    wide: float | None,
    closed: Any,
) -> Iterator[_Line]:
    """The lines across (or down, on the transposed) along which at least `clear` is open, with both sides large.

    A frame must run along one of its sides, or along both; where `wide` is given, so many pixels of space do instead.
    Where `closed` is given, a part of the line must be free of it, too.
    """
    height, width = ink.shape
    if height < 2 * least:
        return
    # Strips so narrow that the steepest line hardly moves within one.
    step = 8 if len(slopes) > 1 else width
    starts = np.arange(0, width, step)
    widths = np.minimum(step, width - starts)
    inked = np.add.reduceat(ink if own is None else ink & own, starts, axis=1, dtype=np.int32)
    there = None if own is None else np.add.reduceat(own, starts, axis=1, dtype=np.int32)
    shut = None
    if closed is not None:
        shut = np.add.reduceat(closed if own is None else closed & own, starts, axis=1, dtype=np.int32)
    middles = starts + widths / 2 - width / 2
    shifts = [(slope, np.round(slope * middles).astype(int)) for slope in slopes]
    shifts = [(slope, shift) for slope, shift in shifts if np.abs(shift).max(initial=0) <= height / 2]
    reach = max((int(np.abs(shift).max(initial=0)) for _, shift in shifts), default=0)
    inks, owns, shuts = (None if each is None else _padded(each, reach) for each in (inked, there, shut))
    for slope, shift in shifts:
        dark = _sheared(inks, shift, reach)
        length = _lengths(widths, shift, height) if owns is None else _sheared(owns, shift, reach)
        share = 1 - dark / np.maximum(length, 1)
        share[length < 0.3 * width] = 0
        if share.max() < clear:
            continue
        if shuts is not None:
            share[1 - _sheared(shuts, shift, reach) / np.maximum(length, 1) < _OPEN_IN_PART] = 0
        for start, end in _stretches(share >= clear):
            if start < least * 0.6 or end > height - least * 0.6:
                continue
            above, below = _edges(share, start, end)
            thick = end - start
            if wide is not None:
                if thick < wide:
                    continue
            elif max(above, below) < _FRAMED or (both_edges and min(above, below) < _FRAMED):
                continue
            worth = float(share[start:end].mean()) * (1 + min(thick, 0.05 * height) / (0.05 * height))
            worth *= 0.5 + 0.25 * (above + below)
            worth *= (1 - 0.3 * abs(slope)) * (0.9 if down else 1.0)
            yield _Line((start + end) / 2, slope, down, worth, not both_edges and min(above, below) >= _BOTH_FRAMED)


def _lengths(widths: Any, shift: Any, height: int) -> Any:
    """How long each row that leans is within a part of all its box: _sheared of columns of so many pixels."""
    begin, end = np.maximum(0, -shift), np.minimum(height, height - shift)
    change = np.bincount(begin, widths, height + 1) - np.bincount(end, widths, height + 1)
    return np.cumsum(change[:height])


def _padded(values: Any, reach: int) -> Any:
    """The same with `reach` empty rows above and below, by columns."""
    height, columns = values.shape
    padded = np.zeros((height + 2 * reach, columns), dtype=values.dtype, order="F")
    padded[reach : reach + height] = values
    return padded


def _sheared(padded: Any, shift: Any, reach: int) -> Any:
    """Sums over rows that lean, of what `_padded` gives: row y takes column k from y + shift[k]."""
    height = len(padded) - 2 * reach
    if not shift.any():
        return padded[reach : reach + height].sum(axis=1)
    total = np.zeros(height, dtype=padded.dtype)
    for column, down in enumerate(shift.tolist()):
        total += padded[reach + down : reach + down + height, column]
    return total


def _stretches(good: Any) -> list[tuple[int, int]]:
    change = np.flatnonzero(np.diff(np.concatenate(([False], good, [False]))))
    return [(int(a), int(b)) for a, b in zip(change[::2], change[1::2], strict=True)]


def _edges(share: Any, start: int, end: int) -> tuple[float, float]:
    """How much of the line is drawn over right above and right below a stretch of it: a frame, or only figures."""
    reach = max(3, round(0.012 * len(share)))
    before, after = share[max(0, start - reach) : start], share[end : end + reach]
    return 1 - float(before.min(initial=1.0)), 1 - float(after.min(initial=1.0))


def _by_separate_components(page: _Page, part: _Part) -> list[_Part]:
    """Components whose boxes hardly share anything: panels that lie over a corner of each other."""
    pieces = _by_components(page, part)
    for at, piece in enumerate(pieces):
        for other in pieces[:at]:
            if shared_area(piece.box, other.box) > 0.1 * min(area(piece.box), area(other.box)):
                return []
    return pieces


def _by_components(page: _Page, part: _Part) -> list[_Part]:
    """Large connected parts that fill their boxes as panels do; what is small is left out."""
    components = connected_parts(page.ink_in(part))
    large = [
        (number, count, box)
        for number, count, box in components.each()
        if count >= 0.6 * area(box) and area(box) >= 2 * page.least_area
    ]
    # What lies within another is a panel if it is as rectangular as one; else it is a head before a light sky.
    found = [
        (number, count)
        for number, count, box in large
        if count >= _WITHIN_ANOTHER * area(box)
        or not any(shared_area(box, other) >= _WITHIN_ANOTHER * area(box) for at, _, other in large if at != number)
    ]
    if len(found) < 2 or sum(count for _, count in found) < 0.7 * int(components.pixels.sum()):
        return []
    pieces = []
    for number, _ in found:
        own = components.labels == number
        piece = page.trimmed(_Part(part.box, _spanned(own) & (own | (components.labels == 0))))
        if piece is not None:
            pieces.append(piece)
    if len(pieces) < 2:
        return []
    return pieces


def _by_touching_components(page: _Page, part: _Part) -> list[_Part]:
    """Panels that stand side by side in no rows and touch each other at corners: parts whose rims are taken away."""
    ink = page.ink_in(part)
    for touching, rectangular in _TOUCHING:
        rim = max(3, round(touching * max(page.width, page.height)))
        boxes = _without_rims(ink, rim, rectangular, page.least_area)
        if len(boxes) > 1:
            break
    else:
        return []
    x0, y0, _, _ = part.box
    height, width = ink.shape
    pieces = []
    for left, top, right, bottom in boxes:
        left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
        mask = None if part.mask is None else part.mask[top:bottom, left:right]
        pieces.append(page.trimmed(_Part((x0 + left, y0 + top, x0 + right, y0 + bottom), mask)))
    return [piece for piece in pieces if piece is not None]


def _without_rims(ink: Any, rim: int, rectangular: float, least_area: float) -> list[Box]:
    """Boxes of what remains connected without so many pixels at its edges; [] where they aren't all panels."""
    outside = np.pad(~ink, rim, constant_values=True)
    inner = connected_parts(~grown(outside, rim)[rim:-rim, rim:-rim])
    boxes = []
    for _, count, (left, top, right, bottom) in inner.each():
        box = (left - rim, top - rim, right + rim, bottom + rim)
        if area(box) >= least_area and count >= rectangular * area((left, top, right, bottom)):
            boxes.append(box)
    covered = np.zeros_like(ink)
    for at, box in enumerate(boxes):
        covered[max(0, box[1]) : box[3], max(0, box[0]) : box[2]] = True
        if any(shared_area(box, other) > _OVER_A_CORNER * min(area(box), area(other)) for other in boxes[:at]):
            return []
    return boxes if int((ink & covered).sum()) >= _COVERED * int(ink.sum()) else []


def _spanned(mask: Any) -> Any:
    """A mask with the notches filled that gutters leave in it: what lies between its ends both by row and by column."""
    across = np.logical_or.accumulate(mask, axis=1) & np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    down = np.logical_or.accumulate(mask, axis=0) & np.logical_or.accumulate(mask[::-1], axis=0)[::-1]
    return across & down


def _by_strip(page: _Page, part: _Part) -> list[_Part]:
    """A narrow strip of one colour with an edge along both sides: a coloured gutter, or the line of a shared frame."""
    x0, y0, x1, y1 = part.box
    if part.mask is not None:
        return []
    pixels = page.pixels[y0:y1, x0:x1]
    lines = []
    for down, turned, least in (
        (False, pixels, page.least_height),
        (True, pixels.transpose(1, 0, 2), page.least_width),
    ):
        if turned.shape[0] >= 2 * least:
            lines += [*_strips(turned, least, down), *_drawn_lines(turned, least, down)]
    if part.guttered:
        # Where panels have gutters, a line from edge to edge is more often a floor or a horizon.
        lines = [replace(line, sure=False) for line in lines if line.clear >= _UNBROKEN_IN_PANEL]
    for line in sorted(lines, key=lambda line: -line.worth):
        halves = _halves(page, part, line)
        if halves:
            return halves
    return []


def _strips(pixels: Any, least: float, down: bool) -> Iterator[_Line]:
    height, width = pixels.shape[:2]
    thin = pixels[:, :: max(1, width // 200)]
    even = near(thin, np.median(thin, axis=1, keepdims=True), 26).mean(axis=1)
    most = max(4, round(0.03 * height))
    found = []
    for start, end in _stretches(even >= _EVEN):
        if end - start > most or start < 4 or end > height - 4:
            continue
        strip = np.median(thin[start:end], axis=(0, 1))
        above, below = (1 - float(near(beside, strip, 26).mean()) for beside in (thin[start - 4], thin[end + 3]))
        if min(above, below) >= 0.5 and above + below >= 1.25:
            worth, clear = (above + below) * (0.9 if down else 1.0), min(above, below, float(even[start:end].max()))
            found.append(_Line((start + end) / 2, 0.0, down, worth, clear=clear))
    yield from _few(found, least, height)


def _drawn_lines(pixels: Any, least: float, down: bool) -> Iterator[_Line]:
    """Dark lines from edge to edge that waver by a pixel or two: no figure stands before the line of a frame."""
    height, width = pixels.shape[:2]
    if height < 20:
        return
    red, green, blue = np.moveaxis(pixels[:, :: max(1, width // 400)].astype(np.uint16), 2, 0)
    light = (red + green + blue) / 3
    shifted = [light[at : height - 4 + at] for at in range(5)]
    line = np.minimum.reduce(shifted)[4:-4]
    above, below = light[: height - 12], light[12:]
    dark = line <= _DARK
    either = (dark & (line <= np.maximum(above, below) - 25)).mean(axis=1)
    both = (dark & (line <= np.minimum(above, below) - 25)).mean(axis=1)
    found = []
    for start, end in _stretches((either >= _UNBROKEN) & (both >= _BOTH_SIDES)):
        sides = float(both[start:end].max())
        found.append(_Line((start + end) / 2 + 6, 0.0, down, (1 + sides) * (0.9 if down else 1.0), clear=sides))
    yield from _few(found, least, height)


def _few(lines: list[_Line], least: float, height: int) -> list[_Line]:
    """The lines that leave a panel on either side; none where there are so many that they are a texture."""
    return (
        [line for line in lines if 0.8 * least < line.at < height - 0.8 * least] if len(lines) <= _MOST_STRIPS else []
    )


_WAYS = (
    _by_clear_line,
    _by_leaning_line,
    _by_separate_components,
    _by_hung_over_line,
    _by_components,
    _by_hung_over_leaning_line,
    _by_touching_components,
    _by_strip,
    _by_wide_space,
)


def _insets(page: _Page, part: _Part) -> list[Box]:
    """Boxes that a rectangular ring of paper sets apart inside a panel."""
    x0, y0, x1, y1 = part.box
    if (x1 - x0) * (y1 - y0) < 6 * page.least_area:
        return []
    inner = page.paper[y0:y1, x0:x1] & page.ink[y0:y1, x0:x1]
    components = connected_parts(inner)
    found = []
    for number, count, (left, top, right, bottom) in components.each():
        held = area((left, top, right, bottom))
        if held < page.least_area or held > 0.7 * area(part.box) or count > 0.35 * held:
            continue
        ring = components.labels[top:bottom, left:right] == number
        thick = max(2, round(count / (2 * (bottom - top + right - left))))
        sides = (
            ring[:thick].any(axis=0),
            ring[-thick:].any(axis=0),
            ring[:, :thick].any(axis=1),
            ring[:, -thick:].any(axis=1),
        )
        if min(float(side.mean()) for side in sides) < 0.85:
            continue
        found.append((x0 + left + thick, y0 + top + thick, x0 + right - thick, y0 + bottom - thick))
    return found
