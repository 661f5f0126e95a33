"""Search: the passages or panels nearest to a question, by vector, by words, or by both; with where they stand.

The question's vector comes from the caller, made by the model of the space that is searched: two models never mix.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import Composable, Composed, Identifier

from morpheus_assets.domain.content import NovelNames
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.errors import SpaceChanged, SpaceError, SpaceGone
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction
from morpheus_assets.store.database.vector_parameters import BinaryVector, half_vector, whole_vector
from morpheus_assets.store.search.fusion import Candidate, fuse
from morpheus_assets.store.search.nearest import (
    Nearest,
    ask_nearest_among,
    ask_nearest_within,
    in_one_trip,
    nearest_filtered,
    read_nearest,
    whole_space,
)
from morpheus_assets.store.search.words import (
    QuestionWords,
    ask_for_words,
    best_by_words,
    is_filtered,
    question_words,
    rank_by_words,
)
from morpheus_assets.store.spaces.spaces import active_space

queries = load_queries(__file__)

# Candidates of either list at least; with more, the measures of the best stand out from the rest as before.
_POOL = 40
# Vectors within a filter are compared exactly up to the first number: 8 ms of CPU at 3072 dimensions. Up to the second
# through the index, if that must not look at more than a third of them to have enough; beyond, always.
_ALWAYS_EXACT, _LARGEST_EXACT = 2_500, 20_000
_LOOKED_AT = 3

_WITHOUT_FILTER = queries.within.format(novels=queries.anywhere, chapter=queries.anywhere)


@dataclass(frozen=True)
class SearchFilter:
    """What a search is held to; None leaves a part open.

    `novels` are keys, `other_than` keys that are left out; `chapter` is a number, `languages` ISO 639-1 codes,
    `authors` parts of names, whatever their case.
    """

    novels: NovelNames | None = None
    chapter: int | None = None
    languages: Sequence[str] | None = None
    authors: Sequence[str] | None = None
    other_than: Sequence[str] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of `condition`, None where a part is open."""
        return {
            "novels": [self.novels] if isinstance(self.novels, str) else _listed(self.novels),
            "chapter": self.chapter,
            "languages": _listed(self.languages),
            "authors": _listed(self.authors),
            "other_than": _listed(self.other_than),
        }

    @property
    def condition(self) -> Composed:
        """A condition on `c`, chunks or panels."""
        if not is_filtered(self.parameters):
            return _WITHOUT_FILTER
        of_novel, novels = self._of_novel, self.parameters["novels"]
        within: Composable = queries.anywhere
        if of_novel is not None and novels is not None and len(novels) == 1:
            within = queries.in_one_novel.format(of_novel=of_novel)
        elif of_novel is not None:
            within = queries.in_novels.format(novels=self.novel_numbers)
        chapter = queries.anywhere if self.chapter is None else queries.in_chapter
        return queries.within.format(novels=within, chapter=chapter)

    @property
    def novel_numbers(self) -> Composable:
        """An array of the `id` of each novel that is searched; NULL for all."""
        of_novel = self._of_novel
        return queries.any_novel if of_novel is None else queries.novels_within.format(of_novel=of_novel)

    @property
    def noted(self) -> Composed | None:
        """A query for the passages within as novels have them noted, up to what matters; None where rows must tell."""
        of_novel = self._of_novel
        if of_novel is None or self.chapter is not None:
            return None
        return queries.count_noted.format(of_novel=of_novel, limit=_LARGEST_EXACT + 1)

    @property
    def _of_novel(self) -> Composed | None:
        """A condition on `n`, novels; None for all of them."""
        given = self.parameters
        asked = {
            "named": (given["novels"], queries.named),
            "not_named": (given["other_than"], queries.not_named),
            "in_language": (given["languages"], queries.in_language),
            "by_author": (given["authors"], queries.by_author),
        }
        if all(value is None for value, _ in asked.values()):
            return None
        parts = {name: queries.anywhere if value is None else part for name, (value, part) in asked.items()}
        return queries.of_novel.format(**parts)


