"""A novel's text as the readers hand it on: characters, heading hints and the place of each in the source.

Reading files is formats.py's, finding chapters is chapters/. Of the source only offsets and line starts are kept,
never the markup itself.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from morpheus_assets.domain.content import HeadingHint

_NOT_NEGATIVE = "q"


@dataclass(frozen=True)
class SourcePosition:
    """A place in the decoded, LF-normalised source: 1-based line, 0-based character offset.

    For an EPUB, `href` is the file inside the book and `spine_index` its 0-based place in the reading order.
    """

    line: int
    char_offset: int
    href: str | None = None
    spine_index: int | None = None


@dataclass(frozen=True)
class SourcePart:
    """One source file: the only one, or one file of an EPUB's spine."""

    length: int
    line_starts: Sequence[int]
    href: str | None = None
    spine_index: int | None = None

    @classmethod
    def of(cls, source: str, href: str | None = None, spine_index: int | None = None) -> "SourcePart":
        """Measure `source`, which must be LF-normalised already."""
        starts = array(_NOT_NEGATIVE, [0])
        position = source.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = source.find("\n", position + 1)
        return cls(len(source), starts, href, spine_index)


@dataclass(frozen=True)
class OriginMap:
    """Anchors (text offset, part, source offset), ascending in all three; between anchors counted on."""

    parts: Sequence[SourcePart]
    text_offsets: Sequence[int]
    part_indexes: Sequence[int]
    source_offsets: Sequence[int]

    @classmethod
    def identity(cls, text: str) -> "OriginMap":
        """The text is its own source."""
        return cls((SourcePart.of(text),), (0,), (0,), (0,))

    @classmethod
    def of(cls, parts: Sequence[SourcePart], anchors: Iterable[tuple[int, int, int]]) -> "OriginMap":
        """Build from (text_offset, part_index, source_offset); what would step backwards is left out."""
        texts, indexes, sources = array(_NOT_NEGATIVE), array(_NOT_NEGATIVE), array(_NOT_NEGATIVE)
        for text_offset, part, source_offset in sorted(anchors, key=lambda anchor: anchor[0]):
            if texts and (part, source_offset) < (indexes[-1], sources[-1]):
                continue
            if texts and text_offset == texts[-1]:
                indexes[-1], sources[-1] = part, source_offset
                continue
            texts.append(text_offset)
            indexes.append(part)
            sources.append(source_offset)
        if not texts:
            texts.append(0)
            indexes.append(0)
            sources.append(0)
        return cls(tuple(parts), texts, indexes, sources)

    def position(self, char_offset: int) -> SourcePosition:
        """The source place of `char_offset`; exact at anchors, never running past the next one."""
        if char_offset < 0:
            raise ValueError(f"A text offset cannot be negative: {char_offset}.")
        found = max(bisect_right(self.text_offsets, char_offset) - 1, 0)
        part = self.parts[self.part_indexes[found]]
        limit = part.length
        if found + 1 < len(self.text_offsets) and self.part_indexes[found + 1] == self.part_indexes[found]:
            limit = self.source_offsets[found + 1]
        distance = max(char_offset - self.text_offsets[found], 0)
        offset = min(self.source_offsets[found] + distance, limit)
        return SourcePosition(bisect_right(part.line_starts, offset), offset, part.href, part.spine_index)


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
