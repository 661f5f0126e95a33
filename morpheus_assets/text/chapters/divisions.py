"""Possible divisions of a book, measured: how much of it they cover, how regularly they count; selection.py chooses."""

import itertools
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.matter import NAMED
from morpheus_assets.text.chapters.sequences import best_chain, regularity

_ODD_ONES = 8
_FEWEST_REPEATED, _OFTEN_REPEATED = 3, 0.25
_FEWEST_DOWN, _MOSTLY_DOWN = 3, 0.8
_CONTINUED = re.compile(
    r"[(\[]?cont(?:inued|inuación|\.|'d|d\b)|[(\[]?(?:suite|fortsetzung|продолжение)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Division:
    """One way to cut the book: its headings, and how well they do.

    `coverage` is the share of the text from the first heading to the end, where a piece counts for at most
    eight usual pieces (a list of headings at the front covers nothing); `regularity` the share of steps that
    count on; `kind` "unit" (a word and a number), "number" (a number, perhaps a title), "title" or "container".
    """

    heads: list[Hit]
    kind: str
    family: str
    coverage: float
    regularity: float
    usual_length: float

    @property
    def opens_at_one(self) -> bool:
        """True if the first number is 0 or 1."""
        number = self.heads[0].number
        return number is not None and number < 2


def measure(heads: list[Hit], kind: str, family: str, body: Body) -> Division:
    """Measure the division that these headings make of the body."""
    starts = [hit.start for hit in heads] + [body.end]
    lengths = sorted(b - a for a, b in itertools.pairwise(starts))
    usual = lengths[len(lengths) // 2]
    covered = sum(min(length, _ODD_ONES * max(usual, 1)) for length in lengths)
    whole = max(1, body.end - body.start)
    return Division(heads, kind, family, covered / whole, regularity(heads), usual)


def numbered_divisions(hits: Sequence[Hit], body: Body) -> list[Division]:
    """A division for each family of numbered hits that has a sequence at all."""
    families: dict[str, list[Hit]] = {}
    for hit in hits:
        if hit.parsed is not None:
            families.setdefault(hit.family, []).append(hit)
    containers = [h for h in hits if h.parsed is not None and h.parsed.unit in CONTAINERS and h.quality >= 0.5]
    parents = sorted({h.start for h in containers} | {h.start for h in hits if h.matter in NAMED})
    divisions = []
    for family, members in families.items():
        own = [start for start in parents if family not in CONTAINERS] if family not in CONTAINERS else []
        chain = best_chain(_counted_up(_without_running_heads(_without_echoes(members))), own)
        if chain:
            # A preface and a prologue, named as such, are not text that the division fails to cover.
            named = any(
                hit.matter in ("front", "opening") and hit.quality >= 0.9 for hit in hits if hit.start < chain[0].start
            )
            whole = Body(chain[0].start, body.end) if named else body
            divisions.append(measure(chain, _kind(family), family, whole))
    return divisions


def _kind(family: str) -> str:
    if family in CONTAINERS:
        return "container"
    return "number" if family.startswith(("bare-", "titled-")) else "unit"


def _without_echoes(members: Sequence[Hit]) -> list[Hit]:
    """One of two equal headings that follow each other at once ("第四十五回" printed twice)."""
    kept: list[Hit] = []
    for hit in members:
        if kept and hit.number == kept[-1].number and hit.parsed and _CONTINUED.match(hit.parsed.title):
            continue
        if kept and hit.number == kept[-1].number and hit.start - kept[-1].end < 300 and hit.number is not None:
            if hit.quality > kept[-1].quality + 0.2:
                kept[-1] = hit
            continue
        kept.append(hit)
    return kept


def _without_running_heads(members: Sequence[Hit]) -> Sequence[Hit]:
    """The first of each run of one number, where so many are repeated that they stand on every page."""
    repeated = [
        bool(index) and hit.number is not None and hit.number == members[index - 1].number
        for index, hit in enumerate(members)
    ]
    if sum(repeated) < max(_FEWEST_REPEATED, _OFTEN_REPEATED * len(members)):
        return members
    return [hit for hit, again in zip(members, repeated, strict=True) if not again]


def _counted_up(members: Sequence[Hit]) -> Sequence[Hit]:
    """A countdown ("Chapter 10" to "Chapter 1") with its numbers turned round, anything else as it is."""
    numbers = [hit.number for hit in members]
    steps = [later - earlier for earlier, later in itertools.pairwise(n for n in numbers if n is not None)]
    if len(steps) < _FEWEST_DOWN or sum(step == -1 for step in steps) < _MOSTLY_DOWN * len(steps):
        return members
    top = max(number for number in numbers if number is not None) + 1
    return [
        replace(hit, parsed=hit.parsed._replace(number=top - hit.number))
        if hit.parsed is not None and hit.number is not None
        else hit
        for hit in members
    ]


def share_of_parents(parent: Division, child: Division, body: Body) -> float:
    """The share (by length) of the parent's pieces that hold at least one heading of the child."""
    starts = [hit.start for hit in child.heads]
    edges = [hit.start for hit in parent.heads] + [body.end]
    held = 0
    for begin, end in itertools.pairwise(edges):
        if bisect_left(starts, begin) < bisect_left(starts, end):
            held += end - begin
    return held / max(1, edges[-1] - edges[0])
