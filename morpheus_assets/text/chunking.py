"""Cuts chapters into chunks: passages small enough for the smallest default model, ending where sentences end.

Which chapters there are is chapters.py's; what a token is, tokens.py's. Chunks are shared by all spaces.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version as package_version
from typing import Any, Protocol

from morpheus_assets.text.tokens import TOKENIZER_NAME, TokenCounter

# all-MiniLM-L6-v2 reads 256 tokens, two of which are its own marks; what is beyond is cut off silently.
DEFAULT_MAX_TOKENS = 254
RULES_VERSION = 1
"""Raised when the same settings would cut the same text elsewhere: every chunk is then embedded anew."""

_TINY = 32
_ENDS = ".!?:;…。．！？；：」』”’\"')]）】》*—–-"
_WRAP = re.compile(rf"(?<![{re.escape(_ENDS)}\s])([ \t]*)\n(?=[ \t]*[^\s])")
_BLANK = re.compile(r"\n[ \t]*\n\s*")
# What the splitter surely takes for the end of a sentence; it weighs longer stretches word by word, in time that
# grows with their square (1 MB without a full stop took minutes), so those get a boundary every 4,000 letters.
_SURE_END = re.compile(r"\n|[!?。！？．]+|\.[\"”’')]*\s+[\"“‘(]*[A-Z]")
_STRETCH, _ROOM = 4000, 200
_ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Messrs|Dr|St|Rev|Prof|Capt|Col|Gen|Lieut|Lt|Sgt|Hon|Esq|MM|Mme|Mlle|Mlles|Hr|Fr|Sr|Sra|No|Vol"
    r"|[A-Z])(\.)(?=\s)"
)


class _Span(Protocol):
    @property
    def ordinal(self) -> int: ...
    @property
    def char_start(self) -> int: ...
    @property
    def char_end(self) -> int: ...


@dataclass(frozen=True)
class Chunk:
    """A passage: `text[char_start:char_end] == body`, and `content_hash` is the sha256 of body in UTF-8.

    `chapter` is the chapter's ordinal; `ordinal` counts from 1 through the novel; `token_count` is tokens.py's.
    """

    chapter: int
    ordinal: int
    char_start: int
    char_end: int
    token_count: int
    content_hash: bytes
    body: str


@dataclass(frozen=True)
class ChunkerSettings:
    """How large chunks may be and how many tokens neighbours share; one setting for all spaces."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    overlap_tokens: int = 0

    def __post_init__(self) -> None:
        if self.max_tokens < 16:
            raise ValueError(f"A chunk of at most {self.max_tokens} tokens is too small: allow 16 or more.")
        if not 0 <= self.overlap_tokens <= self.max_tokens // 2:
            raise ValueError(
                f"An overlap of {self.overlap_tokens} tokens is too large for {self.max_tokens}: use half at most."
            )

    def version(self) -> str:
        """Everything that decides where chunks end. If it changes, the text has to be embedded anew."""
        return (
            f"semantic-text-splitter {package_version('semantic-text-splitter')}; {TOKENIZER_NAME}; "
            f"rules={RULES_VERSION}; max={self.max_tokens}; overlap={self.overlap_tokens}"
        )


def cut_chunks(text: str, chapters: Sequence[_Span], settings: ChunkerSettings | None = None) -> Iterator[Chunk]:
    """Chunks of all chapters in order, made one chapter at a time; deterministic.

    Chunks neither begin nor end with white space and are never empty; without overlap, all that lies between
    two chunks of a chapter is white space.
    """
    settings = settings or ChunkerSettings()
    counter = TokenCounter()
    ordinal = 0
    for chapter in chapters:
        body = text[chapter.char_start : chapter.char_end]
        for start, end in _cut(body, settings, counter):
            ordinal += 1
            passage = body[start:end]
            yield Chunk(
                chapter.ordinal,
                ordinal,
                chapter.char_start + start,
                chapter.char_start + end,
                counter.count(passage),
                sha256(passage.encode("utf-8")).digest(),
                passage,
            )


