"""Questions and requests over HTTP beside a batch that uses up the budget, and beside a provider that never answers.

That somebody does not wait is seen by what was waited for, not by the seconds, to which other work of the machine adds.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from morpheus_assets.api.embedding import providers
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services import search
from morpheus_assets.services.configured_spaces import request_budget
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.rate_limits import LONGEST_WAIT_OF_A_QUESTION, PostgresBudget
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

BODIES = ["A ship came home without a crew.", "The lamp burns at night. A cat sleeps.", "Rain fell on the square."]


@pytest.fixture
def shelf(add_embedded: Callable[..., list[bytes]]) -> list[bytes]:
    return add_embedded("alpha", BODIES)


@pytest.fixture
def backfill(engine: Engine, space: Space) -> Callable[[Settings], Any]:
    """Takes whatever the budget has for batch work, five requests at a time, as a run does."""

    @contextmanager
    def running(settings: Settings) -> Iterator[list[int]]:
        budget, admitted = request_budget(settings, space, engine), []
        size = settings.tokens_per_minute // 50
        ended = threading.Event()

        async def take() -> None:
            async def one() -> None:
                while not ended.is_set():
                    await budget.take(1, size)
                    admitted.append(size)

            tasks = [asyncio.create_task(one()) for _ in range(5)]
            while not ended.is_set():
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        thread = threading.Thread(target=lambda: asyncio.run(take()))
        thread.start()
        while sum(admitted) + size <= 0.9 * settings.tokens_per_minute:
            time.sleep(0.02)
        try:
            yield admitted
        finally:
            ended.set()
            thread.join()

    return running


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each question was told to wait for its turn in the budget; who is refused is told none."""
    told: list[float] = []
    book_soon = PostgresBudget.book_soon

    async def noted(self: PostgresBudget, requests: int, tokens: int, within: float) -> float:
        told.append(await book_soon(self, requests, tokens, within))
        return told[-1]

    monkeypatch.setattr(PostgresBudget, "book_soon", noted)
    return told


def ask_one_after_another(api: Api, count: int) -> list[dict[str, Any]]:
    """The answer to each of `count` different questions, of which several are on their way."""

    def ask(number: int) -> dict[str, Any]:
        answer = api.search(q=f"the ship without a crew {number}", kind="text")
        assert answer.status_code == 200, answer.text
        return answer.json()

    with ThreadPoolExecutor(3) as people:
        return list(people.map(ask, range(count)))


def test_searches_find_by_meaning_beside_a_batch_that_uses_up_its_budget(
    start_api: Callable[..., Api], shelf: list[bytes], backfill: Callable, turns: list[float]
):
    api = start_api(tokens_per_minute=250_000)
    with backfill(api.settings) as admitted:
        answers = ask_one_after_another(api, 20)
    assert turns
    assert max(turns) == 0
    assert all(answer["passages"][0]["similarity"] is not None for answer in answers)
    assert [answer["notes"] for answer in answers] == [[]] * 20
    assert 0.85 * 250_000 <= sum(admitted) <= 0.9 * 250_000, "the batch had all that is its own, and no more"


def test_searches_are_answered_by_words_with_a_note_when_the_peoples_share_is_used_up_too(
    start_api: Callable[..., Api], shelf: list[bytes], backfill: Callable, fault_row: FaultRow, turns: list[float]
):
    api = start_api(tokens_per_minute=500)
    with backfill(api.settings):
        answers = ask_one_after_another(api, 16)
    assert max(turns) <= LONGEST_WAIT_OF_A_QUESTION
    assert all(answer["passages"][0]["passage"] == BODIES[0] for answer in answers)
    last = answers[-1]
    assert last["passages"][0]["similarity"] is None
    assert "words alone" in last["notes"][0]
    assert "MORPHEUS_TOKENS_PER_MINUTE" in last["notes"][0]
    fault_row("a backfill uses up the whole budget, longest turn of a search", sentence=last["notes"][0],
              seconds=max(turns))  # fmt: skip


def test_texts_are_refused_at_once_with_the_time_to_come_again(
    start_api: Callable[..., Api],
    backfill: Callable,
    provider_server: ProviderServer,
    fault_row: FaultRow,
    turns: list[float],
):
    api = start_api(tokens_per_minute=500)
    with backfill(api.settings):
        before = len(turns)
        started = time.monotonic()
        answer = api.text("a ship " * 60)
    took = time.monotonic() - started
    assert len(turns) == before, "it is told of no turn that it would wait for"
    fault_row("a text is to be embedded beside it", sentence=answer.json()["detail"], seconds=took)
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("provider-unavailable")
    assert 10 < int(answer.headers["retry-after"]) <= 65
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_a_search_by_meaning_alone_is_told_when_to_come_again(
    start_api: Callable[..., Api], shelf: list[bytes], backfill: Callable
):
    api = start_api(tokens_per_minute=50)
    with backfill(api.settings):
        answer = api.search(q="a ship without a crew", kind="text", mode="vector")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 1


