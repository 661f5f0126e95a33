"""The configured reranker, where there is one: the order that it gives to passages, and what it costs."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.rerankers.base import Reranked, Reranker, RerankerOptions
from morpheus_assets.embedding.rerankers.registry import find_reranker
from morpheus_assets.services.provider_keys import provider_key
from morpheus_assets.settings import Settings


class Reranking:
    """Orders passages by how well each answers a question; opened at the first question that needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reranker: Reranker | None = None

    @property
    def configured(self) -> bool:
        """True where the settings name a reranker."""
        return self._settings.rerank is not None

    async def order(self, question: str, texts: Sequence[str], within: float) -> tuple[list[int], Reranked]:
        """The places of the texts, best first, and what that cost; raises embedding.errors.

        Texts of the same score stay in the order in which they came.
        """
        if not texts:
            return [], Reranked([], 0, None)
        # In a thread: a key may have to be read from the database.
        reranker = self._reranker if self._reranker is not None else await asyncio.to_thread(self._open)
        reranked = await reranker.scores(question, texts, within)
        return sorted(range(len(texts)), key=lambda place: -reranked.scores[place]), reranked

    def record(self, engine: Engine, spent: Reranked) -> None:
        """Book what an order cost, under the reranker's name in place of a space's."""
        from morpheus_assets.store.accounts.spending import record_spending

        if not spent.scores or (not spent.tokens and not spent.cost):
            return
        written = self._settings.rerank or ""
        space = Space(f"rerank {written}", "text", "rerank", written, "", 0, "", None)
        record_spending(engine, space, None, tokens=spent.tokens, inputs=len(spent.scores), requests=1, cost=spent.cost)

    def _open(self) -> Reranker:
        if self._reranker is None:
            spec, model = find_reranker(self._settings.rerank or "")
            url: str | None = getattr(self._settings, spec.base_url_setting) if spec.base_url_setting else None
            key = provider_key(self._settings, spec.name) if spec.key_setting else None
            self._reranker = spec.open(model, RerankerOptions(key, url, self._settings.torch_threads))
        return self._reranker
