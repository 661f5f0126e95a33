"""A novel's text as everything after the readers sees it: characters, heading hints and where they came from.

No reading of files here (formats.py) and no finding of chapters (chapters.py).
"""

from dataclasses import dataclass, field

from morpheus_assets.domain.content import HeadingHint
from morpheus_assets.text.origins import OriginMap, SourcePosition

__all__ = ["Document", "HeadingHint", "OriginMap", "SourcePosition"]


@dataclass(frozen=True)
class Document:
    """Decoded, NFC, LF text with what is known about it.

    `repairs` are sentences about what was mended on the way; `language` is ISO 639-1, or "und".
    """

    text: str
    format: str
    encoding: str
    repairs: tuple[str, ...] = ()
    language: str = "und"
    title: str | None = None
    author: str | None = None
    hints: tuple[HeadingHint, ...] = ()
    origins: OriginMap | None = field(default=None, repr=False, compare=False)

    def source_position(self, char_offset: int) -> SourcePosition:
        """Line and offset of a text offset in the decoded, LF-normalised source file.

        Exact for headings and monotone elsewhere; without an origin map the text is its own source.
        """
        origins = self.origins or OriginMap.identity(self.text)
        return origins.position(char_offset)
