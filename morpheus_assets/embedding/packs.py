"""Packs: the inputs of one request, filled from a stream, sent, and divided until the inputs at fault are found.

How many packs are in flight, and which are sent again later, is stream.py's.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morpheus_assets.embedding.errors import EmbeddingError, InputRefused, RequestTooLarge, ValidationError
from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.rate_limits import RequestBudget
from morpheus_assets.embedding.requests import SentRequest, send_request
from morpheus_assets.embedding.retries import RetryPolicy

_HARMLESS = "The ship came home in the evening."


@dataclass(frozen=True)
class EmbeddingInput:
    """Something to embed: its hash, the text or image, and its size in tokens (texts are estimated anew)."""

    content_hash: bytes
    content: Any
    tokens: int = 0


@dataclass(frozen=True)
class Pack:
    """The inputs of one request, the tokens that each is expected to cost, and the requests made for it in vain."""

    inputs: tuple[EmbeddingInput, ...]
    tokens: tuple[int, ...]
    requests: int = 0

    def split(self, at: int | None) -> tuple["Pack", "Pack"]:
        """Two packs: the input at that position alone and the others, or (None, or no such position) two halves."""
        if at is not None and 0 <= at < len(self.inputs):
            others = [index for index in range(len(self.inputs)) if index != at]
            return self._pick([at]), self._pick(others)
        middle = len(self.inputs) // 2
        return self._pick(range(middle)), self._pick(range(middle, len(self.inputs)))

    def without(self, hashes: Collection[bytes], *, requests: int) -> "Pack":
        """The inputs that have neither a vector nor a refusal yet."""
        kept = [index for index, item in enumerate(self.inputs) if item.content_hash not in hashes]
        return replace(self._pick(kept), requests=requests)

    def _pick(self, positions: Iterable[int]) -> "Pack":
        kept = list(positions)
        return Pack(tuple(self.inputs[i] for i in kept), tuple(self.tokens[i] for i in kept))


class Packer:
    """Fills packs from a stream of inputs, as full as the provider's limits allow and each hash once.

    Pulls lazily: it holds one input ahead and the hashes seen, nothing else.
    """

    def __init__(
        self, inputs: Iterable[EmbeddingInput], provider: EmbeddingProvider, max_inputs: int | None = None
    ) -> None:
        self._source = self._distinct(inputs)
        self._provider = provider
        self._max_inputs = min(provider.limits.max_inputs, max_inputs or provider.limits.max_inputs)
        self._held: tuple[EmbeddingInput, int] | None = None

    def shrink(self, inputs: int) -> None:
        """Put at most half of `inputs` into a pack from now on: the provider found that many too large."""
        self._max_inputs = max(1, min(self._max_inputs, inputs // 2))

    def next_pack(self) -> Pack | None:
        """The next pack, None at the end; an input larger than a request may be goes alone."""
        max_tokens = self._provider.limits.max_request_tokens
        inputs: list[EmbeddingInput] = []
        tokens: list[int] = []
        total = 0
        while len(inputs) < self._max_inputs:
            measured = self._held or next(self._source, None)
            if measured is None:
                break
            if inputs and max_tokens is not None and total + measured[1] > max_tokens:
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


@dataclass(frozen=True)
class EmbeddedBatch:
    """Vectors that arrived: float32 [n, dimensions], row i belongs to `hashes[i]`.

    `tokens` is what the provider charged, `requests` how many requests it took, failed ones too.
    """

    hashes: list[bytes]
    embeddings: np.ndarray
    tokens: int
    requests: int


@dataclass(frozen=True)
class RefusedInput:
    """An input that the provider refuses by itself, with its reason, and the requests it took to find out."""

    content_hash: bytes
    reason: str
    requests: int = 0


@dataclass
class PackOutcome:
    """Results of a pack in the order of their arrival, the error that ended it, and the rest of the pack then."""

    results: list[EmbeddedBatch | RefusedInput] = field(default_factory=list)
    error: Exception | None = None
    rest: Pack | None = None
    requests_without_result: int = 0

    def take_requests(self) -> int:
        """Requests that brought nothing and are counted in no result yet."""
        requests, self.requests_without_result = self.requests_without_result, 0
        return requests


class PackSender:
    """Sends the packs of one stream, and divides a pack that is refused until the inputs at fault are found."""

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
        """Let requests in flight end, without further attempts: the stream has ended with an error."""
        self._stopped = True

    async def send(self, pack: Pack) -> PackOutcome:
        """Send a pack; an error is part of the outcome, so that what arrived before it is not lost."""
        outcome = PackOutcome(requests_without_result=pack.requests)
        try:
            await self._embed(pack, outcome)
        except Exception as error:
            outcome.error = error
            done = {value for result in outcome.results for value in _hashes_of(result)}
            made = error.requests if isinstance(error, EmbeddingError) else 0
            outcome.rest = pack.without(done, requests=outcome.take_requests() + made)
        return outcome

    async def _embed(self, pack: Pack, outcome: PackOutcome) -> None:
        try:
            sent = await self._request([item.content for item in pack.inputs], sum(pack.tokens))
        except (InputRefused, RequestTooLarge) as error:
            outcome.requests_without_result += error.requests
            await self._divide(pack, error, outcome)
            return
        self._trusted = True
        hashes = [item.content_hash for item in pack.inputs]
        requests = sent.attempts + outcome.take_requests()
        outcome.results.append(EmbeddedBatch(hashes, sent.result.embeddings, sent.result.total_tokens, requests))

    async def _divide(self, pack: Pack, error: InputRefused | RequestTooLarge, outcome: PackOutcome) -> None:
        """Send parts of a refused pack, so that only the inputs at fault are lost and not their siblings."""
        size = len(pack.inputs)
        if isinstance(error, RequestTooLarge) and size > 1:
            self._on_too_large(size)
        else:
            await self._check_inputs_are_at_fault(pack, error, outcome)
        if size == 1:
            item = pack.inputs[0]
            outcome.results.append(RefusedInput(item.content_hash, str(error), outcome.take_requests()))
            return
        for part in pack.split(error.index if isinstance(error, InputRefused) else None):
            if self._stopped:
                return
            await self._embed(part, outcome)

    async def _check_inputs_are_at_fault(self, pack: Pack, error: EmbeddingError, outcome: PackOutcome) -> None:
        """Before the first refusal is believed, send a harmless sentence: a wrong setting refuses that too.

        Else one wrong setting would cost two requests an input and mark a whole novel as refused.
        """
        if not isinstance(pack.inputs[0].content, str):
            return
        async with self._probing:
            if self._trusted:
                return
            try:
                sent = await self._request([_HARMLESS])
            except ValidationError:
                raise ValidationError(
                    f"{error} A harmless sentence is refused as well, so the setting is at fault and not the "
                    "input: check MORPHEUS_TEXT_SPACES and the base URL."
                ) from None
            outcome.requests_without_result += sent.attempts
            self._trusted = True

    async def _request(self, contents: list[object], tokens: int | None = None) -> SentRequest:
        return await send_request(
            self._provider,
            contents,
            self._input_type,
            budget=self._budget,
            policy=self._policy,
            tokens=tokens,
            may_retry=lambda: not self._stopped,
        )


def _hashes_of(result: EmbeddedBatch | RefusedInput) -> list[bytes]:
    return result.hashes if isinstance(result, EmbeddedBatch) else [result.content_hash]