@pytest.fixture
def standby(engine: Engine, shelf: list[bytes]) -> str:
    """A second space, of another provider, whole and ready."""
    row = spaces.register_space(engine, resolve_text_space("voyage/voyage-3.5@256"))
    vectors.write_batch(engine, row, shelf, vectors_of(BODIES, 256))
    spaces.mark_ready(engine, row.key)
    return row.key


HANGS = {"fault": "slow", "delay": 500}


def test_a_person_is_answered_within_six_seconds() -> None:
    assert search.QUESTION_SECONDS < search.SEARCH_SECONDS < 6
    assert search.SEARCH_SECONDS - search.QUESTION_SECONDS > 1, "what answers instead has its time"


@pytest.fixture
def hasty(start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider is waited for 2.2 seconds, what answers in its place as long as it takes."""
    monkeypatch.setattr(search, "QUESTION_SECONDS", 2.2)
    monkeypatch.setattr(search, "_LATE_SECONDS", 2.0)


def answered(api: Api) -> dict[str, Any]:
    answer = api.search(q="the ship without a crew", kind="text")
    assert answer.status_code == 200
    assert answer.json()["passages"][0]["passage"] == BODIES[0]
    return answer.json()


def test_words_answer_in_time_while_the_provider_hangs_and_at_once_after_that(
    start_api: Callable[..., Api],
    shelf: list[bytes],
    provider_server: ProviderServer,
    fault_row: FaultRow,
    hasty: None,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(providers, "_BREATH_SECONDS", 1000.0)
    api = start_api(HANGS)
    started = time.monotonic()
    [note] = answered(api)["notes"]
    fault_row("the provider of the questions hangs", sentence=note, seconds=time.monotonic() - started)
    assert note.startswith("Found by words alone")
    assert "did not answer within" in note
    asked = provider_server.stats(api.provider_url)["requests"]
    assert asked <= 2
    answered(api)
    assert provider_server.stats(api.provider_url)["requests"] == asked, "it is not waited for again"


def test_the_standby_space_answers_in_time_while_the_active_ones_provider_hangs(
    start_api: Callable[..., Api], standby: str, provider_server: ProviderServer, hasty: None
):
    api = start_api(HANGS, voyage_api_key="pa-secret", voyage_base_url=provider_server.base_url())
    answer = answered(api)
    assert answer["spaces"]["text"] == standby
    assert answer["passages"][0]["similarity"] is not None


def test_words_answer_in_time_while_every_provider_hangs(
    start_api: Callable[..., Api],
    standby: str,
    provider_server: ProviderServer,
    hasty: None,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(search, "SEARCH_SECONDS", 3.0)
    api = start_api(HANGS, voyage_api_key="pa-secret", voyage_base_url=provider_server.base_url(**HANGS))
    assert "words alone" in answered(api)["notes"][0]


def test_passages_come_without_sentences_while_those_cannot_be_embedded(
    start_api: Callable[..., Api], shelf: list[bytes], monkeypatch: pytest.MonkeyPatch
):
    # the question is answered at once; its sentences, parts of a passage that are stored nowhere, are several inputs
    api = start_api({"hangs_over": 1, "delay": 500})
    assert api.text("a first request, for which the vendor's library is imported").status_code == 200
    monkeypatch.setattr(search, "QUESTION_SECONDS", 4.0)
    answer = api.search(q="the lamp burns at night by the sleeping cat", kind="text").json()
    assert answer["passages"][0]["passage"] == BODIES[1]
    assert answer["passages"][0]["similarity"] is not None
    assert answer["passages"][0]["best_sentence"] is None
    assert answer["notes"][0].startswith("Passages only")


def test_a_search_does_not_wait_for_pictures_that_are_decoded(
    api: Api, shelf: list[bytes], monkeypatch: pytest.MonkeyPatch
):
    decoding, ended = threading.Semaphore(0), threading.Event()

    def slow(*_: Any, **__: Any) -> int:
        decoding.release()
        ended.wait()
        raise RefusedImage("page.png is no picture.")

    # the far end of decoding: a file that takes long, in the threads that the API gives it
    monkeypatch.setattr("morpheus_assets.api.embedding.pictures.declared_pixels", slow)
    many = 3 * (os.cpu_count() or 1) + 16
    with ThreadPoolExecutor(many) as uploads:
        picture = {"file": ("page.png", b"x" * 99)}
        for _ in range(many):
            uploads.submit(httpx.post, f"{api.url}/api/embeddings/image", files=picture, timeout=300)
        try:
            assert decoding.acquire(timeout=100)
            answer = api.search(q="a cat sleeps at night by the lamp", kind="text").json()
            assert answer["passages"][0]["best_sentence"] is not None
            assert not ended.is_set()
        finally:
            ended.set()