def _cut(body: str, settings: ChunkerSettings, counter: TokenCounter) -> Iterator[tuple[int, int]]:
    counter.learn(body)
    guide = _guide(body)
    splitter = _splitter(counter, settings.max_tokens, settings.overlap_tokens)
    spans = [(at, at + len(piece)) for at, piece in splitter.chunk_indices(guide)]
    spans = [part for span in spans for part in _fitting(body, *_trimmed(body, *span), settings.max_tokens, counter)]
    return iter(spans if settings.overlap_tokens else _without_tiny(body, guide, spans, settings, counter))


def _guide(body: str) -> str:
    """`body` as the splitter should see it, character for character in the same places.

    A line that merely wraps is no boundary (else passages end in mid-sentence, at the margin), three blank lines
    are no stronger than one (else a heading stands alone), and "Mr." ends no sentence.
    """
    guide = _BLANK.sub(lambda gap: "\n\n" + " " * (len(gap.group()) - 2), body)
    guide = _WRAP.sub(lambda wrap: wrap.group(1) + " ", guide)
    guide = _ABBREVIATION.sub(lambda found: found.group()[:-1] + ",", guide)
    return _bounded(guide)


def _bounded(guide: str) -> str:
    pieces: list[str] = []
    done = last = 0
    for end in (*(found.end() for found in _SURE_END.finditer(guide)), len(guide)):
        while end - last > 2 * _STRETCH:
            last += _STRETCH
            blank = guide.find(" ", last, last + _ROOM)
            last = blank if blank >= 0 else last
            pieces += (guide[done:last], "\n")
            done = last + 1
        last = end
    return "".join(pieces) + guide[done:] if pieces else guide


def _splitter(counter: TokenCounter, capacity: int, overlap: int = 0) -> Any:
    from semantic_text_splitter import TextSplitter

    return TextSplitter.from_callback(lambda text: counter.count(text, capacity), capacity, overlap=overlap, trim=False)


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    piece = body[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _fitting(body: str, start: int, end: int, limit: int, counter: TokenCounter) -> Iterator[tuple[int, int]]:
    """The span itself, or its halves where a letter that the guide had replaced made it too large."""
    if start < end and counter.count(body[start:end], limit) <= limit:
        yield start, end
    elif end - start > 1:
        middle = (start + end) // 2
        yield from _fitting(body, *_trimmed(body, start, middle), limit, counter)
        yield from _fitting(body, *_trimmed(body, middle, end), limit, counter)
    elif start < end:
        yield start, end


def _without_tiny(
    body: str, guide: str, spans: list[tuple[int, int]], settings: ChunkerSettings, counter: TokenCounter
) -> list[tuple[int, int]]:
    """Joins a passage of a few words to a neighbour, or shares a full neighbour's text with it."""
    tiny = min(_TINY, settings.max_tokens // 4)
    done: list[tuple[int, int]] = []
    for span in spans:
        if done and (_count(body, span, counter) < tiny or _count(body, done[-1], counter) < tiny):
            start, end = done[-1][0], span[1]
            total = counter.count(body[start:end])
            if total <= settings.max_tokens:
                done[-1] = (start, end)
                continue
            halves = _halves(body, guide, start, end, total, counter)
            if halves:
                done[-1:] = halves
                continue
        done.append(span)
    return done


def _halves(
    body: str, guide: str, start: int, end: int, total: int, counter: TokenCounter
) -> list[tuple[int, int]] | None:
    """Two passages of similar size in place of one; paragraphs do not count here, or the tiny one would return."""
    region = guide[start:end].replace("\n", " ")
    for tenths in (6, 7, 8):
        pieces = _splitter(counter, total * tenths // 10).chunk_indices(region)
        spans = [_trimmed(body, start + at, start + at + len(piece)) for at, piece in pieces]
        if len(spans) == 2 and min(_count(body, span, counter) for span in spans) >= total // 6:
            return spans
    return None


def _count(body: str, span: tuple[int, int], counter: TokenCounter) -> int:
    return counter.count(body[span[0] : span[1]])
