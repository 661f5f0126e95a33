"""Search, the same for the command line, the API and the page: passages and panels that answer a question.

Decides which space answers, when a standby space or the words alone do instead, and which notes a person gets.
How a text becomes a vector and how the database is called are the face's own.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import BillingError, EmbeddingError
from morpheus_assets.services.configured_spaces import account_of, sample_image_spaces
from morpheus_assets.services.known_languages import known_configurations, language_note
from morpheus_assets.services.novel_names import no_such_novel
from morpheus_assets.services.reranking import Reranking
from morpheus_assets.services.search_notes import NO_PANELS_YET, NOTHING_YET
from morpheus_assets.services.sentences import NEAR, POOL, BestSentence, best_sentences, nearest_first
from morpheus_assets.services.similarity_floor import SAMPLE, least_cosine, sample_of
from morpheus_assets.services.speculation import EmbedQuestion, Speculation
from morpheus_assets.services.variety import VARIETY_POOL, Hit, most_varied
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.rate_limits import BudgetExhausted
from morpheus_assets.store.content.lookups import panel_place, passage_body
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.database.errors import SpaceGone, StoreError
from morpheus_assets.store.search.hits import (
    PanelHit,
    SearchFilter,
    TextHit,
    novels_holding,
    search_panels,
    search_text,
    stored_names,
)
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import active_space, active_spaces, get_space, list_spaces
from morpheus_assets.store.spaces.vectors import passage_vectors, read_vectors

NO_SIMILARITY = "Words have no similarity, so nothing was left out for being less similar than asked for."
DEMO_NOTE = (
    "Answered by the demo model, which knows only the drawn sample panels; no panels of your own are embedded yet."
)
# Seconds that a question waits for the provider of the active space; what then answers in its place has the rest.
QUESTION_SECONDS = 4.0
SEARCH_SECONDS = 5.5
# From here on too little of the first is left for another provider.
_LATE_SECONDS = 2.5
# How often the space that answers may be dropped during one search.
_MOST_SWITCHES = 5

P = ParamSpec("P")
T = TypeVar("T")


class QueryRefused(Exception):
    """A query that cannot be answered; `field` names the part of it that is at fault, None when no single one is."""

    def __init__(self, field: str | None, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class NotStored(QueryRefused):
    """A query for what is not stored: a novel, a passage, a panel."""


@dataclass(frozen=True)
class SearchQuery:
    """One search, with everything that its hits depend on beside the content.

    `q` is the question, stripped; `like` is the content hash of a passage or panel to be like, instead of it.
    `novel` is the key of the novel to search, or several; `languages` are ISO 639-1 codes and `authors` parts of names,
    one of which must fit. `kind` is "text", "panels" or "both", `mode` is "hybrid", "vector" or "text". `sentences`
    ranks passages with a sentence near to the question first. `other_novels` leaves out the novels of what is to be
    like. `min_similarity` is a cosine; `better_than` leaves out what is no more like the question than so many percent
    of all that is stored, which means the same for every model. `space` is the key of the text space to ask instead of
    the active one, for measuring it: no other one answers
    in its place. Raises QueryRefused for text that no database could take.
    """

    q: str | None = None
    like: bytes | None = None
    k: int = 10
    novel: str | tuple[str, ...] | None = None
    chapter: int | None = None
    languages: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    other_novels: bool = False
    kind: str = "both"
    mode: str = "hybrid"
    min_similarity: float | None = None
    better_than: float | None = None
    sentences: bool = True
    space: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", readable("q", self.q.strip()) if self.q else None)
        for field_name, names in (("novel", self.novels), ("language", self.languages), ("author", self.authors)):
            for name in names:
                readable(field_name, name)
        object.__setattr__(self, "languages", tuple(code.lower() for code in self.languages))

    @property
    def novels(self) -> tuple[str, ...]:
        """The keys of the novels to search; empty for all."""
        return (self.novel,) if isinstance(self.novel, str) else self.novel or ()

    @property
    def has_floor(self) -> bool:
        """Whether what is not similar enough is left out."""
        return self.min_similarity is not None or self.better_than is not None


@dataclass(frozen=True)
class Passage:
    """A passage that was found, with its sentence nearest to the question where one was looked for.

    `relevance`, 0 to 1, is what the order goes by, for a person: it falls from passage to passage, as cosines do not.
    """

    hit: TextHit
    sentence: BestSentence | None = None
    relevance: float = 0.0

    @property
    def similarity(self) -> float | None:
        """Cosine to the question: of the passage or of its sentence, whichever is larger."""
        known = [near.similarity for near in (self.hit, self.sentence) if near and near.similarity is not None]
        return max(known, default=None)


@dataclass
class Found:
    """What was found, best first.

    `spaces` holds the key of the space that answered, by purpose; `notes` is what else a person should know, a sentence
    each; `faults` are the errors of providers in whose place something else answered.
    """

    passages: list[Passage] = field(default_factory=list)
    panels: list[PanelHit] = field(default_factory=list)
    spaces: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[EmbeddingError] = field(default_factory=list)


class Database(Protocol):
    """The content database, as a search calls it."""

    async def call(self, work: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(engine, …)`."""
        ...


