"""Chapters of a novel that is a folder of files: each file is one, or holds several.

Each file is read by itself, as find.py reads a whole novel; this module decides what its headings divide.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from morpheus_assets.domain.content import Chapter, HeadingHint
from morpheus_assets.text.chapters.boilerplate import Body, find_body
from morpheus_assets.text.chapters.full_titles import TitlesBelow, full_title, titles_below
from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.heading import CONTAINERS, Heading
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.lines import clean
from morpheus_assets.text.chapters.matter import NAMED, matter_kind
from morpheus_assets.text.documents import Document

FILE = "file"
"""Source of the hint that stands where a file of the folder begins; its text is the file's name."""
FILE_LEVEL = 10
_LONGEST_STORY = 80_000
_INNER = frozenset({"scene", "section", "poem"})
_EDGE = 400
_MOST_VOLUMES = 100
_LONGEST_TITLE = 120
_LONGEST_HEADING, _LONGEST_NUMBER = 300, 12
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_PROSE_END = '.!?…。！？,;:，；"”’»」'
_NUMBER_IN_FRONT = re.compile(r"^(?:(?:ch|chap|c|ep)\.?[ _-]*)?[\[(#]?\d+(?:\.\d+)?[\])]?(?:[ ._:–—-]+|$)", re.I)
_FRONT = ("front", "opening")
_BACK = ("back", "ending")
_SHORTEST_STRAY = 200

Heads = Callable[[Document, Body], tuple[Sequence[Hit], Sequence[Hit]]]
"""Gives a file's chapter headings, and every candidate."""
Pieces = Callable[[Document], list[Chapter]]
Titled = tuple[str, str | None, int, int]
"""Title, kind of matter, start and end of a piece."""


@dataclass(frozen=True)
class _File:
    name: str
    start: int
    document: Document
    body: Body
    heads: Sequence[Hit]
    hits: Sequence[Hit]

    @property
    def opening(self) -> Hit | None:
        """The heading at the file's beginning: a chapter's, or that of a named piece."""
        named = [hit for hit in self.hits[:3] if hit.matter in NAMED and hit.quality >= 0.7]
        first = min([*self.heads[:1], *named, *self._first_line()], key=lambda hit: hit.start, default=None)
        return first if first and not self._prose_before(first.start) else None

    @property
    def limit(self) -> int:
        """Where the file's second heading stands, or its end."""
        return self.heads[1].start if len(self.heads) > 1 else self.body.end

    def _first_line(self) -> list[Hit]:
        """The first line that holds anything, if its words are a heading's: here it needs no others like it."""
        text, (start, end) = self.document.text, self.body
        line = _LINE.search(text, start, end)
        words = clean(line.group()) if line else ""
        if line is None or not words or len(words) > _LONGEST_HEADING:
            return []
        parsed, matter = parse_heading(words), matter_kind(words)
        if parsed is not None and (not parsed.unit or words.endswith(tuple(_PROSE_END))):
            # "I." and "Chapter 1." are headings, "One day …" is none
            parsed = parsed if len(words) <= _LONGEST_NUMBER or parsed.unit else None
        return [Hit(line.start(), line.end(), words, parsed, 1.0, 2, 2, matter)] if parsed or matter else []

    def _prose_before(self, place: int) -> bool:
        return len(self.document.text[self.body.start : place].strip()) > _EDGE


def is_folder(document: Document) -> bool:
    """True for a document that was joined from the files of a folder."""
    return any(hint.source == FILE for hint in document.hints)


def pieces_of_files(document: Document, heads_of: Heads, pieces_of: Pieces) -> list[tuple[str, str, int, int]]:
    """(kind, title, start, end) of the novel's pieces, in order; `heads_of` and `pieces_of` read a single file."""
    files = list(_files(document, heads_of))
    names = _names(files)
    counts_on = _counts_on(files)
    pieces: list[Titled] = []
    hold = [_holds_chapters(file, name, counts_on) for file, name in zip(files, names, strict=True)]
    whole = [file for file, several in zip(files, hold, strict=True) if not several]
    below = titles_below([(file.document.text, file.opening, file.limit) for file in whole if file.opening is not None])
    for file, name, several in zip(files, names, hold, strict=True):
        pieces += _inner_pieces(file, name, pieces_of) if several else _whole_file(file, name, below)
    if 1 < len(files) <= _MOST_VOLUMES and any(hold) and not all(hold):
        # Chapters that only a number heads are told from page and section numbers by where they began, in another file.
        together = replace(document, hints=tuple(hint for hint in document.hints if hint.source != FILE))
        heads, _ = heads_of(together, find_body(document.text))
        if len(heads) > 1.2 * len(pieces) and all(hit.parsed is not None for hit in heads):
            return [(piece.kind, piece.title, piece.char_start, piece.char_end) for piece in pieces_of(together)]
    return _placed(pieces)


def _files(document: Document, heads_of: Heads) -> list[_File]:
    marks = sorted((hint for hint in document.hints if hint.source == FILE), key=lambda hint: hint.char_offset)
    others = sorted((hint for hint in document.hints if hint.source != FILE), key=lambda hint: hint.char_offset)
    edges = [*(mark.char_offset for mark in marks[1:]), len(document.text)]
    files, at = [], 0
    for mark, end in zip(marks, edges, strict=True):
        start = mark.char_offset
        inside: list[HeadingHint] = []
        while at < len(others) and others[at].char_offset < end:
            inside.append(replace(others[at], char_offset=others[at].char_offset - start))
            at += 1
        piece = replace(document, text=document.text[start:end], hints=tuple(inside), origins=None)
        body = find_body(piece.text)
        files.append(_File(mark.text, start, piece, body, *heads_of(piece, body)))
    return files