ANYWHERE = SearchFilter()


def _listed(values: Iterable[str] | None) -> list[str] | None:
    return None if values is None else list(values)


@dataclass(frozen=True)
class TextHit:
    """One passage. `similarity` is the cosine to the question's vector, None without either vector.

    `vector_rank` and `text_rank` are its places (from 1) in the two lists, None where it is in only one;
    `score` is what `rank` goes by: both measures fused (fusion.py), or the list's own measure when there is one list.
    """

    novel: str
    title: str | None
    language: str
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
    within: SearchFilter = ANYWHERE,
    mode: str = "hybrid",
    known_configurations: Collection[str] | None = None,
    answering: bool = False,
) -> list[TextHit]:
    """The k best passages within a filter; each place of a repeated one.

    `query_vector` is a sequence of floats from the model of `space` (default: the active space). `mode` is "hybrid"
    (what of vector and text is given), "vector" or "text". `known_configurations` are the text search configurations of
    the languages that the space's model knows, None for all: in others the words count for more of a fused score.
    `answering`: `space` was read a while ago as the one that answers, and that is checked on the way. Raises SpaceError
    for a vector of other dimensions, SpaceGone when `space` was dropped, and SpaceChanged when it is not what it was.
    """
    use_vector = query_vector is not None and mode in ("hybrid", "vector")
    use_text = bool(query_text and query_text.strip()) and mode in ("hybrid", "text")
    if mode not in ("hybrid", "vector", "text") or not (use_vector or use_text):
        raise ValueError(f"mode {mode!r} needs a query vector, a query text, or both for 'hybrid'")
    space = _space_for(bind, "text", space, query_vector)
    vector = half_vector(query_vector) if space is not None else None
    look = _Look(within.condition, within.parameters, space, vector, within.noted)
    pool = max(_POOL, k) if use_text else k
    try:
        with reading(bind) as connection:
            placed = _nearest_places(connection, look, k, answering=answering) if not use_text else []
            if placed:
                return placed
            # In one round trip with the nearest: neither needs the other.
            with connection.pipeline():
                asked = ask_for_words(connection, query_text or "") if use_text else None
                near = look.ask_nearest(connection, pool, look.texts) if use_vector else None
                counted = look.ask_count(connection, look.texts)
                answers = look.ask_whether_answering(connection) if answering else None
            if answers is not None:
                _refuse_changed(space, answers.fetchone())
            if counted is not None:
                look.count(connection, look.texts, counted)
            words = question_words(asked.fetchall()) if asked is not None else QuestionWords()
            by_vector = look.nearest(connection, pool, look.texts, near) if use_vector else []
            if look.context:
                by_vector = _of_passages(connection, look, by_vector)
            ranked = _rank(
                connection, look, by_vector, words, pool, known_configurations, fused=use_vector and use_text
            )
            return _text_places(connection, look, within, ranked[:k], dict(by_vector), k)
    except psycopg.errors.UndefinedTable as fault:
        raise SpaceGone(f"The space {space.key if space else ''} was dropped during the search.") from fault


def search_panels(
    bind: Bind,
    query_vector: Any,
    *,
    space: SpaceRow | None = None,
    k: int = 10,
    within: SearchFilter = ANYWHERE,
    unlike: bytes | None = None,
) -> list[PanelHit]:
    """The k pages nearest to a vector from the model of `space` (default: the active one); as `search_text`.

    Each by its best region. The page that has a region of hash `unlike` is left out: it is what the others are like.
    """
    space = _space_for(bind, "image", space, query_vector)
    if space is None:
        return []
    live = queries.stored_within.format(within=within.condition)
    parameters = {
        **within.parameters,
        "shaping": space.shaping,
        "unlike": unlike,
        "whole_vector": whole_vector(query_vector),
    }
    look = _Look(live, parameters, space, half_vector(query_vector))
    try:
        with transaction(bind) as connection:
            # The best regions may all be of one page.
            for wide in (2 * k + 6, 20 * k, 200 * k):
                found = dict(look.nearest(connection, wide, "panels"))
                query = queries.panels.format(table=Identifier(space.table), within=live)
                with connection.cursor(row_factory=dict_row) as cursor:
                    rows = cursor.execute(query, look.wanted(hashes=list(found))).fetchall()
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
    return PanelHit(**known, rank=rank, content_hash=bytes(row["content_hash"]), box=box)


