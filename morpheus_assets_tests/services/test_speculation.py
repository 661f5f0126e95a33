import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest

from morpheus_assets.services.speculation import Speculation
from morpheus_assets_tests.fixtures.waiting import JumpingLoop

T = TypeVar("T")
OLD, NEW = SimpleNamespace(fingerprint="old"), SimpleNamespace(fingerprint="new")


class Provider:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answered: list[str] = []

    async def vector(self, row: SimpleNamespace) -> np.ndarray:
        self.asked.append(row.fingerprint)
        await asyncio.sleep(0.01)
        self.answered.append(row.fingerprint)
        return np.array([len(row.fingerprint)], np.float32)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


def search(speculation: Speculation, provider: Provider, says: SimpleNamespace | None) -> list[str]:
    """One search, for which Postgres says after a while that `says` answers; what was asked for by then."""

    async def run() -> list[str]:
        async with speculation.ahead(provider.vector) as (question, _):
            await asyncio.sleep(0.001)
            asked = list(provider.asked)
            if says is None:
                raise ConnectionError
            speculation.answered = says
            assert (await question(says)).shape == (1,)
            return asked

    return at_once(run())


def test_a_question_is_on_its_way_while_postgres_says_which_space_answers():
    speculation, provider = Speculation(), Provider()
    assert search(speculation, provider, OLD) == []
    assert search(speculation, provider, OLD) == ["old", "old"]
    assert provider.answered == ["old", "old"], "each question is asked once"


def test_a_question_is_answered_by_the_space_that_postgres_names():
    speculation, provider = Speculation(), Provider()
    search(speculation, provider, OLD)
    search(speculation, provider, NEW)
    assert provider.answered[-1] == "new"
    assert provider.answered == ["old", "new"], "the one asked for in vain is given up"
    assert search(speculation, provider, NEW)[-1] == "new"


def test_while_postgres_is_down_no_further_question_is_asked():
    speculation, provider = Speculation(), Provider()
    search(speculation, provider, OLD)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            search(speculation, provider, None)
    assert provider.asked == ["old", "old"]


def test_a_fault_of_the_provider_is_the_searchs_own():
    speculation, provider = Speculation(), Provider()
    search(speculation, provider, OLD)

    async def broken(row: SimpleNamespace) -> np.ndarray:
        raise TimeoutError(row.fingerprint)

    async def run() -> None:
        async with speculation.ahead(broken) as (question, _):
            await asyncio.sleep(0.001)
            await question(OLD)

    with pytest.raises(TimeoutError, match="old"):
        at_once(run())
