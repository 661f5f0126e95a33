"""Packs: the inputs of one request, filled from a stream, sent, and divided until the inputs at fault are found.

How many packs are in flight, and which are sent again later, is stream.py's.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    EmbeddingError,
    InputRefused,
    InvalidAnswer,
    ProviderUnavailable,
    RequestTooLarge,
    ValidationError,
)
from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.rate_limits import RequestBudget
from morpheus_assets.embedding.requests import SentRequest, send_request
from morpheus_assets.embedding.retries import RetryPolicy

# How often an input is sent in a day without a person, when no answer comes in time: it is perhaps paid each time.
TRIES_A_DAY = 3
# How often an input that fails by itself is sent once more, each time after a harmless sentence that passes: at 40 %
# failing requests, chance alone gets an input here and through in one of 40,000.
_CONFIRMATIONS = 3
# So many packs that fail while their halves pass are no chance.
_FAILED_WHOLE = 2
# So many inputs of one request that only fail: it is not the inputs.
_MOST_AT_FAULT = 8


def _harmless(pack: "Pack") -> Any:
    # Another one each time: a proxy that caches answers would go on giving it for a provider that is down.
    number = secrets.randbelow(10**9)
    if _is_text(pack):
        return f"The ship came home in the evening with {number} letters."
    from PIL import Image

    return Image.new("RGB", (64, 64), (number % 256, number // 256 % 256, 200))


@dataclass(frozen=True)
class EmbeddingInput:
    """Something to embed: its hash, the text or image, and its size in tokens (texts are estimated anew).

    A tuple of texts is embedded together, and `members` are their hashes then. `tries` is how often it was sent in vain
    within a day, `together` how many were in its last request then.
    """

    content_hash: bytes
    content: Any
    tokens: int = 0
    tries: int = 0
    together: int = 0
    members: tuple[bytes, ...] = ()

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of the vectors that it gets."""
        return self.members or (self.content_hash,)

    def only(self, places: Sequence[int]) -> "EmbeddingInput":
        """Some of what is embedded together, without the others; the same where that is all."""
        if len(places) == len(self.hashes):
            return self
        kept = tuple(self.content[place] for place in places)
        return replace(self, content=kept, members=tuple(self.members[place] for place in places))


