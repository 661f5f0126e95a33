"""What a Project Gutenberg header says of a book: title, author, language. Other plain texts say nothing."""

import re
from dataclasses import dataclass

_FIELD = re.compile(r"^(Title|Author|Language):[ \t]*(\S[^\n]*(?:\n[ \t]{2,}\S[^\n]*)*)", re.M)
_OPENING = re.compile(r"Project Gutenberg(?:'s|’s)?(?: EBook of| Etext of|,)? ([^\n]+?),? by ([^\n]+)", re.I)
_HEAD = 12_000


@dataclass(frozen=True)
class Header:
    """Fields as written; None where the header does not give them. `language` is ISO 639-1."""

    title: str | None = None
    author: str | None = None
    language: str | None = None


_NAMES = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "finnish": "fi",
    "swedish": "sv",
    "danish": "da",
    "chinese": "zh",
    "japanese": "ja",
    "russian": "ru",
    "polish": "pl",
    "latin": "la",
    "greek": "el",
    "hungarian": "hu",
    "esperanto": "eo",
    "catalan": "ca",
    "norwegian": "no",
    "czech": "cs",
}


def gutenberg_header(text: str) -> Header:
    """Read the header's fields from the beginning of `text`."""
    head = text[:_HEAD]
    if "gutenberg" not in head.lower():
        return Header()
    found = {name.lower(): " ".join(value.split()) for name, value in reversed(_FIELD.findall(head))}
    opening = _OPENING.search(head[:600])
    title = found.get("title") or (opening.group(1).strip() if opening else None)
    author = found.get("author") or (opening.group(2).strip() if opening else None)
    return Header(title, author, _NAMES.get(found.get("language", "").split("(")[0].strip().lower()))
