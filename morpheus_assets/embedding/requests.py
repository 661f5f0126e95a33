"""Requests: filled from a stream of inputs, booked in the budget, sent, tried again, split at the input at fault.

How many are on their way at once, and which are sent again later, is stream.py's.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morpheus_assets.embedding.errors import (
    EmbeddingError,
    InputRefused,
    RateLimited,
    RequestTooLarge,
    ValidationError,
)
from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType
from morpheus_assets.embedding.rate_limits import RequestBudget
from morpheus_assets.embedding.retries import RetryPolicy, with_retries


@dataclass(frozen=True)
class EmbeddingInput:
    """Something to embed: its hash, the text or image, and its size in tokens (texts are estimated anew)."""

    content_hash: bytes
    content: Any
    tokens: int = 0


@dataclass(frozen=True)
class Pack:
    """The inputs of one request, with the tokens that each is expected to cost, and requests made for it in vain."""

    inputs: tuple[EmbeddingInput, ...]
    tokens: tuple[int, ...]
    requests: int = 0

    def split(self, at: int | None) -> tuple["Pack", "Pack"]:
        """Two packs: the input at that position alone and the others, or (None) two halves."""
        if at is not None:
            others = [index for index in range(len(self.inputs)) if index != at]
            return self._pick([at]), self._pick(others)
        middle = len(self.inputs) // 2
        return self._pick(range(middle)), self._pick(range(middle, len(self.inputs)))

    def without(self, hashes: Collection[bytes], *, requests: int) -> "Pack":
        """What is left once some inputs have their vector or are refused."""
        kept = [index for index, item in enumerate(self.inputs) if item.content_hash not in hashes]
        return replace(self._pick(kept), requests=requests)

    def _pick(self, positions: Iterable[int]) -> "Pack":
        kept = list(positions)
        return Pack(tuple(self.inputs[i] for i in kept), tuple(self.tokens[i] for i in kept))


class Packer:
    """Cuts a stream of inputs into packs; holds one input ahead and the hashes seen, nothing else."""

    def __init__(
        self, inputs: Iterable[EmbeddingInput], provider: EmbeddingProvider, max_inputs: int | None = None
    ) -> None:
        self._source = self._distinct(inputs)
        self._provider = provider
        self._most = min(provider.limits.max_inputs, max_inputs or provider.limits.max_inputs)
        self._held: tuple[EmbeddingInput, int] | None = None

    def shrink(self, inputs: int) -> None:
        """Put at most half of `inputs` into a pack from now on: the provider found that many too large."""
        self._most = max(1, min(self._most, inputs // 2))

    def next_pack(self) -> Pack | None:
        """The next pack, None at the end; an input larger than a request may be goes alone."""
        most_tokens = self._provider.limits.max_request_tokens
        inputs: list[EmbeddingInput] = []
        tokens: list[int] = []
        total = 0
        while len(inputs) < self._most:
            measured = self._held or next(self._source, None)
            if measured is None:
                break
            if inputs and most_tokens is not None and total + measured[1] > most_tokens:
                self._held = measured
                break
            self._held = None
            inputs.append(measured[0])
            tokens.append(measured[1])
            total += measured[1]
        return Pack(tuple(inputs), tuple(tokens)) if inputs else None

    def _distinct(self, inputs: Iterable[EmbeddingInput]) -> Iterator[tuple[EmbeddingInput, int]]:
        seen: set[bytes] = set()
        for item in inputs:
            if item.content_hash not in seen:
                seen.add(item.content_hash)
                text = item.content
                yield item, self._provider.estimate_tokens(text) if isinstance(text, str) else item.tokens


_HARMLESS = "The ship came home in the evening."


@dataclass(frozen=True)
class EmbeddedBatch:
    """Vectors that arrived: float32 [n, dimensions], row i belongs to `hashes[i]`.

    `tokens` is what the provider charged, `requests` how many it took (failed ones too), `seconds` how long
    the one that succeeded took.
    """

    hashes: list[bytes]
    embeddings: np.ndarray
    tokens: int
    requests: int
    seconds: float


@dataclass(frozen=True)
class RefusedInput:
    """An input that the provider refuses by itself, with its reason, and the requests it took to find out."""

    content_hash: bytes
    reason: str
    requests: int = 0


@dataclass
class Outcome:
    """What became of a pack: everything that arrived, the error that ended it, if one did, and what that left over."""

    results: list[EmbeddedBatch | RefusedInput] = field(default_factory=list)
    error: Exception | None = None
    unsolved: Pack | None = None
    requests_without_result: int = 0

    def take_requests(self) -> int:
        """Requests that brought nothing and are in no result yet."""
        requests, self.requests_without_result = self.requests_without_result, 0
        return requests


class Sender:
    """Sends the packs of one stream; `stop` lets what is on its way end without further attempts."""

    def __init__(
        self,
        provider: EmbeddingProvider,
        budget: RequestBudget,
        policy: RetryPolicy,
        input_type: InputType,
        on_too_large: Callable[[int], None],
    ) -> None:
        self._provider = provider
        self._budget = budget
        self._policy = policy
        self._input_type: InputType = input_type
        self._on_too_large = on_too_large
        self._stopped = False
        self._trusted = False
        self._probing = asyncio.Lock()

    def stop(self) -> None:
        """Make no further attempt: the stream has ended with an error."""
        self._stopped = True

    async def send(self, pack: Pack) -> Outcome:
        """Send a pack; its error is part of the outcome, so that what arrived before it is not lost."""
        outcome = Outcome(requests_without_result=pack.requests)
        try:
            await self._solve(pack, outcome)
        except Exception as error:
            outcome.error = error
            solved = {value for result in outcome.results for value in _hashes_of(result)}
            made = error.requests if isinstance(error, EmbeddingError) else 0
            outcome.unsolved = pack.without(solved, requests=outcome.take_requests() + made)
        return outcome

    async def _solve(self, pack: Pack, outcome: Outcome) -> None:
        started = time.monotonic()
        try:
            result, requests = await with_retries(lambda: self._attempt(pack), self._policy, lambda: not self._stopped)
        except (InputRefused, RequestTooLarge) as error:
            outcome.requests_without_result += error.requests
            await self._divide(pack, error, outcome)
            return
        self._trusted = True
        hashes = [item.content_hash for item in pack.inputs]
        requests += outcome.take_requests()
        seconds = time.monotonic() - started
        outcome.results.append(EmbeddedBatch(hashes, result.embeddings, result.total_tokens, requests, seconds))

    async def _divide(self, pack: Pack, error: InputRefused | RequestTooLarge, outcome: Outcome) -> None:
        """Find the inputs at fault by sending parts, so that their siblings are not lost with them."""
        size = len(pack.inputs)
        if isinstance(error, RequestTooLarge) and size > 1:
            self._on_too_large(size)
        else:
            await self._check_inputs_are_at_fault(pack, error, outcome)
        if size == 1:
            item = pack.inputs[0]
            outcome.results.append(RefusedInput(item.content_hash, str(error), outcome.take_requests()))
            return
        at = error.index if isinstance(error, InputRefused) else None
        for part in pack.split(at if at is not None and 0 <= at < size else None):
            if self._stopped:
                return
            await self._solve(part, outcome)

    async def _check_inputs_are_at_fault(self, pack: Pack, error: EmbeddingError, outcome: Outcome) -> None:
        """Before the first refusal is believed, send a harmless sentence: a wrong setting refuses that too.

        Else one wrong setting would cost two requests an input and mark a whole novel as refused.
        """
        if not isinstance(pack.inputs[0].content, str):
            return
        async with self._probing:
            if self._trusted:
                return
            try:
                _, requests = await with_retries(
                    lambda: self._attempt_contents([_HARMLESS], self._provider.estimate_tokens(_HARMLESS)),
                    self._policy,
                    lambda: not self._stopped,
                )
            except ValidationError:
                raise ValidationError(
                    f"{error} A harmless sentence is refused as well, so the setting is at fault and not the "
                    "input: check MORPHEUS_TEXT_SPACES and the base URL."
                ) from None
            outcome.requests_without_result += requests
            self._trusted = True

    async def _attempt(self, pack: Pack) -> EmbeddingResult:
        return await self._attempt_contents([item.content for item in pack.inputs], sum(pack.tokens))

    async def _attempt_contents(self, contents: list[object], tokens: int) -> EmbeddingResult:
        await self._budget.take(1, tokens)
        try:
            result = await self._provider.embed(contents, self._input_type)
        except RateLimited as error:
            await self._budget.settle(tokens, 0)
            if error.limits is not None:
                await self._budget.observe(error.limits)
            wait = self._policy.retry_after(error)
            if wait:
                await self._budget.pause(wait)
            raise
        except EmbeddingError as error:
            # A broken or untrusted answer may have been charged for, so its tokens stay booked.
            if not error.retryable:
                await self._budget.settle(tokens, 0)
            raise
        # What arrived is paid for: bookkeeping that fails now must not cost it.
        with contextlib.suppress(Exception):
            await self._budget.settle(tokens, result.total_tokens)
            if result.limits is not None:
                await self._budget.observe(result.limits)
        return result


def _hashes_of(result: EmbeddedBatch | RefusedInput) -> list[bytes]:
    return result.hashes if isinstance(result, EmbeddedBatch) else [result.content_hash]
