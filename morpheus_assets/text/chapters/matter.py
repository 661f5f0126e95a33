"""Recognition of what stands around and between the chapters by its name: prefaces, interludes, contents lists."""

import re

from morpheus_assets.text.chapters.vocabulary import vocabulary
from morpheus_assets.text.chapters.words import title_key

_TITLED = re.compile(r"(\w[\w'’ -]{2,24}?(?: [A-Z0-9]{1,2})?)\s*(?:[:：.—–]|--| - )\s*\S")
_CAPTIONED = re.compile(r"([^\W\d_]{2,6})[\s\u3000：:·・]+\S")
_COUNTED = re.compile(
    r"(\D{2,24}?)[\s\u3000#(（［\[之其第のノ]*(?:\d{1,3}|[IVXLC]{1,6}|[一二三四五六七八九十百]{1,4})(?!\w)(.*)",
    re.DOTALL,
)
_AFTER_COUNT = re.compile(r"[)）\]］]?(?:$|\s*[:：.—–-]|[\s\u3000]+\S)")
_LONGEST_END = 45
# "END OF THE FIRST ACT": what has just ended, and no heading of what follows.
_END_OF = re.compile(
    r"(?:the)?endof(?:the)?(?:\w{0,12}?)(?:act|book|part|vol|volume|chapter|scene|canto)"
    r"|ende(?:des|der)\w{0,14}(?:akt|aufzug|buch|teil|theil|band|kapitel)|findu\w{0,14}(?:acte|livre|tome|chapitre)"
    r"|findela\w{0,14}partie|findel\w{0,14}(?:acto|libro|tomo|capitulo)|finedell\w{0,14}(?:atto|libro|volume)"
    r"|конец\w{0,14}(?:действия|части|книги|тома|главы)"
)
_PICTURES = ("illustrations", "listofillustrations", "listofplates", "listoffigures", "loi")
STORY = ("opening", "between", "ending")
"""Kinds of matter that tell the story."""
NAMED = ("front", "back", *STORY)
"""Kinds of matter that are read."""


def matter_kind(title: str) -> str | None:
    """Kind of matter that a heading without a chapter's number announces.

    "front" and "back" are text about the story; "opening" (a prologue), "between" (an interlude, a side story) and
    "ending" (an epilogue, an afterword) are pieces beside the chapters, "closing" a last chapter without a number,
    "contents" a list of chapters, "boilerplate" nothing of the story; None is any other title.
    """
    key = title_key(title)
    kinds = vocabulary().matter
    kind = kinds.get(key)
    if kind is not None:
        return kind
    opening = _TITLED.match(title)
    kind = kinds.get(title_key(opening.group(1))) if opening else None
    if kind in NAMED:
        return kind
    return _piece_kind(title) or _long_kind(key)


def lists_pictures(title: str) -> bool:
    """True for what heads a list of a book's pictures, which is printed as its list of chapters is."""
    return title_key(title) in _PICTURES


def _piece_kind(title: str) -> str | None:
    """The kind of a numbered piece ("Side Story 3", "番外二") or of one with a title in a script without capitals."""
    kinds = vocabulary().matter
    counted = _COUNTED.match(title)
    if counted and _AFTER_COUNT.match(counted.group(2)):
        kind = kinds.get(title_key(counted.group(1)))
        if kind in STORY or (kind == "front" and not title.isascii()):
            return kind
    captioned = None if title.isascii() else _CAPTIONED.match(title)
    if captioned and captioned.group(1).lower() == captioned.group(1).upper():
        kind = kinds.get(title_key(captioned.group(1)))
        return kind if kind in STORY else None
    return None


def _long_kind(key: str) -> str | None:
    if key.startswith(
        ("transcribersnote", "listofillustrations", "alsoby", "otherbooksby", "otherworksby", "praisefor")
    ):
        return "boilerplate"
    if len(key) < _LONGEST_END and _END_OF.match(key):
        return "boilerplate"
    return "contents" if key.startswith(("contentsofvol", "contentsofthe")) else None
