"""The stream from inputs to vectors: several requests in flight, batches out as they arrive.

Few packs more than `concurrency` are in memory, so that it does not grow with the novel. The caller stores the batches.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from morpheus_assets.embedding.errors import AnswerOverdue, ProviderUnavailable, RateLimited
from morpheus_assets.embedding.packs import (
    EmbeddedBatch,
    EmbeddingInput,
    Pack,
    Packer,
    PackOutcome,
    PackSender,
    StreamResult,
)
from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.retries import RetryPolicy

_Value = TypeVar("_Value")

# Packs that are read while the requests before them are on their way: a request leaves as soon as another one ends.
_READ_AHEAD = 2


async def embed_stream(
    provider: EmbeddingProvider,
    inputs: Iterable[EmbeddingInput],
    *,
    budget: RequestBudget | None = None,
    concurrency: int = 5,
    retry: RetryPolicy | None = None,
    max_inputs: int | None = None,
    input_type: InputType = "document",
    on_limit: Callable[[int], None] = lambda inputs: None,
    ensure: Callable[[], object] | None = None,
) -> AsyncIterator[StreamResult]:
    """Embed every distinct input, yielding batches in the order in which they arrive.

    `inputs` is pulled lazily, in another thread; `max_inputs` caps a request below the provider's own limit, so that
    batches are committed in smaller steps. `on_limit` is told how many inputs the provider takes, when it refuses more.
    `ensure` is called before each request, in another thread too; what it raises ends the stream, as when the inputs
    have passed to another process. A pack that spent its attempts is sent again while others get through. Raises
    embedding.errors when the rest cannot be embedded, after everything that had arrived by then was yielded. Closing
    the stream cancels the requests in flight and closes the provider.
    """
    packer = Packer(inputs, provider, max_inputs, on_limit)
    sender = PackSender(provider, budget or NoBudget(), retry or RetryPolicy(), input_type, packer.shrink)
    requests = _Requests(packer, sender, concurrency, ensure)
    try:
        while (result := await requests.next_result()) is not None:
            yield result
            # Not kept until the next one arrives.
            del result
    finally:
        await requests.cancel()
        # A connection that cannot be closed must not hide why the stream ended.
        with contextlib.suppress(Exception):
            await provider.close()


class _Requests:
    """Up to `concurrency` requests at once, while who takes their results stores them and the next inputs are read.

    What has arrived and was not taken counts as if it were still on its way: a process that is killed loses that too.
    """

    def __init__(
        self, packer: Packer, sender: PackSender, concurrency: int, ensure: Callable[[], object] | None
    ) -> None:
        self._packer = packer
        self._sender = sender
        self._concurrency = concurrency
        self._ensure = ensure
        self._requeue = Requeue()
        self._ready: deque[Pack] = deque()
        self._reading: asyncio.Task[Pack | None] | None = None
        self._all_read = False
        self._in_flight: set[asyncio.Task[PackOutcome]] = set()
        self._arrived: deque[StreamResult] = deque()
        self._error: BaseException | None = None
        self._changed = asyncio.Event()

    async def next_result(self) -> StreamResult | None:
        """The next result, None after the last; raises what ended the stream when all that had arrived is taken."""
        while True:
            self._go_on()
            if self._arrived:
                result = self._arrived.popleft()
                self._go_on()
                return result
            if not self._in_flight and not (self._reading and self._error is None):
                if self._error is not None:
                    raise self._error
                return None
            self._changed.clear()
            await self._changed.wait()

    async def cancel(self) -> None:
        """End the requests in flight."""
        # Nothing is begun any more.
        self._error = self._error or asyncio.InvalidStateError("the stream was closed")
        running = [*self._in_flight, *([self._reading] if self._reading else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _go_on(self) -> None:
        """Begin what may be begun now; called whenever something has changed."""
        while self._error is None and len(self._in_flight) + len(self._arrived) < self._concurrency:
            pack = self._requeue.next_pack() or self._next_ready()
            if pack is None:
                break
            task = asyncio.create_task(self._send(pack))
            self._requeue.begin(task)
            self._in_flight.add(task)
            task.add_done_callback(self._ended)
        if self._error is None and self._reading is None and not self._all_read and len(self._ready) < _READ_AHEAD:
            self._reading = asyncio.create_task(_in_a_thread(self._packer.next_pack))
            self._reading.add_done_callback(self._read)
        self._changed.set()

    def _next_ready(self) -> Pack | None:
        if not self._ready:
            return None
        # The provider may have shown since it was read that it takes fewer inputs.
        first, *others = self._packer.fitting(self._ready.popleft())
        self._ready.extendleft(reversed(others))
        return first

    async def _send(self, pack: Pack) -> PackOutcome:
        if self._ensure is not None:
            await _in_a_thread(self._ensure)
        return await self._sender.send(pack)

    def _read(self, reading: "asyncio.Task[Pack | None]") -> None:
        self._reading = None
        if reading.cancelled():
            return
        fault = reading.exception()
        if fault is not None:
            # The source of the inputs broke; requests in flight are paid for and still wanted.
            self._error = self._error or fault
        elif (pack := reading.result()) is not None:
            self._ready.append(pack)
        else:
            self._all_read = True
        self._go_on()

    def _ended(self, task: "asyncio.Task[PackOutcome]") -> None:
        self._in_flight.discard(task)
        if task.cancelled():
            return
        fault = task.exception()
        if fault is not None:
            self._error = self._error or fault
        else:
            outcome = task.result()
            requeued = self._requeue.end(task, outcome)
            self._arrived.extend(outcome.results)
            outcome.results.clear()
            if outcome.error is not None and not requeued and self._error is None:
                self._error = outcome.error
                self._sender.stop()
        self._go_on()


def embed_batches(
    provider: EmbeddingProvider,
    inputs: Iterable[EmbeddingInput],
    *,
    budget: RequestBudget | None = None,
    concurrency: int = 5,
    retry: RetryPolicy | None = None,
    max_inputs: int | None = None,
    input_type: InputType = "document",
    on_limit: Callable[[int], None] = lambda inputs: None,
    ensure: Callable[[], object] | None = None,
) -> Iterator[StreamResult]:
    """`embed_stream` for code that is not async, also inside a running event loop.

    Requests run in a thread of their own while the caller works on a batch, and `inputs` is pulled in another one.
    """
    stream = embed_stream(
        provider,
        inputs,
        budget=budget,
        concurrency=concurrency,
        retry=retry,
        max_inputs=max_inputs,
        input_type=input_type,
        on_limit=on_limit,
        ensure=ensure,
    )

    async def arrival() -> StreamResult | None:
        return await anext(stream, None)

    worker = LoopThread()
    try:
        while (result := worker.run(arrival())) is not None:
            yield result
            del result
    finally:
        worker.run(stream.aclose())  # type: ignore[attr-defined]
        worker.stop()


async def _in_a_thread(call: Callable[[], _Value]) -> _Value:
    """The loop goes on with requests meanwhile: what makes the inputs may ask a database. Never left half-way."""
    pulled = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(pulled)
    except asyncio.CancelledError:
        await asyncio.wait([pulled])
        raise


class Requeue:
    """Packs that spent their attempts and are sent again, as long as the provider answers others meanwhile.

    At 15 % failing requests 0.3 % of packs fail three times in a row: sent only once, a long novel would seldom end.
    """

    def __init__(self) -> None:
        self._packs: deque[Pack] = deque()
        self._succeeded = 0
        self._succeeded_before: dict[asyncio.Task[PackOutcome], int] = {}

    def next_pack(self) -> Pack | None:
        """A pack to send again, before any new one: so no more packs wait than there are requests in flight."""
        return self._packs.popleft() if self._packs else None

    def begin(self, task: asyncio.Task[PackOutcome]) -> None:
        """Remember how many packs had succeeded when this one was sent."""
        self._succeeded_before[task] = self._succeeded

    def end(self, task: asyncio.Task[PackOutcome], outcome: PackOutcome) -> bool:
        """Count what arrived, and keep the rest for another try if any pack succeeded since; True when it is kept."""
        before = self._succeeded_before.pop(task)
        self._succeeded += sum(isinstance(result, EmbeddedBatch) for result in outcome.results)
        if not isinstance(outcome.error, ProviderUnavailable | RateLimited) or outcome.rest is None:
            return False
        # A text that is perhaps paid for is not sent again because others are answered.
        if self._succeeded == before or isinstance(outcome.error, AnswerOverdue):
            return False
        self._packs.append(outcome.rest)
        return True


class LoopThread:
    """An event loop in a thread of its own, for one stream or one call."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedding", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """Run `work` there and wait; when the wait is interrupted, the work is cancelled and awaited first."""

        async def start() -> asyncio.Task[_Value]:
            return asyncio.ensure_future(work)

        async def end(task: asyncio.Task[_Value]) -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        async def outcome(task: asyncio.Task[_Value]) -> _Value:
            return await task

        task = asyncio.run_coroutine_threadsafe(start(), self._loop).result()
        try:
            return asyncio.run_coroutine_threadsafe(outcome(task), self._loop).result()
        except BaseException:
            asyncio.run_coroutine_threadsafe(end(task), self._loop).result()
            raise

    def stop(self) -> None:
        """End the loop and its thread."""
        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