class InlineDatabase:
    """A Database without threads, for who has nothing else to do meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def call(self, work: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(engine, …)`, at once."""
        return work(self._engine, *args, **kwargs)


class QueryVectors(Protocol):
    """Vectors [dimensions] by the model of a space, float32. All raise embedding.errors.

    A provider that has not answered `within` seconds is given up with ProviderUnavailable, and one whose budget has no
    room soon with BudgetExhausted; a model of this machine takes the time it takes.
    """

    async def question(self, space: Space, text: str, within: float) -> np.ndarray:
        """Of a question of any length."""
        ...

    async def sentences(self, space: SpaceRow, texts: Sequence[str], within: float) -> Sequence[np.ndarray]:
        """Of sentences of passages, that are compared with a question."""
        ...

    async def picture(self, space: Space, picture: Any, within: float) -> np.ndarray:
        """Of a decoded picture, or of what opens one (images.decoding.opener_of)."""
        ...


class _Clock:
    """The seconds that are left of one search: for the active space's provider, later for what answers instead."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def left(self) -> float:
        passed = time.monotonic() - self._begun
        return max(0.0, (QUESTION_SECONDS if passed < _LATE_SECONDS else SEARCH_SECONDS) - passed)


class _ActiveSpaces:
    """The spaces that answer, asked for once in a search by whoever needs one first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: asyncio.Future[dict[str, SpaceRow]] | None = None

    async def of(self, purpose: str) -> SpaceRow | None:
        """The one of a purpose, or None."""
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._database.call(active_spaces))
        return (await asyncio.shield(self._asked)).get(purpose)


