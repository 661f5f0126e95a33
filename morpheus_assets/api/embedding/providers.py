"""Providers that stay open for the life of the process, with one budget each, retries, and counters.

What a vector is wanted for, and whether one is stored already, is vectors.py's.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.batching import Batcher
from morpheus_assets.api.embedding.budget import SharedBudget
from morpheus_assets.api.embedding.spending import Spending
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import BillingError, EmbeddingError, ProviderUnavailable
from morpheus_assets.embedding.models import price_of
from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.requests import send_request
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.services.configured_spaces import open_provider, request_budget
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import DatabaseUnusable

_MOST_OPEN = 8
_BREATH_SECONDS = 3.0
_log = logging.getLogger("morpheus.api")


class WarmProviders:
    """Opens the provider of a space once; a local model is loaded at its first use and then kept."""

    def __init__(self, settings: Settings, database: Database, metrics: Metrics) -> None:
        self._settings = settings
        self._database = database
        self._metrics = metrics
        self._open: OrderedDict[str, EmbeddingProvider] = OrderedDict()
        self._batchers: dict[tuple[str, str], Batcher] = {}
        self._budgets: dict[str, RequestBudget] = {}
        self._opening = asyncio.Lock()
        self._down: dict[str, tuple[float, EmbeddingError]] = {}
        self._closing = False
        self.spending = Spending()
        # A person waits: fewer and shorter waits than a run in the background would take.
        self._policy = RetryPolicy(
            attempts=settings.retry_attempts, first_wait=0.2, longest_wait=2.0, jitter=0.2, longest_retry_after=5.0
        )

    async def provider(self, space: Space) -> EmbeddingProvider:
        """The open provider of a space; raises ConfigurationError when its key is missing."""
        async with self._opening:
            found = self._open.get(space.fingerprint)
            if found is None:
                # in a thread: a key may have to be read from the database, weights from a disk
                found = await asyncio.to_thread(open_provider, self._settings, space)
                self._open[space.fingerprint] = found
                if len(self._open) > _MOST_OPEN:
                    _, oldest = self._open.popitem(last=False)
                    await oldest.close()
            self._open.move_to_end(space.fingerprint)
            return found

    async def embed(self, space: Space, contents: Sequence[Any], input_type: InputType) -> EmbeddingResult:
        """One request's worth of contents, with budget and retries; raises embedding.errors."""
        if is_local(space) and len(contents) == 1 and isinstance(contents[0], str):
            batcher = self._batchers.setdefault(
                (space.fingerprint, input_type), Batcher(lambda texts: self._embed(space, texts, input_type))
            )
            return await batcher.embed(contents[0])
        return await self._embed(space, contents, input_type)

    async def _embed(self, space: Space, contents: Sequence[Any], input_type: InputType) -> EmbeddingResult:
        provider = await self.provider(space)
        budget = await self._budget(space)
        self._refuse_while_down(space)
        try:
            sent = await send_request(
                provider,
                contents,
                input_type,
                budget=budget,
                policy=self._policy,
                may_retry=lambda: not self._closing,
                on_error=lambda error: self._metrics.provider_errors.labels(space.provider, type(error).__name__).inc(),
            )
        except (ProviderUnavailable, BillingError) as error:
            self._down[space.provider] = (time.monotonic() + _BREATH_SECONDS, error)
            raise
        result = sent.result
        self._metrics.provider_seconds.labels(space.key).observe(sent.seconds)
        price = price_of(space, result.total_tokens)
        self._metrics.count_tokens(space, result.total_tokens, price)
        self.spending.add(space, result.total_tokens, len(contents), sent.attempts, price)
        return result

    def _refuse_while_down(self, space: Space) -> None:
        """For a breath after its last attempt failed, let nobody wait for a provider that is down."""
        until, error = self._down.get(space.provider, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error

    async def _budget(self, space: Space) -> RequestBudget:
        found = self._budgets.get(space.provider)
        if found is None:
            try:
                own = await self._database.call(lambda engine: request_budget(self._settings, space, engine))
            except (DatabaseUnusable, DatabaseNotRunning):
                return NoBudget()
            found = self._budgets[space.provider] = SharedBudget(own)
        return found

    async def close(self) -> None:
        """Close every provider."""
        self._closing = True
        for provider in self._open.values():
            await provider.close()
        self._open.clear()
