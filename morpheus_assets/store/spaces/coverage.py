"""Coverage: the passages or panels that have a vector in a space, were refused, or are missing; by novel and in all.

Only reads. A hash that occurs in several novels counts in each of them, and once in the totals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable, Composed

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.store.content.contexts import TITLES_BEFORE
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.statistics import TableSize
from morpheus_assets.store.database.transactions import Bind, autocommit, reading
from morpheus_assets.store.spaces.vectors import vectors_of

queries = load_queries(__file__)

_PAGE = 500

# By SpaceRow.inputs.
_NEEDED = {
    "text": queries.needed_texts,
    "titled": queries.needed_in_context,
    "window": queries.needed_in_context,
    "image": queries.needed_images,
    "sentence": queries.needed_sentences,
}
_MISSING = {
    "text": queries.missing_texts,
    "titled": queries.missing_titled,
    "window": queries.missing_windows,
    "image": queries.missing_images,
    "sentence": queries.missing_sentences,
}
_TOKENS = {
    "text": queries.tokens_of_text,
    "titled": queries.tokens_in_context,
    "window": queries.tokens_in_context,
    "image": queries.tokens_of_image,
    "sentence": queries.tokens_of_image,
}
_SIZE = {
    "text": queries.size_of_text,
    "titled": queries.size_in_context.format(titles=TITLES_BEFORE),
    "window": queries.size_in_context.format(titles=queries.no_titles),
    "image": queries.size_of_image,
}


@dataclass(frozen=True)
class MissingInput:
    """Something that lacks a vector: `content` is a passage's body, or a panel's path within `novel`'s folder.

    A region has its page's `entry` within the file at that path, the hash of the page's bytes, its `box` (left, top,
    right, bottom) in pixels of the upright page, and the ordinal of the page; where the box is lower than the page it
    goes on in the `following` ones: [path, entry, hash in hex].
    `tries` is how often it was sent in vain within a day, `together` how many were in its last request then.
    Passages with the same `window` are embedded together, in this order, those too that have a vector.
    """

    content_hash: bytes
    novel: str
    content: str
    token_count: int
    tries: int = 0
    together: int = 0
    entry: str = ""
    page_hash: bytes | None = None
    box: list[int] | None = None
    page: int = 0
    following: list[list[str]] | None = None
    window: bytes | None = None

    @property
    def unit(self) -> bytes:
        """The hash of what it is embedded with: its window's, or its own."""
        return self.window or self.content_hash


@dataclass(frozen=True)
class NovelCoverage:
    """Distinct hashes of one novel in one space; `missing_tokens` is by the chunker's own count (0 for panels).

    `batched` are those of the missing ones that a batch job will bring.
    """

    novel: str
    needed: int
    present: int
    refused: int
    missing: int
    missing_tokens: int
    batched: int = 0

    @property
    def to_send(self) -> int:
        """The missing ones that nobody has sent."""
        return self.missing - self.batched


@dataclass(frozen=True)
class NovelGap:
    """One novel that is not whole in a space: the number of distinct inputs that lack a vector, and their size.

    An input that several novels lack is counted with the one that came first, so `inputs` may be 0. `word_pieces`
    is by the chunker's own count, `octets` by UTF-8; all sizes are 0 for panels.
    """

    novel: str
    inputs: int
    word_pieces: int
    characters: int
    octets: int


@dataclass(frozen=True)
class Coverage:
    """A space's coverage: totals over distinct hashes, and each novel's own."""

    key: str
    needed: int
    present: int
    refused: int
    missing: int
    missing_tokens: int
    batched: int
    novels: tuple[NovelCoverage, ...] = ()

    @property
    def whole(self) -> bool:
        """True when nothing is missing; what was refused does not count as missing."""
        return self.missing == 0

    @property
    def to_send(self) -> int:
        """The missing ones that nobody has sent."""
        return self.missing - self.batched


def coverage(bind: Bind, space: SpaceRow, novels: Sequence[str] | None = None) -> Coverage:
    """The coverage of a space by all novels, or by those named."""
    with reading(bind) as connection, connection.pipeline():
        counted = count_coverage(connection, space, novels)
    return counted()


