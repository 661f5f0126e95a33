"""Providers that stay open for the life of the process, with one budget each, retries, and counters.

What a vector is wanted for, and whether one is stored already, is vectors.py's.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.batching import Batcher
from morpheus_assets.api.embedding.budget import PatientBudget, SharedBudget
from morpheus_assets.api.embedding.spending import Spending
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import BillingError, EmbeddingError, ProviderUnavailable
from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.requests import send_request
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.services.configured_spaces import account_of, budget_for_people, open_provider, price_of
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.rate_limits import LONGEST_WAIT_OF_A_QUESTION
from morpheus_assets.store.database.errors import DatabaseUnusable

_MOST_OPEN = 8
_BREATH_SECONDS = 3.0
# A provider that let nobody wait as long as this says nothing about the next request.
_LEAST_PROOF_SECONDS = 2.0
_log = logging.getLogger("morpheus.api")


@dataclass(frozen=True)
class Patience:
    """How long somebody waits, until moments of this process's clock: for room in the budget, and for the vectors.

    `attempts` is how often a request is tried at most; None: as often as the settings say.
    """

    turn: float = math.inf
    answer: float = math.inf
    attempts: int | None = None

    @classmethod
    def of_question(cls, seconds: float) -> "Patience":
        """Of a person who is answered by something else after `seconds`."""
        now = time.monotonic()
        return cls(now + min(seconds, LONGEST_WAIT_OF_A_QUESTION), now + seconds, attempts=2)

    @classmethod
    def of_request(cls, deadline_seconds: float) -> "Patience":
        """Of a request that ends with 504 after so long: refused while there is time to come again."""
        return cls(turn=time.monotonic() + deadline_seconds / 2)


class WarmProviders:
    """Opens the provider of a space once; a local model is loaded at its first use and then kept."""

    def __init__(self, settings: Settings, database: Database, metrics: Metrics) -> None:
        self._settings = settings
        self._database = database
        self._metrics = metrics
        self._open: OrderedDict[str, EmbeddingProvider] = OrderedDict()
        self._batchers: dict[tuple[str, str], Batcher] = {}
        self._budgets: dict[str, SharedBudget] = {}
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
        found = self._open.get(space.fingerprint)
        if found is not None:
            self._open.move_to_end(space.fingerprint)
            return found
        async with self._opening:
            found = self._open.get(space.fingerprint)
            if found is None:
                # in a thread: a key may have to be read from the database, weights from a disk
                found = await asyncio.to_thread(open_provider, self._settings, space)
                self._open[space.fingerprint] = found
                if len(self._open) > _MOST_OPEN:
                    _, oldest = self._open.popitem(last=False)
                    await oldest.close()
            return found

    async def embed(
        self, space: Space, contents: Sequence[Any], input_type: InputType, patience: Patience | None = None
    ) -> EmbeddingResult:
        """One request's worth of contents, with budget and retries; raises embedding.errors.

        A model of this machine takes the time it takes; `patience` is for the others (None: as for any request).
        """
        if is_local(space) and len(contents) == 1 and isinstance(contents[0], str):
            batcher = self._batchers.get((space.fingerprint, input_type))
            if batcher is None:
                batcher = Batcher(lambda texts: self._embed(space, texts, input_type, Patience()))
                self._batchers[space.fingerprint, input_type] = batcher
            return await batcher.embed(contents[0])
        if is_local(space):
            patience = Patience()
        return await self._embed(
            space, contents, input_type, patience or Patience.of_request(self._settings.api_timeout_seconds)
        )

    async def _embed(
        self, space: Space, contents: Sequence[Any], input_type: InputType, patience: Patience
    ) -> EmbeddingResult:
        provider = await self.provider(space)
        account = account_of(self._settings, space)
        budget = await self._budget(space, account, patience, input_type)
        self._refuse_while_down(account)
        policy = self._policy
        if patience.attempts is not None:
            policy = replace(policy, attempts=min(policy.attempts, patience.attempts))
        begun, wait = time.monotonic(), 0.0

        def note(error: EmbeddingError) -> None:
            nonlocal wait
            wait = policy.retry_after(error) or 0.0
            self._metrics.provider_errors.labels(space.provider, type(error).__name__).inc()

        try:
            async with asyncio.timeout(None if patience.answer == math.inf else patience.answer - begun) as deadline:
                sent = await send_request(
                    provider,
                    contents,
                    input_type,
                    budget=budget,
                    policy=policy,
                    # a wait that outlasts the patience would only put off the answer that comes instead
                    may_retry=lambda: not self._closing and time.monotonic() + wait < patience.answer,
                    on_error=note,
                )
        except (ProviderUnavailable, BillingError) as error:
            self._down[account] = (time.monotonic() + _BREATH_SECONDS, error)
            raise
        except TimeoutError:
            if not deadline.expired():
                raise
            seconds = time.monotonic() - begun
            silent = ProviderUnavailable(f"{space.provider} did not answer within {seconds:.1f} seconds.")
            note(silent)
            if seconds >= _LEAST_PROOF_SECONDS:
                self._down[account] = (time.monotonic() + _BREATH_SECONDS, silent)
            raise silent from None
        result = sent.result
        self._metrics.provider_seconds.labels(space.key).observe(sent.seconds)
        price = price_of(self._settings, space, result.total_tokens, input_type)
        self._metrics.count_tokens(space, result.total_tokens, price)
        self.spending.add(space, result.total_tokens, len(contents), sent.attempts, price)
        return result

    def _refuse_while_down(self, account: str) -> None:
        """For a breath after its last attempt failed, let nobody wait for a provider that is down."""
        until, error = self._down.get(account, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error

    async def _budget(self, space: Space, account: str, patience: Patience, input_type: InputType) -> RequestBudget:
        if is_local(space):
            return NoBudget()
        found = self._budgets.get(account)
        if found is None:
            try:
                own = await self._database.call(
                    lambda engine: budget_for_people(self._settings, space, engine, input_type)
                )
            except (DatabaseUnusable, DatabaseNotRunning):
                return NoBudget()
            if own is None:
                return NoBudget()
            found = self._budgets[account] = SharedBudget(own)
        return PatientBudget(found, patience.turn)

    async def close(self) -> None:
        """Close every provider."""
        self._closing = True
        for provider in self._open.values():
            await provider.close()
        self._open.clear()
