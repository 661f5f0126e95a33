"""Where a quotation stands in a novel's text: quotation marks, dashes, emphasis, case and white space do not count."""

import bisect
from collections.abc import Sequence

_SAME = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2014": "-", "\u2013": "-"})
_IGNORED = "_*-"
# A passage that has at least this part of a quotation holds it: one may be cut where a passage ends.
_LEAST_PART = 0.5

Span = tuple[int, int]
"""Offsets into a novel's text, the second exclusive."""


class NovelText:
    """A novel's text, made ready for finding quotations in it."""

    def __init__(self, text: str) -> None:
        self._plain, self._offsets = _plain(text)

    def find(self, quotation: str) -> list[Span]:
        """The places of a quotation, in order; empty when the text does not have it."""
        wanted = _plain(quotation)[0].strip()
        spans: list[Span] = []
        at = self._plain.find(wanted) if wanted else -1
        while at >= 0:
            spans.append((self._offsets[at], self._offsets[at + len(wanted) - 1] + 1))
            at = self._plain.find(wanted, at + 1)
        return spans


def holds(char_start: int, char_end: int, spans: Sequence[Span]) -> bool:
    """Whether a passage with these offsets has most of one of the `spans`, which are in order."""
    first = bisect.bisect_left(spans, char_start, key=lambda span: span[1])
    for start, end in spans[first:]:
        if start >= char_end:
            return False
        if min(end, char_end) - max(start, char_start) >= _LEAST_PART * (end - start):
            return True
    return False


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in small letters with single spaces, and the offset of each of its characters in the original."""
    kept: list[str] = []
    offsets: list[int] = []
    for offset, char in enumerate(text.translate(_SAME)):
        if char in _IGNORED:
            continue
        if char.isspace():
            if not kept or kept[-1] == " ":
                continue
            char = " "
        small = char.lower()
        kept.append(small if len(small) == 1 else char)
        offsets.append(offset)
    return "".join(kept), offsets
