"""A question's vector, asked for while Postgres still says which space answers: in the one that answered last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np

from morpheus_assets.domain.spaces import SpaceRow

Question = Callable[[SpaceRow], Awaitable[np.ndarray | None]]
"""What gives a question's vector in a space: float32 [dimensions], None where the question has none there."""


class QuestionsAhead:
    """`answered` is to be set to what Postgres says; until it is, nothing is asked for ahead.

    So a database that is down costs one question at most, and a change of the space one for each that is on its way.
    """

    def __init__(self) -> None:
        self.answered: SpaceRow | None = None

    @asynccontextmanager
    async def asked(self, question: Question) -> AsyncIterator[Question]:
        """The same question, on its way already in the space that answered last; ended when it is left."""
        last, self.answered = self.answered, None
        if last is None:
            yield question
            return
        ahead = asyncio.ensure_future(question(last))

        async def in_space(row: SpaceRow) -> np.ndarray | None:
            if row.fingerprint == last.fingerprint:
                return await ahead
            ahead.cancel()
            return await question(row)

        try:
            yield in_space
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
