"""Bounds of the sentences in a passage; for showing and comparing them, never for cutting chunks.

Works on any script: after a full stop, question or exclamation mark with what closes it, or at a blank line.
"""

import re

_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Messrs|Dr|St|Rev|Prof|Capt|Col|Gen|Lieut|Lt|Hon|MM|Mme|Mlle|[A-Z])\.$")
# Of the abbreviations, with the character before it.
_LONGEST = 9
_END = re.compile(r"""(?:[.!?…]+["'”’»)\]_*]*(?=\s)|[。！？]+[」』”’）]*|\n[ \t]*\n)""")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every sentence, in order, without white space around it; never empty ones."""
    spans = []
    start = 0
    for found in _END.finditer(text):
        end = found.end()
        if found[0][0] == "." and _ABBREVIATION.search(text, max(start, found.start() - _LONGEST), found.start() + 1):
            continue
        # A mark inside speech that goes on in small letters ends no sentence: "Oh!" said she
        if found[0][0] != "\n" and text[end : end + 40].lstrip()[:1].islower():
            continue
        spans.append((start, end))
        start = end
    spans.append((start, len(text)))
    trimmed = []
    for begin, end in spans:
        piece = text[begin:end]
        begin, end = begin + len(piece) - len(piece.lstrip()), begin + len(piece.rstrip())
        if begin < end:
            trimmed.append((begin, end))
    return trimmed
