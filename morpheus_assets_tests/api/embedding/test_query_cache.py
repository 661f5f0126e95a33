import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis
from sqlalchemy import Engine

from morpheus_assets.api.embedding.query_cache import QueryCache, vector_key
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.services.search import NO_PANELS_YET
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.native_servers import KEY, running_native
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of
from morpheus_assets_tests.fixtures.redis_server import RedisProcess

pytestmark = pytest.mark.redis

BODIES = ["The lamp burns at night.", "The ship came home."]


def test_a_question_asked_again_costs_nothing(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable, provider_server: ProviderServer
):
    add_embedded("alpha", BODIES)
    api = start_api(redis_url=redis.url)
    first = api.search(q="lamps at night", kind="text").json()
    made = provider_server.stats(api.provider_url)["requests"]
    second = api.search(q="lamps at night", kind="text").json()
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["passages"] == first["passages"]
    api.search(q="lamps at night", kind="text", k=1)
    assert api.text("lamps at night", input_type="query").json()["cached"] is True
    assert provider_server.stats(api.provider_url)["requests"] == made
    assert api.metric('morpheus_cache_lookups_total{kind="answer",source="redis"}') == 1


def test_an_answer_with_a_note_is_kept_until_what_it_notes_changes(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable, engine: Engine
):
    add_embedded("alpha", BODIES)
    api = start_api(redis_url=redis.url)
    first, second = (api.search(q="lamps at night").json() for _ in range(2))
    assert (first["notes"], second["notes"]) == ([NO_PANELS_YET], [NO_PANELS_YET])
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["passages"] == first["passages"]
    panels = spaces.register_space(engine, configured_image_spaces(api.settings)[0])
    spaces.activate_first(engine, panels.key)
    third = api.search(q="lamps at night").json()
    assert (third["notes"], third["cached"]) == ([], False)


def test_an_answer_by_words_alone_is_not_kept_for_when_the_provider_is_back(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable
):
    add_embedded("alpha", BODIES)
    broken = start_api({"fault": "503"}, redis_url=redis.url, retry_attempts=1)
    assert "words alone" in broken.search(q="lamp at night", kind="text").json()["notes"][0]
    api = start_api(redis_url=redis.url)
    first, second = (api.search(q="lamp at night", kind="text").json() for _ in range(2))
    assert (first["cached"], first["notes"]) == (False, [])
    assert second["cached"] is True


def test_new_content_is_found_although_the_question_was_cached(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable
):
    add_embedded("alpha", BODIES)
    api = start_api(redis_url=redis.url)
    assert len(api.search(q="a cat", kind="text").json()["passages"]) == 2
    add_embedded("beta", ["A cat came in."])
    assert api.search(q="a cat", kind="text").json()["passages"][0]["novel"] == "beta"


def test_a_switch_of_spaces_never_serves_vectors_or_answers_of_the_old_one(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable, engine: Engine, space: Space
):
    hashes = add_embedded("alpha", BODIES)
    api = start_api(redis_url=redis.url)
    api.search(q="the ship", kind="text")
    # the same size and the same model name: only the fingerprint tells the two apart
    other = replace(space, key="openai-other", revision="2")
    row = spaces.register_space(engine, other)
    vectors.write_batch(engine, row, hashes, -vectors_of(BODIES, 256))
    spaces.activate(engine, row.key)
    answer = api.search(q="the ship", kind="text", mode="vector").json()
    assert (answer["cached"], answer["spaces"]["text"]) == (False, "openai-other")
    assert answer["passages"][0]["passage_similarity"] < 0


def test_an_answer_in_the_search_s_own_order_is_none_for_who_has_it_reranked(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable
):
    add_embedded("alpha", BODIES)
    with running_native("voyage_rerank") as server:
        plain = start_api(redis_url=redis.url)
        reranking = start_api(
            redis_url=redis.url, rerank="voyage/rerank-2.5", voyage_api_key=KEY, voyage_base_url=server.url
        )
        asked = [api.search(q="lamps at night", kind="text").json()["cached"] for api in (plain, plain, reranking)]
    assert asked == [False, True, False]


def test_redis_that_goes_away_is_one_warning_and_no_error(
    start_api: Callable[..., Api], redis: RedisProcess, add_embedded: Callable, caplog: pytest.LogCaptureFixture
):
    add_embedded("alpha", BODIES)
    api = start_api(redis_url=redis.url)
    assert api.search(q="the ship").status_code == 200
    redis.stop()
    with caplog.at_level(logging.WARNING, "morpheus.cache"):
        answers = [api.search(q="the ship", kind="text").json() for _ in range(4)]
    assert all(answer["passages"] and not answer["cached"] for answer in answers)
    assert len([record for record in caplog.records if "going on without" in record.message]) == 1
    assert api.client.get("/readyz").json()["parts"]["redis"] == "down"
    redis.start()
    assert api.client.get("/readyz").json()["parts"]["redis"] == "ok"
    api.search(q="the ship", kind="text")
    assert api.search(q="the ship", kind="text").json()["cached"] is True


async def _fill(url: str, entries: int, size: int, max_bytes: int) -> QueryCache:
    cache = QueryCache(url, ttl_seconds=60, max_bytes=max_bytes)
    for number in range(entries):
        await cache.put({vector_key("f", "query", number.to_bytes(32)): b"x" * size})
    return cache


def test_the_cache_stays_within_its_bytes_and_the_oldest_go_first(redis: RedisProcess):
    import asyncio

    async def work() -> tuple[int, int]:
        cache = await _fill(redis.url, 200, 1000, 50_000)
        found = await cache.get([vector_key("f", "query", number.to_bytes(32)) for number in range(200)])
        newest = await cache.get([vector_key("f", "query", (199).to_bytes(32))])
        await cache.close()
        return len(found), len(newest)

    found, newest = asyncio.run(work())
    assert 30 <= found <= 50
    assert newest == 1
    client = Redis.from_url(redis.url)
    assert client.dbsize() <= 50 + 3
    assert 30_000 <= int(client.get("morpheus:1:bytes") or 0) <= 50_000
    # others may use the same Redis: everything stands below one name
    vectors_kept = list(client.scan_iter("morpheus:1:v:*"))
    assert len(vectors_kept) == found == client.dbsize() - 3
    assert all(0 < client.ttl(key) <= 60 for key in vectors_kept)
    client.close()


def test_an_entry_that_is_kept_anew_in_redis_counts_once_and_with_what_it_takes(redis: RedisProcess):
    import asyncio

    async def work(*sizes: int) -> None:
        cache = QueryCache(redis.url, ttl_seconds=60, max_bytes=50_000)
        for size in sizes:
            await cache.put({key: b"x" * size})
        await cache.close()

    key = vector_key("f", "query", b"a" * 32)
    client = Redis.from_url(redis.url)
    for sizes, left in (([100] * 9, 100), ([400], 400), ([10], 10)):
        asyncio.run(work(*sizes))
        assert int(client.get("morpheus:1:bytes") or 0) == len(key) + left + 200
        assert client.get(key) == b"x" * left
    client.close()