def _names(files: Sequence[_File]) -> list[str]:
    """The files' names without what stands at the beginning of all of them, which is the book's title."""
    names = [file.name for file in files]
    if len(names) < 3:
        return names
    first, last = min(names), max(names)
    common = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    cut = max((match.end() for match in re.finditer(r"[\W_]+", first[:common])), default=0)
    rest = [name[cut:].strip(" -_–—") for name in names]
    # "Chapter 1" and "Chapter 2" have a word in common that belongs to both.
    if cut == 0 or not all(rest) or parse_heading(first[:cut] + "1") is not None:
        return names
    return rest


def _counts_on(files: Sequence[_File]) -> bool:
    """True if the numbers within the files go on from file to file, as chapters do and sections of a chapter don't."""
    ranges = [
        (numbers[0], numbers[-1])
        for file in files
        if len(numbers := [hit.number for hit in file.heads if hit.number is not None]) > 1
    ]
    rising = sum(after[0] > before[1] for before, after in pairwise(ranges))
    return len(ranges) > 1 and rising >= 0.8 * (len(ranges) - 1)


def _holds_chapters(file: _File, name: str, counts_on: bool) -> bool:
    inner = [hit for hit in file.heads if hit.matter is None]
    if len(inner) < 2:
        return False
    units = Counter(hit.unit for hit in inner)
    chapters = {hit.number for hit in inner if hit.unit not in ("", *_INNER, *CONTAINERS)}
    if len(chapters) > 1:
        return True
    said = _said(file, name)
    if said is not None and said.unit in CONTAINERS:
        return True
    if said is not None and said.unit and said.unit not in units:
        return False
    numbered = units[""] == len(inner) and all(hit.number is not None for hit in inner)
    if numbered and counts_on:
        return True
    return len(file.document.text) > _LONGEST_STORY


def _said(file: _File, name: str) -> Heading | None:
    """What the file calls itself, by its name or else by its first heading."""
    named = parse_heading(name)
    if named is not None and named.unit:
        return named
    return file.opening.parsed if file.opening is not None else named


def _inner_pieces(file: _File, name: str, pieces_of: Pieces) -> list[Titled]:
    pieces = []
    for chapter in pieces_of(file.document):
        matter = {"front": "opening", "back": "ending"}.get(chapter.kind)
        title = name if chapter.title in ("Front matter", "Back matter") else chapter.title
        pieces.append((title, matter, file.start + chapter.char_start, file.start + chapter.char_end))
    return pieces


def _whole_file(file: _File, name: str, below: TitlesBelow) -> list[Titled]:
    text, start, end = file.document.text, *file.body
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    title, matter = _title(file, name, start, below)
    if start == end or matter in ("contents", "boilerplate"):
        return []
    return [(title, matter, file.start + start, file.start + end)]


def _title(file: _File, name: str, start: int, below: TitlesBelow) -> tuple[str, str | None]:
    text, opening = file.document.text, file.opening
    if opening is not None and not (_is_inner(opening) and sum(map(_is_inner, file.heads)) > 1):
        return full_title(text, opening, file.limit, below), opening.matter or matter_kind(opening.text)
    number = _NUMBER_IN_FRONT.match(name)
    bare = clean(name[number.end() :] if number else name)
    matter = matter_kind(name) or matter_kind(bare)
    if matter is None and file.document.hints and (hint := file.document.hints[0]).char_offset <= start + _EDGE:
        heading = clean(" ".join(hint.text.split()))
        counted = parse_heading(heading)
        if heading and len(heading) <= _LONGEST_TITLE and (counted is None or counted.unit not in ("", *_INNER)):
            return heading, matter_kind(heading)
    if bare or matter is not None:
        return bare or name, matter
    end = text.find("\n", start)
    line = clean(text[start : end if end >= 0 else len(text)][: _LONGEST_TITLE + 1])
    alone = end >= 0 and not text[end + 1 : end + 2].strip()
    if alone and line and len(line) <= _LONGEST_TITLE and not line.endswith(tuple(_PROSE_END)):
        return line, matter_kind(line)
    return f"Chapter {name.lstrip('0') or name}" if name.isdecimal() else name, None


def _is_inner(hit: Hit) -> bool:
    """True for what numbers the sections of a chapter."""
    return hit.parsed is not None and hit.parsed.unit in ("", *_INNER)


def _placed(pieces: Sequence[Titled]) -> list[tuple[str, str, int, int]]:
    """Pieces of the story's front and back are those at its edges; within it they are chapters."""
    inner = [i for i, (_, matter, _, _) in enumerate(pieces) if matter not in (*_FRONT, *_BACK)]
    first, last = (inner[0], inner[-1]) if inner else (0, len(pieces) - 1)
    placed: list[tuple[str, str, int, int]] = []
    for index, (title, matter, start, end) in enumerate(pieces):
        kind = "front" if index < first else "back" if index > last else "chapter"
        if placed and kind == "chapter" and matter is not None and end - start < _SHORTEST_STRAY:
            # a volume's title page between two chapters: it stays text, and makes no chapter
            before = placed[-1]
            placed[-1] = (*before[:3], end)
            continue
        placed.append((kind, title, start, end))
    return placed
