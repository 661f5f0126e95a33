"""What a search does: embeds the question by the active space's own model, asks the store, and says what it knows.

What an answer looks like is search_answers.py's; which parameters there are, search_routes.py's.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import orjson

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.providers import WarmProviders
from morpheus_assets.api.embedding.query_cache import QueryCache, answer_key
from morpheus_assets.api.embedding.vectors import TextVectors
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.problems import Problem, field_problem
from morpheus_assets.api.responses import to_json
from morpheus_assets.api.search.results import panel_result, text_result
from morpheus_assets.api.search.sentences import POOL, BestSentence, best_sentences, nearest_first
from morpheus_assets.api.search.speculation import Question, QuestionsAhead
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.services.configured_spaces import sample_image_spaces
from morpheus_assets.services.search import DEMO_NOTE, NO_PANELS_YET, NOTHING_YET, provider_is_down, standby_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.lookups import content_version, panel_place, passage_body
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.database.errors import SpaceGone, StoreError
from morpheus_assets.store.search.hits import PanelHit, TextHit, search_panels, search_text
from morpheus_assets.store.spaces.spaces import active_space, get_space
from morpheus_assets.store.spaces.vectors import read_vectors

T = TypeVar("T")
_log = logging.getLogger("morpheus.api")


@dataclass(frozen=True)
class Ask:
    """One question, with everything that its answer depends on beside the content; `like` is a content hash."""

    q: str | None = None
    like: bytes | None = None
    k: int = 10
    novel: str | None = None
    chapter: int | None = None
    kind: str = "both"
    mode: str = "hybrid"
    min_similarity: float | None = None
    sentences: bool = True


class SearchService:
    """Searches passages and panels for one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        providers: WarmProviders,
        vectors: TextVectors,
        cache: QueryCache,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._database = database
        self._providers = providers
        self._vectors = vectors
        self._cache = cache
        self._metrics = metrics
        self._ahead = QuestionsAhead()

    async def search(self, ask: Ask) -> dict[str, Any]:
        """The answer, JSON-ready; from the cache when nothing that it depends on has changed."""
        key = None
        if self._cache.configured:
            version = await self._database.call(content_version)
            key = answer_key([version, *map(str, astuple(ask))])
            found = await self._cache.get([key])
            if found:
                self._metrics.cache.labels("answer", "redis").inc()
                return {**orjson.loads(found[key]), "cached": True}
            self._metrics.cache.labels("answer", "search").inc()
        answer = await self._answer(ask)
        if key is not None and not answer["notes"]:
            await self._cache.put({key: to_json(answer)})
        return answer

    async def like_image(self, image: Any, ask: Ask) -> dict[str, Any]:
        """Panels that look like a picture: a decoded one, or what opens it (images.decoding.opener_of)."""

        async def embed(row: SpaceRow) -> np.ndarray:
            result = await self._providers.embed(row, [image], "document")
            return np.asarray(result.embeddings[0])

        answer = _empty(ask)
        await self._add_panels(answer, ask, embed)
        return answer

    async def _answer(self, ask: Ask) -> dict[str, Any]:
        answer = _empty(ask)
        body = None
        if ask.like is not None and ask.kind != "panels":
            body = await self._database.call(passage_body, ask.like)
        parts = []
        if ask.kind in ("text", "both") and (ask.q or body):
            parts.append(self._add_passages(answer, ask))
        if ask.kind in ("panels", "both"):
            parts.append(self._add_panels(answer, ask, await self._panel_question(ask, body)))
        await asyncio.gather(*parts)
        if not answer["passages"] and not answer["panels"]:
            await self._check_filters(ask)
        return answer

    async def _add_passages(self, answer: dict[str, Any], ask: Ask) -> None:
        if ask.mode == "text" and ask.q:
            hits = await self._find(ask, None, None)
            answer["passages"] = [text_result(hit, None) for hit in hits if ask.min_similarity is None]
            return
        question = partial(self._text_question, ask)
        if ask.like is not None:
            await self._add_nearest(answer, ask, question)
            return
        async with self._ahead.asked(question) as asked:
            await self._add_nearest(answer, ask, asked)

    async def _add_nearest(self, answer: dict[str, Any], ask: Ask, question: Question) -> None:
        row = self._ahead.answered = await self._database.call(active_space, "text")
        if row is None:
            answer["notes"].append(NOTHING_YET)
            return

        async def look(row: SpaceRow) -> tuple[list[TextHit], dict[bytes, BestSentence]]:
            vector = await question(row)
            if vector is None or not (ask.sentences and ask.q):
                return await self._find(ask, row, vector), {}
            pool = await self._find(replace(ask, k=max(ask.k, POOL)), row, vector)
            best = await best_sentences(self._vectors, row, ask.q, vector, pool)
            return nearest_first(pool, best, ask.k), best

        try:
            hits, sentences = await self._with_space("text", row, look, answer)
        except EmbeddingError as error:
            if ask.mode != "hybrid" or not ask.q:
                raise
            # half an answer is better than none: the words still find their passages
            _log.warning("search by words alone: %s", error)
            answer["notes"].append(f"Found by words alone, for the question could not be embedded: {error}")
            hits, sentences = await self._find(ask, None, None), {}
        results = [text_result(hit, sentences.get(hit.content_hash)) for hit in hits]
        answer["passages"] = _at_least(results, ask.min_similarity)

    async def _text_question(self, ask: Ask, row: SpaceRow) -> np.ndarray | None:
        if ask.like is not None:
            return (await self._database.call(read_vectors, row, [ask.like])).get(ask.like)
        return (await self._vectors.one(row, ask.q or "", "query")).embedding

    async def _find(self, ask: Ask, row: SpaceRow | None, vector: np.ndarray | None) -> list[TextHit]:
        if ask.like is not None and vector is None:
            return []
        mode = "text" if vector is None else "vector" if ask.like is not None else ask.mode
        found = await self._database.call(
            search_text, vector, ask.q, space=row, k=ask.k + (ask.like is not None), novel=ask.novel,
            chapter=ask.chapter, mode=mode,
        )  # fmt: skip
        return [hit for hit in found if hit.content_hash != ask.like][: ask.k]

    async def _panel_question(self, ask: Ask, body: str | None) -> Callable[[SpaceRow], Awaitable[np.ndarray]] | None:
        """How a panel space gets its question vector: from the words, or from the panel or passage to be like."""
        if ask.q:
            text = ask.q
        elif body is not None:
            text = body
        elif ask.like is not None and await self._database.call(panel_place, ask.like) is not None:
            like = ask.like

            async def stored(row: SpaceRow) -> np.ndarray:
                found = await self._database.call(read_vectors, row, [like])
                if like not in found:
                    raise Problem(404, "not-found", "That panel has no vector in the space that answers now.")
                return found[like]

            return stored
        else:
            raise field_problem("like", "No passage and no panel has this id.", status=404, kind="not-found")

        async def embed(row: SpaceRow) -> np.ndarray:
            return (await self._vectors.one(row, text, "query")).embedding

        return embed

    async def _add_panels(
        self, answer: dict[str, Any], ask: Ask, embed: Callable[[SpaceRow], Awaitable[np.ndarray]] | None
    ) -> None:
        row, note = await self._image_space()
        if row is None or embed is None:
            answer["notes"].append(NO_PANELS_YET)
            return

        async def look(row: SpaceRow) -> list[PanelHit]:
            vector = await embed(row)
            return await self._database.call(
                search_panels, vector, space=row, k=ask.k + (ask.like is not None), novel=ask.novel
            )

        try:
            hits = await self._with_space("image", row, look, answer)
        except EmbeddingError as error:
            if ask.kind != "both":
                raise
            answer["notes"].append(f"No panels, for their model cannot be asked: {error}")
            return
        if note:
            answer["notes"].append(note)
        kept = [hit for hit in hits if hit.content_hash != ask.like][: ask.k]
        answer["panels"] = _at_least([panel_result(hit) for hit in kept], ask.min_similarity)

    async def _image_space(self) -> tuple[SpaceRow | None, str]:
        row = await self._database.call(active_space, "image")
        if row is not None:
            return row, ""
        for demo in await asyncio.to_thread(sample_image_spaces, self._settings):
            try:
                return await self._database.call(get_space, demo.key), DEMO_NOTE
            except StoreError:
                continue
        return None, ""

    async def _with_space(
        self, purpose: str, row: SpaceRow, look: Callable[[SpaceRow], Awaitable[T]], answer: dict[str, Any]
    ) -> T:
        """Look in the active space; while its provider is down, in a whole standby one. The answer says which."""
        try:
            row, found = await self._look(purpose, row, look)
        except EmbeddingError as error:
            if not provider_is_down(error):
                raise
            for other in await self._database.call(standby_spaces, row):
                try:
                    found = await look(other)
                except (EmbeddingError, SpaceGone):
                    continue
                answer["notes"].append(f"Answered by the standby space {other.key}: {error}")
                row = other
                break
            else:
                raise
        answer["spaces"][purpose] = row.key
        return found

    async def _look(self, purpose: str, row: SpaceRow, look: Callable[[SpaceRow], Awaitable[T]]) -> tuple[SpaceRow, T]:
        """Look in a space; when it was dropped meanwhile, in the one that answers now."""
        for _ in range(5):
            try:
                return row, await look(row)
            except SpaceGone:
                now: SpaceRow | None = await self._database.call(active_space, purpose)
                row = now or row
        raise SpaceGone(f"The active {purpose} space was dropped five times during one search; try again.")

    async def _check_filters(self, ask: Ask) -> None:
        if ask.novel is not None and not await self._database.call(list_novels, [ask.novel]):
            raise field_problem("novel", f"No novel named {ask.novel!r} is stored.", status=404, kind="not-found")


def picture_id(data: bytes) -> bytes:
    """The content hash of a picture: of its file's bytes."""
    return hashlib.sha256(data).digest()


def _empty(ask: Ask) -> dict[str, Any]:
    return {"query": ask.q, "passages": [], "panels": [], "spaces": {}, "notes": [], "cached": False}


def _at_least(results: list[dict[str, Any]], least: float | None) -> list[dict[str, Any]]:
    if least is None:
        return results
    return [row for row in results if row["similarity"] is not None and row["similarity"] >= least]
