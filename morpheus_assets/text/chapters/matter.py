"""Recognition of what surrounds the chapters by its name: prefaces, epilogues, contents lists, imprints."""

import re

from morpheus_assets.text.chapters.vocabulary import vocabulary
from morpheus_assets.text.chapters.words import title_key

_TITLED = re.compile(r"(\w[\w ]{4,18}?(?: [A-Z0-9]{1,2})?)\s*(?:[:.—–]|--| - )\s*\S")


def matter_kind(title: str) -> str | None:
    """Kind of matter that a heading without a number announces.

    "front" and "back" are story-like text outside the chapters, "closing" a last chapter without a number,
    "contents" a list of chapters, "boilerplate" nothing of the story; None is any other title.
    """
    key = title_key(title)
    kinds = vocabulary().matter
    kind = kinds.get(key)
    if kind is None:
        opening = _TITLED.match(title)
        kind = kinds.get(title_key(opening.group(1))) if opening else None
        return kind if kind in ("front", "back") else _long_kind(key)
    return kind


def _long_kind(key: str) -> str | None:
    if key.startswith(("transcribersnote", "listofillustrations")):
        return "boilerplate"
    return "contents" if key.startswith(("contentsofvol", "contentsofthe")) else None