class Search:
    """Searches passages and panels; keep one for the life of a process."""

    def __init__(self, settings: Settings, database: Database, vectors: QueryVectors) -> None:
        self._settings = settings
        self._database = database
        self._vectors = vectors
        self._speculation = Speculation()
        self._reranking = Reranking(settings)
        self._samples: dict[str, np.ndarray] = {}

    async def find(self, query: SearchQuery) -> Found:
        """Passages and panels for a question, or like the one that `query.like` names.

        Raises QueryRefused for an empty question, NotStored, and EmbeddingError when neither the active space's
        provider, nor a standby's, nor the words can answer.
        """
        if not query.q and query.like is None:
            raise QueryRefused("q", "The question is empty.")
        await self._check_novel(query)
        found, clock, actives = Found(), _Clock(), _ActiveSpaces(self._database)
        body = None
        if query.like is not None and query.kind != "panels":
            body = await self._database.call(passage_body, query.like)
        parts = []
        if query.kind in ("text", "both") and (query.q or body):
            parts.append(self._add_passages(found, query, clock, actives))
        if query.kind in ("panels", "both"):
            parts.append(self._add_panels(found, query, await self._panel_question(query, body, clock), actives))
        if len(parts) == 1:
            await parts[0]
        else:
            await asyncio.gather(*parts)
        return found

    async def find_like_picture(self, picture: Any, query: SearchQuery) -> Found:
        """Panels that look like a picture: a decoded one, or what opens it. Raises as `find`."""

        found, clock = Found(), _Clock()

        async def embed(row: SpaceRow) -> np.ndarray:
            return await self._vectors.picture(row, picture, clock.left)

        await self._check_novel(query)
        await self._add_panels(found, query, embed, _ActiveSpaces(self._database))
        return found

    async def find_by_vector(self, vector: np.ndarray, query: SearchQuery) -> Found:
        """Passages near a vector [dimensions], float32, of the model that answers.

        Raises QueryRefused for one of another size, and NotStored.
        """
        await self._check_novel(query)
        found = Found()
        row = await self._database.call(active_space, "text")
        if row is None:
            found.notes.append(NOTHING_YET)
            return found
        if len(vector) != row.dimensions:
            raise QueryRefused("vector", f"It has {len(vector)} dimensions, and {row.key} has {row.dimensions}.")
        hits = await self._hits(replace(query, mode="vector"), row, vector)
        found.passages = near_enough(with_relevance(list(map(Passage, hits))), await self._floor(query, row, vector))
        found.spaces["text"] = row.key
        return found

    async def _floor(self, query: SearchQuery, row: SpaceRow, vector: np.ndarray | None) -> float | None:
        """The least cosine that the query asks for, None where it asks for none."""
        if query.better_than is None or vector is None:
            return query.min_similarity
        sample = self._samples.get(row.fingerprint)
        if sample is None:
            sample = await self._database.call(sample_of, row)
            # One of a space that is being filled is not kept.
            if len(sample) == SAMPLE:
                self._samples[row.fingerprint] = sample
        least = least_cosine(vector, sample, query.better_than)
        return least if query.min_similarity is None else max(least, query.min_similarity)

    async def _check_novel(self, query: SearchQuery) -> None:
        # before anything is embedded: a misspelt name costs nothing, and is the same in every mode
        if not query.novels:
            return
        stored = await self._database.call(stored_names, query.novels)
        for novel in query.novels:
            if novel not in stored:
                known = [each.novel for each in await self._database.call(list_novels)]
                raise NotStored("novel", no_such_novel(novel, known))

    async def _add_passages(self, found: Found, query: SearchQuery, clock: _Clock, actives: _ActiveSpaces) -> None:
        if query.mode == "text" and query.q:
            found.passages = with_relevance(list(map(Passage, await self._hits(query, None, None))))
            if query.has_floor:
                found.notes.append(NO_SIMILARITY)
        elif query.like is not None:
            await self._add_nearest(found, query, self._text_vector(query, clock), clock, actives)
        else:
            async with self._speculation.ahead(self._text_vector(query, clock)) as (embed, last):
                await self._add_nearest(found, query, embed, clock, actives, last)

    def _text_vector(self, query: SearchQuery, clock: _Clock) -> EmbedQuestion:
        async def embed(row: SpaceRow) -> np.ndarray | None:
            if query.like is not None:
                return (await self._database.call(passage_vectors, row, [query.like])).get(query.like)
            return await self._vectors.question(row, query.q or "", clock.left)

        return embed

    async def _add_nearest(
        self,
        found: Found,
        query: SearchQuery,
        embed: EmbedQuestion,
        clock: _Clock,
        actives: _ActiveSpaces,
        last: SpaceRow | None = None,
    ) -> None:
        """`last` is the space that answered last, and that `embed` is on its way in."""

        async def look(row: SpaceRow, *, answering: bool = False) -> tuple[list[Passage], float | None]:
            vector = await embed(row)
            return await passages_near(row, vector, answering), await self._floor(query, row, vector)

        async def passages_near(row: SpaceRow, vector: np.ndarray | None, answering: bool) -> list[Passage]:
            if query.like is not None:
                return list(map(Passage, await self._varied(query, row, vector)))
            reranks = bool(self._reranking.configured and query.q and vector is not None)
            if vector is None or not query.q or not (query.sentences or reranks):
                return list(map(Passage, await self._hits(query, row, vector, answering)))
            pool = await self._hits(replace(query, k=max(query.k, POOL)), row, vector, answering)
            if reranks:
                pool = await self._reranked(query.q, pool, found, clock)
            if not query.sentences:
                return [Passage(hit) for hit in pool[: query.k]]

            async def embed_sentences(texts: Sequence[str]) -> Sequence[np.ndarray]:
                return await self._vectors.sentences(row, texts, clock.left)

            try:
                best = await best_sentences(embed_sentences, query.q, vector, pool)
            except EmbeddingError as error:
                # the passages are found; without their sentences they are an answer, and a wait for another is none
                found.faults.append(error)
                found.notes.append(f"Passages only, for their sentences could not be embedded: {error}")
                best = {}
            return [Passage(hit, best.get(hit.content_hash)) for hit in nearest_first(pool, best, query.k)]

        if last is not None and query.space is None and query.kind == "text":
            # Whether it still answers is told in the same trip. Where it does not, it is asked what does; so also where
            # its model fails, which may be why another one took its place.
            with contextlib.suppress(SpaceGone, EmbeddingError):
                passages, least = await look(last, answering=True)
                self._speculation.answered = last
                found.spaces["text"] = last.key
                self._show(found, last, passages, least)
                return
        row: SpaceRow | None
        if query.space is not None:
            row = await self._database.call(get_space, query.space)
        else:
            row = self._speculation.answered = await actives.of("text")
        if row is None:
            found.notes.append(NOTHING_YET)
            return
        try:
            passages, least = await self._in_space(row, look, found, alone=query.space is not None)
        except EmbeddingError as error:
            if query.space is not None or query.mode != "hybrid" or not query.q:
                raise
            # half an answer is better than none: the words still find their passages
            found.faults.append(error)
            found.notes.append(f"Found by words alone, for the question could not be embedded: {error}")
            found.passages = with_relevance(list(map(Passage, await self._hits(query, None, None))))
            if query.has_floor:
                found.notes.append(NO_SIMILARITY)
            return
        self._show(found, row, passages, least)

    def _show(self, found: Found, row: SpaceRow, passages: list[Passage], least: float | None) -> None:
        found.passages = near_enough(with_relevance(passages), least)
        if found.spaces.get("text") == row.key:
            said = language_note(row, {passage.hit.language for passage in found.passages})
            found.notes += [said] if said else []

    async def _reranked(self, question: str, pool: list[TextHit], found: Found, clock: _Clock) -> list[TextHit]:
        try:
            order, spent = await self._reranking.order(question, [hit.body for hit in pool], clock.left)
        except EmbeddingError as error:
            # The order that the search itself gives is an answer, and a wait for another is none.
            found.faults.append(error)
            found.notes.append(f"In the search's own order, for the reranker did not answer: {error}")
            return pool
        await self._database.call(self._reranking.record, spent)
        return [replace(pool[place], rank=rank) for rank, place in enumerate(order, 1)]

    async def _hits(
        self, query: SearchQuery, row: SpaceRow | None, vector: np.ndarray | None, answering: bool = False
    ) -> list[TextHit]:
        mode = "text" if vector is None else query.mode
        within = await self._within(query)
        known = known_configurations(row) if row is not None else None
        return await self._database.call(
            search_text, vector, query.q, space=row, k=query.k, within=within, mode=mode, known_configurations=known,
            answering=answering,
        )  # fmt: skip

    async def _varied(self, query: SearchQuery, row: SpaceRow, vector: np.ndarray | None) -> list[TextHit]:
        """Passages like one, each unlike those before it: a refrain that is found once need not be found five times."""
        if vector is None:
            return []
        wide = VARIETY_POOL * query.k + 1
        within = await self._within(query)
        found = await self._database.call(search_text, vector, space=row, k=wide, within=within, mode="vector")
        return await self._most_varied([hit for hit in found if hit.content_hash != query.like], row, query.k)

    async def _most_varied(self, hits: list[Hit], row: SpaceRow, k: int) -> list[Hit]:
        vectors = await self._database.call(passage_vectors, row, [hit.content_hash for hit in hits])
        return most_varied(hits, vectors, k)

    async def _within(self, query: SearchQuery, *, texts: bool = True) -> SearchFilter:
        other_than = None
        if query.other_novels and query.like is not None:
            other_than = await self._database.call(novels_holding, query.like)
        chapter = query.chapter if texts else None
        return SearchFilter(
            query.novels or None, chapter, query.languages or None, query.authors or None, other_than=other_than
        )

    async def _panel_question(
        self, query: SearchQuery, body: str | None, clock: _Clock
    ) -> Callable[[SpaceRow], Awaitable[np.ndarray]]:
        """How a panel space gets its vector: from the words, or from the panel or passage to be like."""
        text = query.q or body
        if text:

            async def embed(row: SpaceRow) -> np.ndarray:
                return await self._vectors.question(row, text, clock.left)

            return embed
        like = query.like
        if like is None or await self._database.call(panel_place, like) is None:
            raise NotStored("like", "No passage and no panel has this id.")

        async def stored(row: SpaceRow) -> np.ndarray:
            known = await self._database.call(read_vectors, row, [like])
            if like not in known:
                raise NotStored(None, "That panel has no vector in the space that answers now.")
            return known[like]

        return stored

    async def _add_panels(
        self,
        found: Found,
        query: SearchQuery,
        embed: Callable[[SpaceRow], Awaitable[np.ndarray]],
        actives: _ActiveSpaces,
    ) -> None:
        row, note = await actives.of("image"), ""
        if row is None:
            row, note = await _demo_space(self._settings, self._database)
        if row is None:
            found.notes.append(NO_PANELS_YET)
            return

        async def look(row: SpaceRow) -> list[PanelHit]:
            vector = await embed(row)
            within = await self._within(query, texts=False)
            wide = query.k if query.like is None else VARIETY_POOL * query.k
            hits = await self._database.call(search_panels, vector, space=row, k=wide, within=within, unlike=query.like)
            if query.like is not None:
                hits = await self._most_varied(hits, row, query.k)
            return near_enough(hits, await self._floor(query, row, vector))

        try:
            hits = await self._in_space(row, look, found)
        except EmbeddingError as error:
            if query.kind != "both":
                raise
            found.faults.append(error)
            found.notes.append(f"No panels, for their model cannot be asked: {error}")
            return
        if note:
            found.notes.append(note)
        found.panels = hits

    async def _in_space(
        self, row: SpaceRow, look: Callable[[SpaceRow], Awaitable[T]], found: Found, *, alone: bool = False
    ) -> T:
        """Look in the active space `row`; while its provider is down, in a standby space unless it is asked `alone`.

        `found` says which one answered.

        A space that was dropped meanwhile gives way to the one that is active then. Raises the active provider's own
        error when no standby space answers either.
        """
        try:
            for _ in range(_MOST_SWITCHES):
                try:
                    result = await look(row)
                    break
                except SpaceGone:
                    now: SpaceRow | None = await self._database.call(active_space, row.purpose)
                    row = now or row
            else:
                raise SpaceGone(
                    f"The active {row.purpose} space was dropped {_MOST_SWITCHES} times during one search; try again."
                )
        except EmbeddingError as error:
            if alone or not provider_is_down(error):
                raise
            for standby in await self._database.call(standby_spaces, self._settings, row):
                try:
                    result = await look(standby)
                except (EmbeddingError, SpaceGone):
                    continue
                found.faults.append(error)
                found.notes.append(f"Answered by the standby space {standby.key}: {error}")
                row = standby
                break
            else:
                raise
        found.spaces[row.purpose] = row.key
        return result


