"""Beginning and end of the book inside its file: Project Gutenberg's header and licence, Aozora's notes around it."""

import re
from typing import NamedTuple

_MARK_START = re.compile(
    r"^[ \t*]*START OF (?:THE|THIS) PROJECT GUTENBERG[^\n]*(?:\n[^\n*]{1,120})?\n?"
    r"|^\*END[ \t*]*THE SMALL PRINT[^\n]*\n",
    re.IGNORECASE | re.MULTILINE,
)
_MARK_END = re.compile(
    r"^[ \t*]*END OF (?:THE|THIS) PROJECT GUTENBERG|^[ \t]*End of (?:the |this )?Project Gutenberg"
    r"|^[ \t*]*START: FULL LICENSE|^[ \t]*(?:Ende dieses|Fin de|Fine dell?) *Projec?t Gutenberg",
    re.IGNORECASE | re.MULTILINE,
)
_CREDITS = re.compile(
    r"(?:[ \t]*\n)*+(?:^(?:Produced by|Prepared by|E-?text prepared|This E-?text was|Transcribed (?:from|by)|Credits:?"
    r"|Scanned|HTML version|This file was|Note: |Images? (?:generously )?|An Anonymous Volunteer|Updated:"
    r"|Last updated)[^\n]*\n(?:[^\n]*\S[^\n]*\n)*)+",
    re.IGNORECASE | re.MULTILINE,
)
_AOZORA_NOTE = re.compile(r"^-{20,}\n【テキスト中に現れる記号について】.*?\n-{20,}\n", re.DOTALL | re.MULTILINE)
_AOZORA_END = re.compile(r"^底本：", re.MULTILINE)
_LONGEST_HEADER = 60_000


class Body(NamedTuple):
    """The book's own text: text[start:end]."""

    start: int
    end: int


def find_body(text: str) -> Body:
    """Range without the distributor's header, credits and licence; the whole text where nothing else is left."""
    start, end = 0, len(text)
    openings = list(_MARK_START.finditer(text, 0, min(end, _LONGEST_HEADER)))
    if openings:
        start = openings[-1].end()
        credits = _CREDITS.match(text, start)
        start = credits.end() if credits else start
    note = _AOZORA_NOTE.search(text, 0, 6_000)
    if note:
        start = max(start, note.end())
    # The licence is looked for from the last third on: books quote these words nowhere, but headers do.
    closing = _MARK_END.search(text, max(start, min(end // 2, end - 40_000)))
    if closing:
        end = closing.start()
    colophon = _AOZORA_END.search(text, max(start, end - 6_000), end)
    if colophon:
        end = colophon.start()
    if not text[start:end].strip():
        return Body(0, len(text))
    return Body(start, end)
