import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from morpheus_assets.api.search.speculation import QuestionsAhead

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


def search(ahead: QuestionsAhead, provider: Provider, says: SimpleNamespace | None) -> list[str]:
    """One search, for which Postgres says after a while that `says` answers; what was asked for by then."""

    async def run() -> list[str]:
        async with ahead.asked(provider.vector) as question:
            await asyncio.sleep(0.001)
            asked = list(provider.asked)
            if says is None:
                raise ConnectionError
            ahead.answered = says
            assert (await question(says)).shape == (1,)
            return asked

    return asyncio.run(run())


def test_a_question_is_on_its_way_while_postgres_says_which_space_answers():
    ahead, provider = QuestionsAhead(), Provider()
    assert search(ahead, provider, OLD) == []
    assert search(ahead, provider, OLD) == ["old", "old"]
    assert provider.answered == ["old", "old"], "each question is asked once"


def test_a_question_is_answered_by_the_space_that_postgres_names():
    ahead, provider = QuestionsAhead(), Provider()
    search(ahead, provider, OLD)
    search(ahead, provider, NEW)
    assert provider.answered[-1] == "new"
    assert provider.answered == ["old", "new"], "the one asked for in vain is given up"
    assert search(ahead, provider, NEW)[-1] == "new"


def test_while_postgres_is_down_no_further_question_is_asked():
    ahead, provider = QuestionsAhead(), Provider()
    search(ahead, provider, OLD)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            search(ahead, provider, None)
    assert provider.asked == ["old", "old"]


def test_a_fault_of_the_provider_is_the_searchs_own():
    ahead, provider = QuestionsAhead(), Provider()
    search(ahead, provider, OLD)

    async def broken(row: SimpleNamespace) -> np.ndarray:
        raise TimeoutError(row.fingerprint)

    async def run() -> None:
        async with ahead.asked(broken) as question:
            await asyncio.sleep(0.001)
            await question(OLD)

    with pytest.raises(TimeoutError, match="old"):
        asyncio.run(run())
