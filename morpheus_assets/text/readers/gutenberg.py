"""Title, author and language in a Project Gutenberg header; other plain texts have none."""

import re
from dataclasses import dataclass

from morpheus_assets.text.language_detection import language_named

_NAMES = {
    "title": "Title Titre Titel Título Titolo",
    "author": "Author Authors Auteur Autor Autore Verfasser",
    "language": "Language Langue Sprache Idioma Lingua Taal",
}
_FIELDS = {word.lower(): field for field, words in _NAMES.items() for word in words.split()}
_FIELD = re.compile(
    rf"^({'|'.join(' '.join(_NAMES.values()).split())})[ \t\u00a0\u202f]?:[ \t]*(\S[^\n]*(?:\n[ \t]{{2,}}\S[^\n]*)*)",
    re.M | re.I,
)
_OPENING = re.compile(
    r"Proje[ck]t Gutenberg(?:'s|’s)?(?: EBook of| Etext(?: of)?| eBook,|,)? ([^\n]+?),? (?:by|par|von|di|por) ([^\n]+)",
    re.I,
)
_QUOTED = re.compile(r"^[\"“](.+)[\"”]$")
_EDITED = re.compile(r"^(?:(?:compiled|edited|collected|written)(?: and edited)? by|by) ", re.I)
_HEAD = 12_000


@dataclass(frozen=True)
class Header:
    """Fields as written; None where the header does not give them. `language` is ISO 639-1."""

    title: str | None = None
    author: str | None = None
    language: str | None = None


def gutenberg_header(text: str) -> Header:
    """Read the header's fields from the beginning of `text`."""
    head = text[:_HEAD]
    if "gutenberg" not in head.lower() and "ebooks libres et gratuits" not in head.lower():
        return Header()
    found = {_FIELDS[name.lower()]: " ".join(value.split()) for name, value in reversed(_FIELD.findall(head))}
    opening = _OPENING.search(head[:600])
    title = found.get("title") or (opening.group(1).strip() if opening else None)
    author = found.get("author") or (opening.group(2).strip() if opening else None)
    title = _QUOTED.sub(r"\1", title) if title else None
    author = _EDITED.sub("", author) if author else None
    return Header(title, author, language_named(found.get("language", "").split("(")[0].strip()))
