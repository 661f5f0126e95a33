"""Search: the passages or panels nearest to a question, by vector, by words, or by both; with where they stand.

The question's vector comes from the caller, made by the model of the space that is searched: two models never mix.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import Composable, Composed, Identifier

from morpheus_assets.domain.content import NovelNames
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.errors import SpaceError, SpaceGone
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction
from morpheus_assets.store.search.nearest import Nearest, nearest_among, nearest_within, vector_text
from morpheus_assets.store.search.words import rank_by_words
from morpheus_assets.store.spaces.spaces import active_space

queries = load_queries(__file__)

# Reciprocal rank fusion's usual constant: how little the first place is worth more than the second.
_RRF = 60
_POOL = 40
# So many vectors of 3072 dimensions take 130 ms of CPU exactly. The index is no faster there: it must bring many times
# what is asked for, as most of what it finds lies outside the filter.
_LARGEST_EXACT = 20_000


@dataclass(frozen=True)
class TextHit:
    """One passage. `similarity` is the cosine to the question's vector, None without either vector.

    `vector_rank` and `text_rank` are its places (from 1) in the two lists, None where it is in only one;
    `score` is what `rank` goes by: fused reciprocal ranks, or the list's own measure when there is one list.
    """

    novel: str
    title: str | None
    chapter: int
    chapter_title: str | None
    ordinal: int
    char_start: int
    char_end: int
    body: str
    similarity: float | None
    rank: int
    vector_rank: int | None
    text_rank: int | None
    score: float
    content_hash: bytes


@dataclass(frozen=True)
class PanelHit:
    """One page by its best region: `similarity` is the cosine of that to the question's vector.

    `path` is the file's below panels/, `entry` the page's name within it ("" for a picture of its own), `page` its
    ordinal from 1 and `region` the region's on the page. `box` is (left, top, right, bottom) in pixels of the page,
    `width` and `height` are the region's, `page_width` and `page_height` the page's.
    """

    novel: str
    path: str
    similarity: float
    rank: int
    width: int | None
    height: int | None
    content_hash: bytes
    entry: str = ""
    page: int = 0
    region: int = 0
    kind: str = "page"
    box: tuple[int, int, int, int] | None = None
    page_width: int | None = None
    page_height: int | None = None


def search_text(
    bind: Bind,
    query_vector: Any = None,
    query_text: str | None = None,
    *,
    space: SpaceRow | None = None,
    k: int = 10,
    novel: NovelNames | None = None,
    chapter: int | None = None,
    mode: str = "hybrid",
) -> list[TextHit]:
    """The k best passages, of some novels and one chapter number if so filtered; each place of a repeated one.

    `query_vector` is a sequence of floats from the model of `space` (default: the active space). `mode` is "hybrid"
    (what of vector and text is given), "vector" or "text". Raises SpaceError for a vector of other dimensions, and
    SpaceGone when `space` was dropped: read the pointer again.
    """
    use_vector = query_vector is not None and mode in ("hybrid", "vector")
    use_text = bool(query_text and query_text.strip()) and mode in ("hybrid", "text")
    if mode not in ("hybrid", "vector", "text") or not (use_vector or use_text):
        raise ValueError(f"mode {mode!r} needs a query vector, a query text, or both for 'hybrid'")
    within, parameters = _filter(novel, chapter)
    space = _space_for(bind, "text", space, query_vector)
    vector = vector_text(query_vector) if query_vector is not None else None
    pool = max(_POOL, 4 * k) if use_text else k
    # How an index is scanned is set for a transaction.
    connected = reading if space is None or space.index_kind is None else transaction
    try:
        with connected(bind) as connection:
            by_vector: Nearest = []
            by_text: Nearest = []
            if use_vector and space is not None and vector is not None:
                by_vector = _nearest_live(connection, space, vector, pool, "chunks", within, parameters)
            if use_text:
                by_text = rank_by_words(connection, query_text or "", pool, within, parameters)
            ranked = _fuse(by_vector, by_text)
            return _text_places(connection, ranked, dict(by_vector), space, vector, k, within, parameters)
    except psycopg.errors.UndefinedTable as fault:
        raise SpaceGone(f"The space {space.key if space else ''} was dropped during the search.") from fault


def search_panels(
    bind: Bind,
    query_vector: Any,
    *,
    space: SpaceRow | None = None,
    k: int = 10,
    novel: NovelNames | None = None,
    unlike: bytes | None = None,
) -> list[PanelHit]:
    """The k pages nearest to a vector from the model of `space` (default: the active one); as `search_text`.

    Each by its best region. The page that has a region of hash `unlike` is left out: it is what the others are like.
    """
    space = _space_for(bind, "image", space, query_vector)
    if space is None:
        return []
    within, parameters = _filter(novel, None)
    live = queries.stored_within.format(within=within)
    vector = vector_text(query_vector)
    parameters |= {"shaping": space.shaping, "vector": vector, "unlike": unlike}
    try:
        with transaction(bind) as connection:
            # The best regions may all be of one page.
            for wide in (2 * k + 6, 20 * k, 200 * k):
                found = dict(_nearest_live(connection, space, vector, wide, "panels", live, parameters))
                query = queries.panels.format(table=Identifier(space.table), within=live)
                with connection.cursor(row_factory=dict_row) as cursor:
                    rows = cursor.execute(query, {**parameters, "hashes": list(found)}).fetchall()
                pages = {row["page_id"] for row in rows if not row["unlike"]}
                if len(pages) >= k or len(found) < wide:
                    break
    except psycopg.errors.UndefinedTable as fault:
        raise SpaceGone(f"The space {space.key} was dropped during the search.") from fault
    rows.sort(key=lambda row: (-row["similarity"], row["novel"], row["page"], row["path"], row["entry"], row["region"]))
    best: dict[int, dict[str, Any]] = {}
    for row in rows:
        if not row["unlike"]:
            best.setdefault(row["page_id"], row)
    return [_panel_hit(row, rank) for rank, row in enumerate(list(best.values())[:k], 1)]


def _panel_hit(row: dict[str, Any], rank: int) -> PanelHit:
    known = {name: row[name] for name in row if name not in ("page_id", "unlike", "content_hash", "box")}
    box = None if None in row["box"] else tuple(row["box"])
    return PanelHit(**known, rank=rank, content_hash=bytes(row["content_hash"]), box=box)  # type: ignore[arg-type]


def _space_for(bind: Bind, purpose: str, space: SpaceRow | None, query_vector: Any) -> SpaceRow | None:
    if query_vector is None:
        return None
    space = space or active_space(bind, purpose)
    if space is None:
        raise SpaceError(f"No {purpose} space is active yet; materialize its embeddings for a novel first.")
    if len(query_vector) != space.dimensions or space.purpose != purpose:
        raise SpaceError(
            f"The question has {len(query_vector)} dimensions, the {space.purpose} space {space.key} has"
            f" {space.dimensions}: embed it with {space.provider}/{space.model}."
        )
    return space


def _filter(novel: NovelNames | None, chapter: int | None) -> tuple[Composed, dict[str, Any]]:
    """A condition on `c`, chunks or panels, and its parameters, all None without a filter."""
    names = [novel] if isinstance(novel, str) else None if novel is None else list(novel)
    novels = queries.anywhere if names is None else queries.in_one_novel if len(names) == 1 else queries.in_novels
    within = queries.within.format(novels=novels, chapter=queries.anywhere if chapter is None else queries.in_chapter)
    return within, {"novels": names, "chapter": chapter}


def _nearest_live(
    connection: psycopg.Connection[Any], space: SpaceRow, vector: str, k: int,
    content: str, within: Composed, parameters: dict[str, Any],
) -> Nearest:  # fmt: skip
    """The k nearest hashes that occur within the filter: exactly for few rows, else through the index."""
    table = Identifier(content)
    among = queries.hashes_within.format(content=table, within=within)
    if parameters["novels"] is not None or parameters["chapter"] is not None:
        query = queries.count_within.format(content=table, within=within, limit=_LARGEST_EXACT + 1)
        count = connection.execute(query, parameters).fetchone()
        if space.index_kind is None or (count and count[0] <= _LARGEST_EXACT):
            return nearest_among(connection, space, vector, k, among, parameters)
    occurs = queries.occurs_within.format(content=table, within=within)
    wide = k
    while True:
        kept, complete = nearest_within(connection, space, vector, wide, occurs, parameters)
        # Orphans and a broad filter thin the list out; past some thousands the exact way is cheaper than asking on.
        if len(kept) >= k or complete:
            return kept[:k]
        if wide > 2000:
            return nearest_among(connection, space, vector, k, among, parameters)
        wide *= 4


@dataclass(frozen=True)
class _Ranked:
    value: bytes
    score: float
    vector_rank: int | None
    text_rank: int | None


def _fuse(by_vector: Nearest, by_text: Nearest) -> list[_Ranked]:
    vector_ranks = {value: rank for rank, (value, _) in enumerate(by_vector, 1)}
    text_ranks = {value: rank for rank, (value, _) in enumerate(by_text, 1)}
    own = dict(by_text or by_vector)
    fused = []
    for value in {**vector_ranks, **text_ranks}:
        ranks = (vector_ranks.get(value), text_ranks.get(value))
        both = bool(by_vector and by_text)
        score = sum(1 / (_RRF + rank) for rank in ranks if rank) if both else own[value]
        fused.append(_Ranked(value, score, *ranks))
    return sorted(fused, key=lambda each: (-each.score, each.value))


def _text_places(
    connection: psycopg.Connection[Any], ranked: list[_Ranked], similarities: dict[bytes, float],
    space: SpaceRow | None, vector: str | None, k: int, within: Composed, parameters: dict[str, Any],
) -> list[TextHit]:  # fmt: skip
    """The places of the best; what only the words found is measured against the vector here."""
    best = ranked[:k]
    order = {each.value: place for place, each in enumerate(best)}
    similarity: Composable = queries.no_similarity
    if space is not None and not order.keys() <= similarities.keys():
        similarity = queries.similarity_in_space.format(table=Identifier(space.table))
    query = queries.passages.format(similarity=similarity, within=within)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, {**parameters, "vector": vector, "hashes": list(order)}).fetchall()
    rows.sort(key=lambda row: order[bytes(row["content_hash"])])
    hits = []
    for rank, row in enumerate(rows[:k], 1):
        each = best[order[bytes(row["content_hash"])]]
        known = {"content_hash": each.value, "similarity": similarities.get(each.value, row["similarity"])}
        hits.append(
            TextHit(
                **{**row, **known}, rank=rank, vector_rank=each.vector_rank, text_rank=each.text_rank, score=each.score
            )
        )
    return hits
