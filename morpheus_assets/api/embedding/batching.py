"""Texts that arrive one by one for a local model, embedded together: while one batch computes, the next gathers.

For one model on two cores, 8 short texts take little longer than one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from morpheus_assets.embedding.errors import InputRefused
from morpheus_assets.embedding.providers.base import EmbeddingResult

_LARGEST = 32

Waiting = tuple[str, "asyncio.Future[EmbeddingResult]"]


class Batcher:
    """Gathers single texts of one space and one input type; each caller gets the result of its own text."""

    def __init__(self, embed: Callable[[Sequence[str]], Awaitable[EmbeddingResult]]) -> None:
        self._embed = embed
        self._waiting: list[Waiting] = []
        self._working: asyncio.Task[None] | None = None

    async def embed(self, text: str) -> EmbeddingResult:
        """The result of one text; its tokens are its share of the batch's."""
        answer: asyncio.Future[EmbeddingResult] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, answer))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
            batch = [item for item in batch if not item[1].done()]
            if batch:
                await self._solve(batch)

    async def _solve(self, batch: list[Waiting]) -> None:
        try:
            result = await self._embed([text for text, _ in batch])
        except InputRefused as error:
            if len(batch) == 1 or error.index is None:
                _fail(batch, error)
                return
            # one text that the model cannot take must not cost the others their answer
            _fail([batch[error.index]], InputRefused(str(error), 0))
            await self._solve([item for at, item in enumerate(batch) if at != error.index])
        except Exception as error:
            _fail(batch, error)
        else:
            lengths = [len(text) + 1 for text, _ in batch]
            for at, (_, answer) in enumerate(batch):
                share = max(1, round(result.total_tokens * lengths[at] / sum(lengths)))
                if not answer.done():
                    answer.set_result(replace(result, embeddings=result.embeddings[at : at + 1], total_tokens=share))


def _fail(batch: list[Waiting], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
