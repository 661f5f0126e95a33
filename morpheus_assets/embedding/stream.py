"""The stream from inputs to vectors: several requests in flight, batches out as they arrive.

At most `concurrency` packs are in memory, so that it does not grow with the novel. The caller stores the batches.
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
) -> AsyncIterator[StreamResult]:
    """Embed every distinct input, yielding batches in the order in which they arrive.

    `inputs` is pulled lazily; `max_inputs` caps a request below the provider's own limit, so that batches are
    committed in smaller steps. `on_limit` is told how many inputs the provider takes, when it refuses more. A pack that
    spent its attempts is sent again while others get through. Raises embedding.errors when the rest cannot be embedded,
    after everything that had arrived by then was yielded. Closing the stream cancels the requests in flight and closes
    the provider.
    """
    packer = Packer(inputs, provider, max_inputs, on_limit)
    sender = PackSender(provider, budget or NoBudget(), retry or RetryPolicy(), input_type, packer.shrink)
    requeue = Requeue()
    in_flight: set[asyncio.Task[PackOutcome]] = set()
    error: Exception | None = None
    arrived: deque[StreamResult] = deque()
    try:
        while True:
            # Filled up before anything is yielded: requests run while the caller stores what it got. What has arrived
            # and waits counts as if it were still on its way: a stream that is left there loses that too.
            while error is None and len(in_flight) + len(arrived) < concurrency + bool(arrived):
                try:
                    pack = requeue.next_pack() or await _in_a_thread(packer.next_pack)
                except Exception as fault:
                    # The source of the inputs broke; requests in flight are paid for and still wanted.
                    error = fault
                    break
                if pack is None:
                    break
                task = asyncio.create_task(sender.send(pack))
                requeue.begin(task)
                in_flight.add(task)
                # It begins now, not when the inputs of all the others have been read.
                await asyncio.sleep(0)
            if arrived:
                yield arrived.popleft()
                continue
            if not in_flight:
                break
            done, in_flight = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
            # Emptied as it goes: a batch that was yielded is not kept until the next one arrives.
            while done:
                task = done.pop()
                outcome = task.result()
                requeued = requeue.end(task, outcome)
                arrived.extend(outcome.results)
                outcome.results.clear()
                if outcome.error is not None and not requeued and error is None:
                    error = outcome.error
                    sender.stop()
        if error is not None:
            raise error
    finally:
        for task in in_flight:
            task.cancel()
        await asyncio.gather(*in_flight, return_exceptions=True)
        # A connection that cannot be closed must not hide why the stream ended.
        with contextlib.suppress(Exception):
            await provider.close()


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
) -> Iterator[StreamResult]:
    """`embed_stream` for code that is not async, also inside a running event loop.

    Requests run in a thread of their own while the caller works on a batch; `inputs` is pulled in another one,
    but only while the caller waits for the next batch, so the two never touch a connection at the same time.
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
