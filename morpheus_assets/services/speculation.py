"""Embeds a question while Postgres still says which space answers: in the space that answered last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np

from morpheus_assets.domain.spaces import SpaceRow

EmbedQuestion = Callable[[SpaceRow], Awaitable[np.ndarray | None]]
"""Gives a question's vector in a space: float32 [dimensions], None where the question has none there."""


class Speculation:
    """Set `answered` to the space that Postgres names; until it is set again, nothing is embedded ahead.

    So a database that is down costs one question at most, and a change of the space one for each that is on its way.
    """

    def __init__(self) -> None:
        self.answered: SpaceRow | None = None

    @asynccontextmanager
    async def ahead(self, embed: EmbedQuestion) -> AsyncIterator[tuple[EmbedQuestion, SpaceRow | None]]:
        """`embed`, already on its way in the space that answered last, and that space; cancelled on leaving."""
        last, self.answered = self.answered, None
        if last is None:
            yield embed, None
            return
        begun = asyncio.ensure_future(embed(last))

        async def in_space(row: SpaceRow) -> np.ndarray | None:
            if row.fingerprint == last.fingerprint:
                return await begun
            begun.cancel()
            return await embed(row)

        try:
            yield in_space, last
        finally:
            begun.cancel()
            await asyncio.gather(begun, return_exceptions=True)
