"""The search of the API's process: the use case of services.search, its vectors from warm providers, a cache in front.

Which parameters there are is routes/search.py's.
"""

import logging
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
from pydantic import ValidationError

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.providers import Patience, WarmProviders
from morpheus_assets.api.embedding.query_cache import QueryCache, answer_key
from morpheus_assets.api.embedding.vectors import TextVectors
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.responses import to_json
from morpheus_assets.api.search.admission import Admission
from morpheus_assets.api.search.results import SearchAnswer, search_answer
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.services.search import (
    Found,
    Search,
    SearchQuery,
)
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.lookups import content_version

_log = logging.getLogger("morpheus.api")


class _WarmVectors:
    """services.search.QueryVectors from providers and a cache that stay open."""

    def __init__(self, providers: WarmProviders, vectors: TextVectors) -> None:
        self._providers = providers
        self._vectors = vectors

    async def question(self, space: Space, text: str, within: float) -> np.ndarray:
        return await self._vectors.question(space, text, Patience.of_question(within))

    async def sentences(self, space: SpaceRow, texts: Sequence[str], within: float) -> Sequence[np.ndarray]:
        # Parts of passages: looking for them among the stored ones was a fifth trip to the database, for nothing.
        patience = Patience.of_question(within)
        found = await self._vectors.all(space, texts, "document", patience, are_passages=False)
        return [vector.embedding for vector in found]

    async def picture(self, space: Space, picture: Any, within: float) -> np.ndarray:
        result = await self._providers.embed(space, [picture], "document", Patience.of_question(within))
        return np.asarray(result.embeddings[0])


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
        self._search = Search(settings, database, _WarmVectors(providers, vectors))
        self._database = database
        self._rerank = settings.rerank or ""
        self._cache = cache
        self._metrics = metrics
        self._admission = Admission()

    async def search(self, query: SearchQuery) -> SearchAnswer:
        """The answer; from the cache when nothing that it depends on has changed.

        Raises as `Search.find`, and a Problem when so many are on their way that the answer would come too late.
        """
        if not self._cache.configured:
            return _answer(query, await self._find(query))
        key = answer_key([await self._database.call(content_version), self._rerank, *map(str, astuple(query))])
        cached = _cached_answer(await self._cache.get([key]))
        self._metrics.cache.labels("answer", "redis" if cached else "search").inc()
        if cached is not None:
            return cached
        found = await self._find(query)
        answer = _answer(query, found)
        # what else is noted, such as that there are no panels, is as true as the answer for as long as the key is
        if not found.faults:
            await self._cache.put({key: to_json(answer)})
        return answer

    async def _find(self, query: SearchQuery) -> Found:
        with self._admission.place():
            return await self._search.find(query)

    async def by_vector(self, vector: np.ndarray, query: SearchQuery) -> SearchAnswer:
        """Passages near a vector [dimensions] of the model that answers. Raises as `Search.find_by_vector`."""
        with self._admission.place():
            return _answer(query, await self._search.find_by_vector(vector, query))

    async def like_picture(self, picture: Any, query: SearchQuery) -> SearchAnswer:
        """Panels that look like a picture: a decoded one, or what opens it (images.decoding.opener_of)."""
        return _answer(query, await self._search.find_like_picture(picture, query))


def _answer(query: SearchQuery, found: Found) -> SearchAnswer:
    for fault in found.faults:
        _log.warning("a search was answered without a provider: %s", fault)
    return search_answer(query, found)


def _cached_answer(found: dict[str, bytes]) -> SearchAnswer | None:
    for content in found.values():
        try:
            answer = SearchAnswer.model_validate_json(content)
        except ValidationError:
            # another version of this program wrote it
            return None
        answer.cached = True
        return answer
    return None