async def answering_image_space(settings: Settings, database: Database) -> tuple[SpaceRow | None, str]:
    """The active space of panels, else the demo model's with a note that says so, else None."""
    row = await database.call(active_space, "image")
    return (row, "") if row is not None else await _demo_space(settings, database)


async def _demo_space(settings: Settings, database: Database) -> tuple[SpaceRow | None, str]:
    for demo in await asyncio.to_thread(sample_image_spaces, settings):
        try:
            return await database.call(get_space, demo.key), DEMO_NOTE
        except StoreError:
            continue
    return None, ""


def readable(field: str, text: str) -> str:
    """`text`; raises QueryRefused for what no database could take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryRefused(field, "It holds lone surrogates, which are no Unicode text.") from None
    if "\0" in text:
        raise QueryRefused(field, "It holds a NUL character.")
    return text


def with_relevance(passages: Sequence[Passage]) -> list[Passage]:
    """Passages in their order with a relevance that falls with it.

    One with a near sentence has that sentence's cosine. The others lie below: what was fused by how far its score is
    from the pool's mean, what one list alone found by its cosine, or by its score beside the first one's.
    """
    first = passages[0].hit.score if passages else 0.0
    least, shown = 1.0, []
    for passage in passages:
        least = min(least, max(0.0, _relevance(passage, first)))
        shown.append(Passage(passage.hit, passage.sentence, least))
    return shown


def _relevance(passage: Passage, first_score: float) -> float:
    hit, sentence = passage.hit, passage.sentence
    if sentence is not None and sentence.similarity >= NEAR:
        return sentence.similarity
    if hit.vector_rank is None and hit.similarity is None:
        return NEAR * hit.score / first_score if first_score else 0.0
    if hit.similarity is not None and hit.score == hit.similarity:
        return hit.similarity
    return NEAR / (1 + math.exp(-hit.score))


class _Near(Protocol):
    @property
    def similarity(self) -> float | None: ...


_N = TypeVar("_N", bound=_Near)


def near_enough(hits: Iterable[_N], least: float | None) -> list[_N]:
    """The hits that reach a least similarity, rounded as it is shown; what has none does not."""
    if least is None:
        return list(hits)
    return [hit for hit in hits if hit.similarity is not None and shown_similarity(hit.similarity) >= least]


def shown_similarity(similarity: float) -> float:
    """A cosine to four digits: vectors are stored in halves, and the rest is noise."""
    return round(similarity, 4)


def provider_is_down(error: EmbeddingError) -> bool:
    """Whether another provider could answer where this one cannot: no answer, none to be trusted, no budget or credit.

    A wrong setting is not that: a person must hear of it.
    """
    return error.retryable or isinstance(error, BillingError | BudgetExhausted)


def standby_spaces(engine: Engine, settings: Settings, active: SpaceRow) -> list[SpaceRow]:
    """The whole, ready spaces of another provider or endpoint than the active one's; the latest ready first."""
    down = account_of(settings, active)
    ready = [
        row
        for row in list_spaces(engine, active.purpose)
        if row.state == "ready" and account_of(settings, row) != down and coverage(engine, row).whole
    ]
    return sorted(ready, key=lambda row: row.ready_at or row.created_at, reverse=True)
