"""Record of one line read as a numbered heading."""

from typing import NamedTuple

CONTAINERS = frozenset({"volume", "book", "part", "act"})
"""Units that hold chapters where the book has chapters at all."""


class Heading(NamedTuple):
    """A line read as a heading.

    `unit` is a division as language files name it, "~word" for a word of the book's own, "" for a number alone;
    `number` is None where it cannot be read or says "the last"; `style` tells how the number is written;
    `separated` whether punctuation or the end follows the number; `outer` is the level named on the same line.
    """

    unit: str
    number: float | None
    style: str
    title: str
    separated: bool
    upper: bool
    label: str
    outer: tuple[str, float | None] | None = None