def stored_names(bind: Bind, novels: Sequence[str]) -> set[str]:
    """Those of some keys under which a novel is stored."""
    with reading(bind) as connection:
        return {row[0] for row in connection.execute(queries.stored_names, {"novels": list(novels)})}


def novels_holding(bind: Bind, content_hash: bytes) -> list[str]:
    """The keys of the novels that have a passage or panel, by name."""
    with reading(bind) as connection:
        return [row[0] for row in connection.execute(queries.novels_holding, {"content_hash": content_hash})]


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


@dataclass(frozen=True)
class _Look:
    """One search as its statements need it: the filter, a condition on `c` with its parameters, and where to look.

    `noted` is a query that tells how many rows of `chunks` are within.
    """

    within: Composed
    parameters: dict[str, Any]
    space: SpaceRow | None
    vector: BinaryVector | None
    noted: Composed | None = None
    counted: dict[str, int] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """The context of the space's inputs; "" where each is a passage by itself."""
        return self.space.context if self.space is not None else ""

    @property
    def texts(self) -> str:
        """The table of the places of the space's inputs."""
        return "chunks_in_context" if self.context else "chunks"

    @property
    def vectors(self) -> Composable:
        """The space's vectors by the hash of their passage."""
        assert self.space is not None
        table = Identifier(self.space.table)
        return queries.vectors_of_passages.format(table=table) if self.context else table

    def wanted(self, **parameters: Any) -> dict[str, Any]:
        """The filter's parameters with others, the vector, and what is known of the space."""
        known = {}
        if self.space is not None:
            known = {
                "space": self.space.id,
                "index_kind": self.space.index_kind,
                "index_rows": self.space.index_rows,
                "index_built_at": self.space.index_built_at,
            }
        return {**self.parameters, **known, "vector": self.vector, "context": self.context, **parameters}

    def ask_whether_answering(self, connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
        """Ask whether the space answers as it was known, for `_refuse_changed`."""
        return connection.execute(queries.is_answering.format(answers=queries.answers_as_known), self.wanted())

    def ask_nearest(self, connection: psycopg.Connection[Any], k: int, content: str) -> psycopg.Cursor[Any] | None:
        """Ask for the nearest within a pipeline; None where it takes a count to know how."""
        if self.space is None or self.vector is None:
            return None
        if not is_filtered(self.parameters):
            occurs = queries.occurs_within.format(content=Identifier(content), within=self.within)
            return ask_nearest_within(connection, self.space, self.vector, k, occurs, self.parameters)
        return self._ask_among(connection, k, content) if self.space.index_kind is None else None

    def nearest(
        self, connection: psycopg.Connection[Any], k: int, content: str, asked: psycopg.Cursor[Any] | None = None
    ) -> Nearest:
        """The k nearest hashes that occur within the filter: exactly for few rows, else through the index.

        `asked` is what `ask_nearest` gave, once its pipeline has ended.
        """
        if self.space is None or self.vector is None:
            return []
        if is_filtered(self.parameters):
            return self._nearest_filtered(connection, k, content, asked)
        occurs = queries.occurs_within.format(content=Identifier(content), within=self.within)
        wide = k
        while True:
            if asked is None:
                with connection.pipeline():
                    asked = ask_nearest_within(connection, self.space, self.vector, wide, occurs, self.parameters)
            kept, complete = read_nearest(asked, wide)
            # Orphans and a broad filter thin the list out; past some thousands the exact way is cheaper than asking on.
            if len(kept) >= k or complete:
                return kept[:k]
            if wide > 2000:
                return read_nearest(self._ask_among(connection, k, content), k)[0]
            wide *= 4
            asked = None

    def _nearest_filtered(
        self, connection: psycopg.Connection[Any], k: int, content: str, asked: psycopg.Cursor[Any] | None
    ) -> Nearest:
        assert self.space is not None
        assert self.vector is not None
        if self.space.index_kind is not None:
            inside = self.count(connection, content)
            share = min(1.0, inside / max(1, self.space.index_rows or inside))
            if inside > _LARGEST_EXACT or (inside > _ALWAYS_EXACT and _LOOKED_AT * 3 * k < share * inside):
                found = nearest_filtered(
                    connection, self.space, self.vector, k, content, self.within, self.parameters, share
                )
                if len(found) >= k:
                    return found
        return read_nearest(asked or self._ask_among(connection, k, content), k)[0]

    def _ask_among(self, connection: psycopg.Connection[Any], k: int, content: str) -> psycopg.Cursor[Any]:
        assert self.space is not None
        assert self.vector is not None
        among = queries.hashes_within.format(content=Identifier(content), within=self.within)
        return ask_nearest_among(connection, self.space, self.vector, k, among, self.parameters)

    def ask_count(self, connection: psycopg.Connection[Any], content: str) -> psycopg.Cursor[Any] | None:
        """Within a pipeline, ask for the count by which a filtered search through an index goes; else None."""
        if self.space is None or self.space.index_kind is None or not is_filtered(self.parameters):
            return None
        return self._ask_count(connection, content)

    def count(self, connection: psycopg.Connection[Any], content: str, asked: psycopg.Cursor[Any] | None = None) -> int:
        """The rows within the filter, up to one more than are looked at exactly; counted once in a search.

        `asked` is what `ask_count` gave, once its pipeline has ended.
        """
        if content not in self.counted:
            row = (asked or self._ask_count(connection, content)).fetchone()
            self.counted[content] = int(row[0]) if row else 0
        return self.counted[content]

    def _ask_count(self, connection: psycopg.Connection[Any], content: str) -> psycopg.Cursor[Any]:
        query = self.noted if content == "chunks" else None
        if query is None:
            most = _LARGEST_EXACT + 1
            query = queries.count_within.format(content=Identifier(content), within=self.within, limit=most)
        return connection.execute(query, self.parameters)


def _refuse_changed(space: SpaceRow | None, answers: Sequence[bool] | None) -> None:
    if not answers or not all(answers):
        raise SpaceChanged(f"The space {space.key if space else ''} answers no more as it did.")


def _of_passages(connection: psycopg.Connection[Any], look: _Look, nearest: Nearest) -> Nearest:
    """The passages of the nearest inputs, each once: where it stands in several contexts the nearest counts."""
    rows = connection.execute(queries.passages_of_inputs, look.wanted(hashes=[value for value, _ in nearest]))
    passages = {bytes(value): bytes(passage) for value, passage in rows}
    best: dict[bytes, float] = {}
    for value, similarity in nearest:
        # One that an edit has just taken away is no passage's any more.
        if value in passages:
            best.setdefault(passages[value], similarity)
    return list(best.items())


@dataclass(frozen=True)
class _Ranked:
    value: bytes
    score: float
    vector_rank: int | None
    text_rank: int | None
    similarity: float | None = None


def _rank(
    connection: psycopg.Connection[Any], look: _Look, by_vector: Nearest, words: QuestionWords, pool: int,
    known: Collection[str] | None, *, fused: bool,
) -> list[_Ranked]:  # fmt: skip
    """The candidates, best first: of one list as they are, of both by both measures."""
    if not (fused and by_vector and words) or look.space is None:
        by_words = rank_by_words(connection, words, pool, look.within, look.parameters)
        measured = by_vector or by_words
        places = [(None, rank) if by_words else (rank, None) for rank in range(1, len(measured) + 1)]
        return [_Ranked(value, score, *place) for (value, score), place in zip(measured, places, strict=True)]
    query = queries.measured_pool.format(
        best_by_words=best_by_words(look.within, filtered=is_filtered(look.parameters)), within=look.within,
        table=Identifier(look.space.table), vectors=look.vectors,
        places=queries.places_in_context if look.context else queries.places,
    )  # fmt: skip
    near = dict(by_vector)
    parameters = look.wanted(**words.parameters(pool), near=list(near))
    rows = connection.execute(query, parameters).fetchall()
    vector_ranks = {value: rank for rank, value in enumerate(near, 1)}
    # (content hash, configuration, cosine, words, covered, …): those that the words found, best first.
    with_words = sorted((-row[3], bytes(row[0])) for row in rows if row[5])
    text_ranks = {value: rank for rank, (_, value) in enumerate(with_words, 1)}
    similarities = {bytes(row[0]): row[2] for row in rows} | near
    candidates = [
        _candidate(row, similarities, known is None or row[1] in known, vector_ranks, text_ranks) for row in rows
    ]
    return [
        _Ranked(each.value, score, each.vector_rank, each.text_rank, similarities[each.value])
        for each, score in fuse(candidates)
    ]


def _candidate(
    row: Sequence[Any], similarities: Mapping[bytes, float | None], is_known: bool, vector_ranks: Mapping[bytes, int],
    text_ranks: Mapping[bytes, int],
) -> Candidate:  # fmt: skip
    content_hash, _, _, words, covered, _, cosine_beside, beside, novel_id, chapter = row
    value = bytes(content_hash)
    # Without a vector a passage has no similarity, and in this measure the least.
    cosine = similarities[value] or 0.0
    return Candidate(
        value, cosine, words, covered, cosine_beside, beside, (novel_id, chapter), is_known=is_known,
        vector_rank=vector_ranks.get(value), text_rank=text_ranks.get(value),
    )  # fmt: skip


def _text_places(
    connection: psycopg.Connection[Any], look: _Look, within: SearchFilter, best: list[_Ranked],
    similarities: dict[bytes, float], k: int,
) -> list[TextHit]:  # fmt: skip
    """The places of the best; what only the words found is measured against the vector here."""
    known = {each.value: each.similarity for each in best if each.similarity is not None} | similarities
    order = {each.value: place for place, each in enumerate(best)}
    similarity: Composable = queries.no_similarity
    if look.space is not None and not order.keys() <= known.keys():
        similarity = queries.similarity_in_space.format(vectors=look.vectors)
    query = queries.passages.format(similarity=similarity, novels=within.novel_numbers)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, look.wanted(hashes=list(order), most=k)).fetchall()
    rows.sort(key=lambda row: order[row["content_hash"]])
    return _text_hits(rows, {each.value: each for each in best}, known)


