"""Collects paragraphs and headings of a format that has no lines of its own, and makes the Document of them."""

from dataclasses import dataclass, field

from morpheus_assets.text.cleaning import clean
from morpheus_assets.text.documents import Document, HeadingHint
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.language_detection import language_of

MAX_TEXT = 96 * 1024 * 1024
"""Characters that one book may become; the longest novels in print have 10 million."""


@dataclass
class Blocks:
    """Paragraphs apart by a blank line, with hints; `source` names where the headings come from."""

    source: str
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    hints: list[HeadingHint] = field(default_factory=list)
    cleaned: dict[str, None] = field(default_factory=dict)

    def add(self, text: str, *, level: int = 0, role: str = "") -> None:
        """A paragraph, or a heading of `level` from 1; empty ones are left out."""
        text, repairs = clean(text)
        self.cleaned.update(dict.fromkeys(repairs))
        text = "\n".join(line.strip(" \t") for line in text.split("\n")).strip()
        if not text:
            return
        if self.pieces:
            self.pieces.append("\n\n")
            self.length += 2
        if level:
            self.hints.append(HeadingHint(self.length, level, " ".join(text.split()), self.source, role))
        self.pieces.append(text)
        self.length += len(text)
        if self.length > MAX_TEXT:
            raise UnreadableText(f"holds more than {MAX_TEXT // 2**20} million characters: split it into volumes.")

    def document(
        self,
        name: str,
        encoding: str,
        *,
        repairs: tuple[str, ...] = (),
        language: str | None = None,
        title: str | None = None,
        author: str | None = None,
    ) -> Document:
        """The document; source positions are offsets into the text. `name` is the format's."""
        text = "".join(self.pieces)
        return Document(
            text,
            name,
            encoding,
            (*repairs, *self.cleaned),
            language_of(text, language),
            " ".join((title or "").split()) or None,
            " ".join((author or "").split()) or None,
            tuple(self.hints),
        )