@dataclass(frozen=True)
class Pack:
    """The inputs of one request, the tokens that each is expected to cost, and the requests made for it in vain.

    `tries` is how often its inputs were sent within a day without an answer in time.
    """

    inputs: tuple[EmbeddingInput, ...]
    tokens: tuple[int, ...]
    requests: int = 0
    tries: int = 0

    @property
    def hashes(self) -> list[bytes]:
        """The hashes of the vectors that it gets."""
        return [value for item in self.inputs for value in item.hashes]

    def split(self, at: int | None) -> tuple["Pack", "Pack"]:
        """Two packs: the input at that position alone and the others, or (None, or no such position) two halves.

        Of passages that are embedded together, and stand alone in it, the first and the second half.
        """
        if len(self.inputs) == 1:
            everything = range(len(self.inputs[0].hashes))
            middle = len(everything) // 2
            return self._part(0, everything[:middle]), self._part(0, everything[middle:])
        if at is not None and 0 <= at < len(self.inputs):
            others = [index for index in range(len(self.inputs)) if index != at]
            return self._pick([at]), self._pick(others)
        middle = len(self.inputs) // 2
        return self._pick(range(middle)), self._pick(range(middle, len(self.inputs)))

    def apart(self, trouble: ProviderUnavailable | InvalidAnswer) -> "list[Pack]":
        """The inputs that have no usable vector in an answer one by one and the others together, else two halves."""
        rows = trouble.rows if isinstance(trouble, InvalidAnswer) else None
        if not rows or len(self.hashes) != len(self.inputs):
            return list(self.split(None))
        others = [index for index in range(len(self.inputs)) if index not in rows]
        return [*(self._pick([index]) for index in rows), *([self._pick(others)] if others else [])]

    def cut(self, inputs: int) -> "list[Pack]":
        """Packs of at most so many inputs."""
        every = range(len(self.inputs))
        return [self._pick(every[start : start + inputs]) for start in range(0, len(every), inputs)]

    def without(self, hashes: Collection[bytes], *, requests: int) -> "Pack":
        """The inputs that have neither a vector nor a refusal yet."""
        parts = [
            self._part(index, [place for place, value in enumerate(item.hashes) if value not in hashes])
            for index, item in enumerate(self.inputs)
        ]
        left = [part for part in parts if part.hashes]
        inputs = tuple(item for part in left for item in part.inputs)
        return Pack(inputs, tuple(size for part in left for size in part.tokens), requests, self.tries)

    def _part(self, index: int, places: Sequence[int]) -> "Pack":
        """A pack of one input, or of some of what is embedded together in it; without any where there are none."""
        item, size = self.inputs[index], self.tokens[index]
        if not places:
            return Pack((), (), tries=self.tries)
        part = item.only(places)
        if part is not item:
            size = max(1, size * sum(map(len, part.content)) // max(1, sum(map(len, item.content))))
        return Pack((part,), (size,), tries=self.tries)

    def _pick(self, positions: Iterable[int]) -> "Pack":
        kept = list(positions)
        inputs, tokens = tuple(self.inputs[i] for i in kept), tuple(self.tokens[i] for i in kept)
        return Pack(inputs, tokens, tries=self.tries)


class Packer:
    """Fills packs from a stream of inputs, as full as the provider's limits allow and each hash once.

    Pulls lazily: it holds one input ahead, the hashes seen, and what was sent in vain today, which comes last.
    `on_limit` is told how many inputs a request may have, when the provider shows it.
    """

    def __init__(
        self,
        inputs: Iterable[EmbeddingInput],
        provider: EmbeddingProvider,
        max_inputs: int | None = None,
        on_limit: Callable[[int], None] = lambda inputs: None,
    ) -> None:
        self._on_limit = on_limit
        self._source = self._distinct(inputs)
        self._provider = provider
        self._max_inputs = min(provider.limits.max_inputs, max_inputs or provider.limits.max_inputs)
        self._held: tuple[EmbeddingInput, int] | None = None

    def shrink(self, inputs: int, most_inputs: int | None = None) -> None:
        """Put fewer into a pack from now on: the provider found `inputs` too many.

        `most_inputs` is what it said that it takes; where it did not say, half of them.
        """
        fewer = most_inputs if most_inputs is not None and most_inputs < inputs else inputs // 2
        self._max_inputs = max(1, min(self._max_inputs, fewer))
        self._on_limit(self._max_inputs)

    def fitting(self, pack: Pack) -> list[Pack]:
        """The pack, or several where the provider has shown since that it takes fewer inputs."""
        return pack.cut(self._max_inputs) if len(pack.inputs) > self._max_inputs else [pack]

    def next_pack(self) -> Pack | None:
        """The next pack, None at the end; an input larger than a request may be goes alone.

        Inputs that were sent in vain as often go together, half as many at a time as then.
        """
        max_tokens = self._provider.limits.max_request_tokens
        inputs: list[EmbeddingInput] = []
        tokens: list[int] = []
        total = 0
        most = self._max_inputs
        while len(inputs) < most:
            measured = self._held or next(self._source, None)
            if measured is None:
                break
            if measured[0].tries:
                most = min(most, max(1, measured[0].together // 2))
            other = inputs and (measured[0].tries != inputs[0].tries or len(inputs) >= most)
            if other or (inputs and max_tokens is not None and total + measured[1] > max_tokens):
                self._held = measured
                break
            self._held = None
            inputs.append(measured[0])
            tokens.append(measured[1])
            total += measured[1]
        return Pack(tuple(inputs), tuple(tokens), tries=inputs[0].tries) if inputs else None

    def _distinct(self, inputs: Iterable[EmbeddingInput]) -> Iterator[tuple[EmbeddingInput, int]]:
        seen: set[bytes] = set()
        in_vain: list[EmbeddingInput] = []
        for item in inputs:
            if item.content_hash not in seen:
                seen.add(item.content_hash)
                if item.tries:
                    in_vain.append(item)
                else:
                    yield item, self._measure(item)
        # Together, for the packs they break would else be as many as the times that they alternate with others.
        for item in sorted(in_vain, key=lambda each: (each.tries, -each.together)):
            yield item, self._measure(item)

    def _measure(self, item: EmbeddingInput) -> int:
        content = item.content
        if isinstance(content, str):
            return self._provider.estimate_tokens(content)
        return sum(map(self._provider.estimate_tokens, content)) if item.members else item.tokens


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
    """An input that the provider refuses by itself, with its reason, and what it took to find out."""

    content_hash: bytes
    reason: str
    requests: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class UnansweredRequest:
    """A request without a usable answer within our deadline, so that its `inputs` and `tokens` are perhaps paid for.

    `hashes` are empty for a harmless sentence, and where an answer came that cannot be used: only what gets no answer
    is not sent again. `tokens` is estimated, `requests` counts those before it in vain, too.
    """

    hashes: list[bytes]
    inputs: int
    tokens: int
    requests: int


StreamResult = EmbeddedBatch | RefusedInput | UnansweredRequest


@dataclass
class PackOutcome:
    """Results of a pack in the order of their arrival, the error that ended it, and the rest of the pack then."""

    results: list[StreamResult] = field(default_factory=list)
    error: Exception | None = None
    rest: Pack | None = None
    requests_without_result: int = 0
    tokens_without_result: int = 0

    def take_requests(self) -> int:
        """Requests that brought nothing and are counted in no result yet."""
        requests, self.requests_without_result = self.requests_without_result, 0
        return requests

    def refusal(self, content_hash: bytes, reason: str) -> RefusedInput:
        """The refusal of an input, with everything that is counted in no result yet."""
        return RefusedInput(content_hash, reason, self.take_requests(), self.take_tokens())

    def take_tokens(self) -> int:
        """Tokens charged for harmless sentences, which are counted in no result yet."""
        tokens, self.tokens_without_result = self.tokens_without_result, 0
        return tokens


def _parts_after(pack: Pack, error: InputRefused | RequestTooLarge) -> Sequence[Pack]:
    if isinstance(error, InputRefused):
        return pack.split(error.index)
    most = error.most_inputs
    return pack.cut(most) if most is not None and 0 < most < len(pack.inputs) else pack.split(None)


class PackSender:
    """Sends the packs of one stream, and divides a pack that is refused until the inputs at fault are found."""

    def __init__(
        self,
        provider: EmbeddingProvider,
        budget: RequestBudget,
        policy: RetryPolicy,
        input_type: InputType,
        on_too_large: Callable[[int, int | None], None],
    ) -> None:
        self._provider = provider
        self._budget = budget
        self._policy = replace(policy, repeats_overdue=False)
        self._input_type: InputType = input_type
        self._on_too_large = on_too_large
        self._stopped = False
        # When the last request was sent that got vectors, and how many inputs the largest had; 0: none did.
        self._answered = 0.0
        self._most_answered = 0
        # Packs that failed for good while each of their halves passed.
        self._failed_whole = 0
        self._probing = asyncio.Lock()
        self._probe_passed = self._probe_failed = 0.0
        self._probe_error: EmbeddingError | None = None
        self._once = replace(self._policy, unavailable_attempts=1)
        self._part_once = replace(self._once, invalid_answer_attempts=1)
        self._opened = time.monotonic()

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
        trouble = await self._try(pack, outcome, self._policy)
        if trouble is None:
            return
        failed_at = time.monotonic()
        if not self._policy.divides or not await self._passes_harmless(pack, failed_at, outcome):
            raise trouble
        outcome.requests_without_result += trouble.requests
        await self._find_fault(pack, trouble, failed_at, outcome)

    async def _try(
        self, pack: Pack, outcome: PackOutcome, policy: RetryPolicy
    ) -> ProviderUnavailable | InvalidAnswer | None:
        # Send a pack, in parts where it is refused; a server in trouble is for the caller to judge.
        if pack.tries and not await self._may_be_sent_again(pack, outcome):
            return None
        contents = [item.content for item in pack.inputs]
        try:
            sent = await self._request(contents, sum(pack.tokens), policy, outcome, patience=2.0**pack.tries)
        except (InputRefused, RequestTooLarge) as error:
            outcome.requests_without_result += error.requests
            await self._divide(pack, error, outcome)
            return None
        except AnswerOverdue as error:
            await self._go_on_after_silence(pack, error, outcome)
            return None
        except ProviderUnavailable as error:
            return error
        except InvalidAnswer as error:
            if error.rows is None:
                raise
            return error
        self._most_answered = max(self._most_answered, len(pack.inputs))
        hashes = pack.hashes
        requests = sent.attempts + outcome.take_requests()
        tokens = sent.result.total_tokens + outcome.take_tokens()
        outcome.results.append(EmbeddedBatch(hashes, sent.result.embeddings, tokens, requests))
        return None

    async def _divide(self, pack: Pack, error: InputRefused | RequestTooLarge, outcome: PackOutcome) -> None:
        """Send parts of a refused pack, so that only the inputs at fault are lost and not their siblings."""
        size = len(pack.inputs)
        if isinstance(error, RequestTooLarge) and size > 1:
            self._on_too_large(size, error.most_inputs)
        else:
            await self._check_inputs_are_at_fault(pack, error, outcome)
        if len(pack.hashes) == 1:
            outcome.results.append(outcome.refusal(pack.hashes[0], str(error)))
            return
        refused = _refusals(outcome)
        for part in _parts_after(pack, error):
            if self._stopped:
                return
            await self._embed(part, outcome)
        if isinstance(error, InputRefused) and error.index is None and size > 1 and _refusals(outcome) == refused:
            # No input was at fault, so their number was, in whichever words the provider said so.
            self._on_too_large(size, None)

    async def _may_be_sent_again(self, pack: Pack, outcome: PackOutcome) -> bool:
        # Before inputs that are perhaps paid for are paid again, a harmless sentence shows that answers come at all.
        if pack.tries >= TRIES_A_DAY:
            self._leave_to_a_person(pack, "no answer in time", outcome)
            return False
        if _is_text(pack) and not await self._passes_harmless(pack, self._opened, outcome):
            if self._probe_error is not None and not isinstance(self._probe_error, AnswerOverdue):
                raise self._probe_error
            raise AnswerOverdue(
                "The provider does not answer a harmless sentence, so what it did not answer today, and is perhaps paid"
                " for, is not sent again yet: run again later."
            )
        return True

    async def _go_on_after_silence(self, pack: Pack, error: AnswerOverdue, outcome: PackOutcome) -> None:
        """Book what is perhaps paid for, and send halves with twice the patience, a few times a day at most."""
        overdue_at = time.monotonic()
        hashes = pack.hashes
        requests, error.requests = outcome.take_requests() + error.requests, 0
        outcome.results.append(UnansweredRequest(hashes, len(hashes), sum(pack.tokens), requests))
        pack = replace(pack, tries=pack.tries + 1)
        if pack.tries >= TRIES_A_DAY:
            self._leave_to_a_person(pack, error.said, outcome)
            return
        if not self._policy.divides or (_is_text(pack) and not await self._passes_harmless(pack, overdue_at, outcome)):
            raise error
        for part in pack.split(None) if len(hashes) > 1 else [pack]:
            if self._stopped:
                return
            await self._embed(part, outcome)

    def _leave_to_a_person(self, pack: Pack, said: str, outcome: PackOutcome) -> None:
        reason = (
            f"Waits for a person: sent {TRIES_A_DAY} times in a day and perhaps paid each time, but {said}; raise"
            " MORPHEUS_REQUEST_TIMEOUT_SECONDS or wait until the provider is faster, then `morpheus refused retry`."
        )
        outcome.results += [outcome.refusal(value, reason) for value in pack.hashes]

    async def _find_fault(
        self, pack: Pack, trouble: ProviderUnavailable | InvalidAnswer, failed_at: float, outcome: PackOutcome
    ) -> None:
        """Divide a pack that fails while a harmless input passes, until the inputs at fault stand alone.

        Some servers answer 500, or not at all, for one text that they cannot embed, or give it a vector of NaN. Raises
        `trouble` as soon as nothing passes any more.
        """
        if len(pack.hashes) == 1:
            await self._confirm(pack, trouble, failed_at, outcome)
            return
        failed: list[tuple[Pack, ProviderUnavailable | InvalidAnswer, float]] = []
        parts = pack.apart(trouble)
        for part in parts:
            if self._stopped:
                return
            again = await self._try(part, outcome, self._part_once)
            if again is not None:
                failed.append((part, again, time.monotonic()))
        if len(failed) == len(parts) and not await self._passes_harmless(pack, failed[-1][2], outcome):
            outcome.requests_without_result += sum(again.requests for _, again, _ in failed[:-1])
            raise failed[-1][1]
        if not failed:
            self._suspect_size(len(pack.inputs))
        outcome.requests_without_result += sum(again.requests for _, again, _ in failed)
        for part, again, at in failed:
            await self._find_fault(part, again, at, outcome)

    def _suspect_size(self, size: int) -> None:
        """Send smaller packs when two failed for good whose halves passed, and none as large ever did.

        LM Studio and llama.cpp answer 500 to more inputs than they hold.
        """
        if size <= self._most_answered:
            return
        self._failed_whole += 1
        if self._failed_whole >= _FAILED_WHOLE:
            self._on_too_large(size, None)

    async def _confirm(
        self, pack: Pack, trouble: ProviderUnavailable | InvalidAnswer, failed_at: float, outcome: PackOutcome
    ) -> None:
        if _refusals(outcome) >= _MOST_AT_FAULT:
            trouble.requests = 0
            raise trouble
        for _ in range(_CONFIRMATIONS):
            if not await self._passes_harmless(pack, failed_at, outcome):
                trouble.requests = 0
                raise trouble
            again = await self._try(pack, outcome, self._part_once)
            if again is None:
                return
            outcome.requests_without_result += again.requests
            trouble, failed_at = again, time.monotonic()
        harmless, what = ("sentence", "text") if _is_text(pack) else ("picture", "picture")
        reason = (
            f"The provider fails each time it is sent this input, and embeds a harmless {harmless} ({trouble.said}): "
            f"change the {what}, or leave it refused."
        )
        outcome.results.append(outcome.refusal(pack.hashes[0], reason))

    async def _passes_harmless(self, pack: Pack, failed_at: float, outcome: PackOutcome) -> bool:
        """True when a harmless input gets a vector after `failed_at`; asked once for all that failed before."""
        async with self._probing:
            if failed_at <= max(self._probe_passed, self._probe_failed):
                return self._probe_passed > self._probe_failed
            if self._stopped:
                return False
            try:
                await self._send_harmless(pack, outcome, self._once)
            except EmbeddingError as error:
                outcome.requests_without_result += error.requests
                error.requests = 0
                self._probe_error, self._probe_failed = error, time.monotonic()
                return False
            self._probe_passed = time.monotonic()
            return True

    async def _check_inputs_are_at_fault(
        self, pack: Pack, error: InputRefused | RequestTooLarge, outcome: PackOutcome
    ) -> None:
        """Before a refusal is believed, send a harmless input: a wrong setting or an empty account refuses that too.

        Once before the first pack is divided, and again for each input that would be refused, unless another request
        got vectors since. Else one wrong setting would mark a whole novel as refused, and so would an account that is
        used up meanwhile, where a server says so with 400 (LiteLLM, DashScope).
        """
        if not error.by_provider:
            return
        refused_at = time.monotonic()
        async with self._probing:
            if self._answered > (refused_at if len(pack.hashes) == 1 else 0.0):
                return
            try:
                await self._send_harmless(pack, outcome, self._policy)
            except ValidationError:
                harmless = "sentence" if _is_text(pack) else "picture"
                raise ValidationError(
                    f"{error} A harmless {harmless} is refused as well, so a setting or the account is at fault and not"
                    " the input: check MORPHEUS_TEXT_SPACES or MORPHEUS_IMAGE_SPACES, the base URL and the account."
                ) from None

    async def _send_harmless(self, pack: Pack, outcome: PackOutcome, policy: RetryPolicy) -> None:
        content = _harmless(pack)
        tokens = self._provider.estimate_tokens(content) if isinstance(content, str) else 0
        try:
            sent = await self._request([content], tokens, policy, outcome)
        except AnswerOverdue as error:
            outcome.results.append(UnansweredRequest([], 1, tokens, error.requests))
            error.requests = 0
            raise
        outcome.requests_without_result += sent.attempts
        outcome.tokens_without_result += sent.result.total_tokens

    async def _request(
        self,
        contents: list[object],
        tokens: int,
        policy: RetryPolicy,
        outcome: PackOutcome,
        patience: float = 1.0,
    ) -> SentRequest:
        def book(error: EmbeddingError) -> None:
            # the attempts are counted with what comes of them
            if error.perhaps_paid:
                outcome.results.append(UnansweredRequest([], len(contents), tokens, 0))

        sent_at = time.monotonic()
        sent = await send_request(
            self._provider,
            contents,
            self._input_type,
            budget=self._budget,
            policy=policy,
            tokens=tokens,
            patience=patience,
            may_retry=lambda: not self._stopped,
            on_error=book,
        )
        self._answered = max(self._answered, sent_at)
        return sent


def _is_text(pack: Pack) -> bool:
    return isinstance(pack.inputs[0].content, str | tuple)


def _refusals(outcome: PackOutcome) -> int:
    return sum(isinstance(result, RefusedInput) for result in outcome.results)


def _hashes_of(result: StreamResult) -> list[bytes]:
    match result:
        case EmbeddedBatch():
            return result.hashes
        case RefusedInput():
            return [result.content_hash]
        case _:
            return []