def _nearest_places(connection: psycopg.Connection[Any], look: _Look, k: int, *, answering: bool) -> list[TextHit]:
    """The places of the k nearest of the whole space in one round trip; none where that does not bring k."""
    if look.space is None or look.vector is None or look.context or is_filtered(look.parameters):
        return []
    with in_one_trip(connection, look.space), connection.cursor(row_factory=dict_row) as cursor:
        nearest, parameters = whole_space(connection, look.space, look.vector, k)
        answers = queries.answers_as_known if answering else queries.anywhere
        query = queries.nearest_passages.format(nearest=nearest, answers=answers)
        rows = cursor.execute(query, look.wanted(**parameters, most=k)).fetchall()
    if len(rows) < k:
        return []
    _refuse_changed(look.space, [row.pop("answers") for row in rows])
    similarities = {row["content_hash"]: row["similarity"] for row in rows}
    best = {value: _Ranked(value, near, rank, None) for rank, (value, near) in enumerate(similarities.items(), 1)}
    return _text_hits(rows, best, similarities)


def _text_hits(
    rows: Sequence[dict[str, Any]], best: Mapping[bytes, _Ranked], similarities: Mapping[bytes, float]
) -> list[TextHit]:
    hits = []
    for rank, row in enumerate(rows, 1):
        each = best[row["content_hash"]]
        row["similarity"] = similarities.get(each.value, row["similarity"])
        hits.append(TextHit(**row, rank=rank, vector_rank=each.vector_rank, text_rank=each.text_rank, score=each.score))
    return hits
