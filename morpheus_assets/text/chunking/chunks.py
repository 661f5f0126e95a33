"""Chapters cut into chunks: passages small enough for the smallest default model, ending where sentences end.

Chapters come from chapters/, tokens are tokens.py's. Chunks are shared by all spaces.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from hashlib import sha256
from itertools import count
from typing import Any, Protocol

from morpheus_assets.domain.content import Chunk, CutChapter, CutChunk
from morpheus_assets.text.chunking.guides import bounded, guide_of
from morpheus_assets.text.chunking.scripts import WindowCounter
from morpheus_assets.text.chunking.settings import ChunkerSettings
from morpheus_assets.text.chunking.tokens import MeasuredText, TokenCounter

_TINY = 32


class _Span(Protocol):
    @property
    def ordinal(self) -> int: ...
    @property
    def char_start(self) -> int: ...
    @property
    def char_end(self) -> int: ...


def cut_chapters(
    text: str, chapters: Iterable[_Span], settings: ChunkerSettings, known: Container[bytes] = ()
) -> Iterator[CutChapter]:
    """Each chapter in order, cut when it is asked for; deterministic.

    A chapter's chunks follow from its own text and the settings, so one whose sha256 is `known` is not cut again.
    Chunks neither begin nor end with white space and are never empty; without overlap, all that lies between two of
    them is white space.
    """
    counter = TokenCounter() if settings.by_script == "off" else WindowCounter()
    for chapter in chapters:
        body = text[chapter.char_start : chapter.char_end]
        digest = sha256(body.encode("utf-8")).digest()
        chunks = None if digest in known else [_chunk(body, *span) for span in _cut(body, settings, counter)]
        yield CutChapter(chapter.ordinal, chapter.char_start, chapter.char_end, digest, chunks)


def cut_chunks(text: str, chapters: Iterable[_Span], settings: ChunkerSettings | None = None) -> Iterator[Chunk]:
    """Chunks of all chapters in order, counted and placed through the whole text; as `cut_chapters`."""
    number = count(1)
    for chapter in cut_chapters(text, chapters, settings or ChunkerSettings()):
        for chunk in chapter.chunks or ():
            start, end = chapter.char_start + chunk.char_start, chapter.char_start + chunk.char_end
            yield Chunk(
                chapter.chapter, next(number), start, end, chunk.token_count, chunk.content_hash, chunk.body
            )  # fmt: skip


def _chunk(body: str, start: int, end: int, tokens: int) -> CutChunk:
    passage = body[start:end]
    return CutChunk(start, end, tokens, sha256(passage.encode("utf-8")).digest(), passage)


def _cut(body: str, settings: ChunkerSettings, counter: TokenCounter) -> Iterator[tuple[int, int, int]]:
    """Start, end and tokens of each chunk."""
    measured = MeasuredText(body, counter)
    plain = guide_of(body)
    guide = bounded(plain)
    # A guide has the words of its body, and a comma weighs what a full stop does; only a bounded one lacks letters.
    sizes = _Sizes(guide, measured if guide is plain else MeasuredText(guide, counter))
    splitter = _splitter(sizes, settings.max_tokens, settings.overlap_tokens)
    spans = [(at, at + len(piece)) for at, piece in splitter.chunk_indices(guide)]
    spans = [part for span in spans for part in _fitting(body, *_trimmed(body, *span), settings.max_tokens, measured)]
    if not settings.overlap_tokens:
        spans = _without_tiny(body, guide, spans, settings, measured, counter)
    for start, end in spans:
        yield start, end, measured.count(start, end)


class _Sizes:
    """Tokens of a stretch, as the splitter asks for them; the stretch is found from where it tried last."""

    def __init__(self, text: str, measured: MeasuredText) -> None:
        self._text = text
        self._measured = measured
        self._at = 0

    def __call__(self, piece: str) -> int:
        at = self._at
        if not self._text.startswith(piece, at):
            at = self._text.find(piece, at)
            self._at = at = at if at >= 0 else self._text.index(piece)
        return self._measured.count(at, at + len(piece))


def _splitter(sizes: Callable[[str], int], capacity: int, overlap: int = 0) -> Any:
    from semantic_text_splitter import TextSplitter

    return TextSplitter.from_callback(sizes, capacity, overlap=overlap, trim=False)


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    piece = body[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _fitting(body: str, start: int, end: int, limit: int, measured: MeasuredText) -> Iterator[tuple[int, int]]:
    """The span itself, or its halves where a letter that the guide had replaced made it too large."""
    if start < end and measured.count(start, end) <= limit:
        yield start, end
    elif end - start > 1:
        middle = (start + end) // 2
        yield from _fitting(body, *_trimmed(body, start, middle), limit, measured)
        yield from _fitting(body, *_trimmed(body, middle, end), limit, measured)
    elif start < end:
        yield start, end


def _without_tiny(
    body: str,
    guide: str,
    spans: list[tuple[int, int]],
    settings: ChunkerSettings,
    measured: MeasuredText,
    counter: TokenCounter,
) -> list[tuple[int, int]]:
    """Joins a passage of a few words to a neighbour, or shares a full neighbour's text with it."""
    tiny = min(_TINY, settings.max_tokens // 4)
    done: list[tuple[int, int]] = []
    for span in spans:
        if done and (measured.count(*span) < tiny or measured.count(*done[-1]) < tiny):
            start, end = done[-1][0], span[1]
            total = measured.count(start, end)
            if total <= settings.max_tokens:
                done[-1] = (start, end)
                continue
            halves = _halves(body, guide, start, end, total, measured, counter)
            if halves:
                done[-1:] = halves
                continue
        done.append(span)
    return done


def _halves(
    body: str, guide: str, start: int, end: int, total: int, measured: MeasuredText, counter: TokenCounter
) -> list[tuple[int, int]] | None:
    """Two passages of similar size in place of one; paragraphs do not count here, or the tiny one would return."""
    region = guide[start:end].replace("\n", " ")
    for tenths in (6, 7, 8):
        pieces = _splitter(counter.count, total * tenths // 10).chunk_indices(region)
        spans = [_trimmed(body, start + at, start + at + len(piece)) for at, piece in pieces]
        if len(spans) == 2 and min(measured.count(*span) for span in spans) >= total // 6:
            return spans
    return None