def novel_coverage(
    bind: Bind, space: SpaceRow, novels: Sequence[str], *, size: TableSize | None = None
) -> list[NovelCoverage]:
    """The coverage of each of some novels that have content, without totals; `size` is asked by the way."""
    with reading(bind) as connection, connection.pipeline():
        found = _ask_by_novel(connection, space, novels)
        if size is not None:
            size.ask(connection)
    return found.fetchall()


def count_coverage(
    connection: psycopg.Connection[Any], space: SpaceRow, novels: Sequence[str] | None = None
) -> Callable[[], Coverage]:
    """As `coverage`, asked now and known later: for a pipeline, after whose end the answer may be called for."""
    by_novel = _ask_by_novel(connection, space, novels)
    if novels is not None and len(novels) == 1:

        def of_one() -> Coverage:
            found = by_novel.fetchall()
            row = found[0] if found else NovelCoverage("", 0, 0, 0, 0, 0)
            counted = (row.needed, row.present, row.refused, row.missing, row.missing_tokens, row.batched)
            return Coverage(space.key, *counted, tuple(found))

        return of_one
    in_all = count_totals(connection, space, novels)
    return lambda: replace(in_all(), novels=tuple(by_novel.fetchall()))


def count_totals(
    connection: psycopg.Connection[Any], space: SpaceRow, novels: Sequence[str] | None = None
) -> Callable[[], Coverage]:
    """As `count_coverage`, without each novel's own."""
    wanted = {"space": space.id, "novels": None if novels is None else list(novels), **_kind(space)}
    in_all = connection.execute(_over(queries.coverage_in_all, space), wanted)
    return lambda: Coverage(space.key, *(in_all.fetchone() or (0, 0, 0, 0, 0, 0)))


def _ask_by_novel(
    connection: psycopg.Connection[Any], space: SpaceRow, novels: Sequence[str] | None
) -> psycopg.Cursor[NovelCoverage]:
    wanted = {"space": space.id, "novels": None if novels is None else list(novels), **_kind(space)}
    cursor = connection.cursor(row_factory=class_row(NovelCoverage))
    return cursor.execute(_over(queries.coverage_of_novels, space), wanted)


def missing_count(connection: psycopg.Connection[Any], space: SpaceRow) -> int:
    """The number of distinct hashes that lack a vector in a space and were not refused."""
    query = _over(queries.coverage_in_all, space)
    row = connection.execute(query, {"space": space.id, "novels": None, **_kind(space)}).fetchone()
    return int(row[3]) if row else 0


def missing_page(
    connection: psycopg.Connection[Any], space: SpaceRow, novel: str, after: bytes, limit: int = _PAGE
) -> list[MissingInput]:
    """The next `limit` inputs of one novel that lack a vector, by content hash; or windows, by theirs, as a whole."""
    lacking = queries.lacking.format(table=vectors_of(space))
    query = _MISSING[space.inputs].format(lacking=lacking, in_vain=queries.unanswered_today, titles=TITLES_BEFORE)
    with connection.cursor(row_factory=class_row(MissingInput)) as cursor:
        wanted = {"novel": novel, "after": after, "limit": limit, "space": space.id, **_kind(space)}
        return cursor.execute(query, wanted).fetchall()


def gaps(bind: Bind, purpose: str, space: SpaceRow | None, *, of: Space | None = None) -> list[NovelGap]:
    """The novels that lack vectors in a space, the oldest first; all of them for a space that is not stored yet.

    `of` is the space where it is not stored: what it would see.
    """
    seen = space or of
    inputs = seen.inputs if seen is not None else purpose
    lacking: Composable = queries.everything
    if space is not None:
        lacking = queries.lacking.format(table=vectors_of(space))
    query = queries.gaps.format(needed=_NEEDED[inputs], lacking=lacking, size=_SIZE[inputs])
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(NovelGap)) as cursor:
        return cursor.execute(query, {"space": space.id if space else None, **_kind(seen)}).fetchall()


def _kind(space: Space | None) -> dict[str, object]:
    """Parameters of which inputs a space is for."""
    return {"shaping": space.shaping if space else 1, "context": space.context if space else ""}


def _over(statement: SQL, space: SpaceRow) -> Composed:
    counts = queries.coverage_counts.format(table=vectors_of(space), tokens=_TOKENS[space.inputs])
    return statement.format(needed=_NEEDED[space.inputs], counts=counts)
