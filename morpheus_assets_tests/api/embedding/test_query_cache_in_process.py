"""The cache where no Redis is set, and the keys that both kinds share."""

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from morpheus_assets.api.embedding import query_cache
from morpheus_assets.api.embedding.query_cache import QueryCache, answer_key, vector_key
from morpheus_assets_tests.api.conftest import SPACE, Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.store.conftest import SPACE as STORED


def test_a_vector_is_kept_apart_by_its_space_its_use_and_its_content():
    of_spaces = [
        STORED.fingerprint,
        replace(STORED, revision="2").fingerprint,
        replace(STORED, dimensions=9).fingerprint,
    ]
    each = itertools.product(of_spaces, ("query", "document"), (b"a" * 32, b"b" * 32))
    assert len({vector_key(*parts) for parts in each}) == 3 * 2 * 2


def test_an_answer_is_kept_apart_by_everything_that_it_depends_on():
    asked = [["ship", "10"], ["ship", "1", "0"], ["ship1", "0"], ["10", "ship"], ["ship\ud800", "10"], []]
    assert len({answer_key(parts) for parts in asked}) == len(asked)


def test_two_models_never_share_a_vector_of_the_same_text(
    start_api: Callable[..., Api], provider_server: ProviderServer
):
    other = "openai/text-embedding-3-large@256"
    api = start_api(text_spaces=f"{SPACE}, {other}")
    for model in ("text-embedding-3-small", "text-embedding-3-large"):
        first, second = (api.text("lamps at night", model=model, input_type="query").json() for _ in range(2))
        assert (first["cached"], second["cached"]) == (False, True)
    assert provider_server.stats(api.provider_url)["requests"] == 2


def test_each_vector_is_counted_by_where_it_came_from(start_api: Callable[..., Api], add_embedded: Callable):
    add_embedded("alpha", ["The lamp burns at night."])
    api = start_api()

    def counted() -> list[float]:
        return [
            api.metric(f'morpheus_cache_lookups_total{{kind="vector",source="{source}"}}')
            for source in ("provider", "postgres", "redis")
        ]

    texts = ["The lamp burns at night.", "A ship.", "A cat.", "A ship."]
    answers = [api.text(texts, input_type="document").json()]
    assert counted() == [2, 1, 0]
    answers.append(api.text(texts, input_type="document").json())
    assert counted() == [2, 2, 2]
    assert [(answer["cached"], answer["total_tokens"]) for answer in answers] == [(False, 4), (True, 0)]


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(query_cache, "time", SimpleNamespace(monotonic=lambda: self.now))


def kept(cache: QueryCache, *keys: str) -> dict[str, bytes]:
    return asyncio.run(cache.get(keys))


def keep(cache: QueryCache, **entries: bytes) -> None:
    asyncio.run(cache.put(entries))


def test_what_is_kept_is_given_back_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    cache = QueryCache(None, ttl_seconds=60)
    keep(cache, a=b"1")
    clock.now += 30
    keep(cache, b=b"2")
    assert kept(cache, "a", "b", "never kept") == {"a": b"1", "b": b"2"}
    clock.now += 30
    assert kept(cache, "a", "b") == {"b": b"2"}
    assert not cache.configured


def test_without_room_what_was_not_asked_for_longest_goes_first():
    cache = QueryCache(None, max_bytes=30)
    keep(cache, a=b"x" * 10, b=b"x" * 10, c=b"x" * 10)
    assert set(kept(cache, "a")) == {"a"}
    keep(cache, d=b"x" * 10)
    assert set(kept(cache, "a", "b", "c", "d")) == {"a", "c", "d"}


def test_a_process_keeps_sixteen_megabytes_at_most_whatever_a_redis_might():
    cache = QueryCache(None)
    for number in range(20):
        keep(cache, **{str(number): bytes(1024 * 1024)})
    assert set(kept(cache, *map(str, range(20)))) == set(map(str, range(4, 20)))


def test_an_entry_that_is_kept_anew_counts_once():
    cache = QueryCache(None, max_bytes=30)
    keep(cache, a=b"x" * 10)
    for _ in range(9):
        keep(cache, b=b"y" * 20)
    assert kept(cache, "a", "b") == {"a": b"x" * 10, "b": b"y" * 20}
    keep(cache, a=b"z" * 4)
    keep(cache, c=b"w" * 6)
    assert kept(cache, "a", "b", "c") == {"a": b"z" * 4, "b": b"y" * 20, "c": b"w" * 6}


def test_what_is_larger_than_all_the_room_is_not_kept():
    cache = QueryCache(None, max_bytes=30)
    keep(cache, a=b"x" * 31)
    assert kept(cache, "a") == {}


def test_a_redis_that_fails_is_left_alone_for_some_seconds_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    clock = Clock(monkeypatch)
    cache = QueryCache("redis://127.0.0.1:1")
    tried: list[float] = []

    async def fails() -> str:
        tried.append(clock.now)
        raise OSError

    async def answers() -> str:
        return "PONG"

    def attempt(call: Callable[[], object], seconds_later: float) -> object:
        clock.now += seconds_later
        return asyncio.run(cache._try(call))

    assert [attempt(fails, seconds) for seconds in (0.0, 0.1, 4.8, 0.2)] == [None] * 4
    assert tried == [1000.0, pytest.approx(1005.1)]
    assert (attempt(answers, 4.9), attempt(answers, 0.2), attempt(answers, 0.0)) == (None, "PONG", "PONG")
    assert attempt(fails, 0.0) is None
    told = ["without" if "going on without" in each.message else "again" for each in caplog.records]
    assert told == ["without", "again", "without"]
    assert kept(cache, "a") == {}
    assert cache.configured


@pytest.mark.parametrize("lets_in", [True, False])
def test_a_redis_that_says_nothing_holds_a_request_up_for_a_moment_only(lets_in: bool):
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(8 if lets_in else 0)
        for _ in range(0 if lets_in else 8):
            before = stack.enter_context(socket.socket())
            before.setblocking(False)
            before.connect_ex(silent.getsockname())
        cache = QueryCache(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert kept(cache, "a") == {}
        assert 0.4 < time.monotonic() - started < 50
