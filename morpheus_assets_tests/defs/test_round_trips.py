"""Round trips to the content database, counted by a proxy: with 50 ms each, they are what an ingest waits for."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import dagster as dg
import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.defs.sensors.new_content import new_novels_sensor
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.connections import content_engine
from morpheus_assets.services.search import Search, SearchQuery
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.remembered import Remember
from morpheus_assets_tests.fixtures.round_trips import RoundTrips, counting_proxy

INGEST, UNCHANGED, TICK, SEARCH = 40, 10, 4, 4


@pytest.fixture
def trips(database_url: str) -> Iterator[RoundTrips]:
    with counting_proxy(database_url) as counting:
        yield counting


@pytest.fixture
def distant(deployment: Deployment, engine: Engine, trips: RoundTrips, remember: Remember) -> Deployment:
    """The deployment behind the proxy, after a first novel; what a test looks at itself is not counted."""

    def ingest() -> None:
        deployment.drop("first.txt", story(2, 3, seed=9))
        assert deployment.ingest("first").success

    remember("a first novel", deployment, ingest)
    return deployment.with_settings(database_url=SecretStr(trips.url))


def chunks_of(deployment: Deployment, novel: str) -> int:
    [(count,)] = deployment.rows(
        f"SELECT count(*) FROM chunks c JOIN novels n ON n.id = c.novel_id WHERE novel = '{novel}'"
    )
    return count


@pytest.mark.parametrize(("chapters", "paragraphs", "least"), [(4, 4, 8), (40, 24, 450)], ids=["short", "long"])
def test_an_ingest_takes_as_few_trips_however_long_the_novel_is(
    distant: Deployment, trips: RoundTrips, chapters: int, paragraphs: int, least: int
):
    distant.drop("emma.txt", story(chapters, paragraphs, seed=2))
    with trips.counted() as first:
        assert distant.ingest("emma").success
    assert least <= chunks_of(distant, "emma") <= 500
    assert first.trips <= INGEST, first.sent
    distant.rebuild()
    with trips.counted() as again:
        assert distant.ingest("emma").success
    assert again.trips <= UNCHANGED, again.sent


def test_a_distant_database_makes_an_ingest_no_more_than_three_seconds_longer(distant: Deployment, trips: RoundTrips):
    distant.drop("persuasion.txt", story(30, 12, seed=3))
    distant.rebuild()
    trips.seconds = 0.05
    with trips.counted() as found:
        assert distant.ingest("persuasion").success
    # who sends without having waited for an answer waits no longer for a distant one
    assert found.trips * trips.seconds <= 3


def test_a_tick_with_nothing_new_takes_four_trips(distant: Deployment, trips: RoundTrips):
    resources = {
        "database": DatabaseResource(distant.settings),
        "content_folder": ContentFolderResource(distant.settings),
    }
    cursor = None

    def tick() -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=distant.instance, cursor=cursor, resources=resources) as context:
            return new_novels_sensor(context)

    # The first one notes what it had not seen before.
    first = tick()
    assert isinstance(first, dg.SensorResult)
    cursor = first.cursor
    with trips.counted() as counted:
        assert isinstance(tick(), dg.SkipReason)
    assert counted.trips <= TICK, counted.sent


class Asked:
    """The database as a search calls it, over one connection that is open already."""

    def __init__(self, distant: Deployment) -> None:
        self._engine = content_engine(distant.settings)
        with self._engine.connect():
            pass

    async def call(self, work: Callable[..., object], *arguments: object, **named: object) -> object:
        return work(self._engine, *arguments, **named)


class Vectors:
    """What a provider gives, without one."""

    async def question(self, space: Space, text: str, within: float) -> np.ndarray:
        return np.ones(space.dimensions, np.float32)

    async def sentences(self, space: Space, texts: Sequence[str], within: float) -> list[np.ndarray]:
        return [np.ones(space.dimensions, np.float32) for _ in texts]


@pytest.mark.parametrize("kind", ["text", "both"])
def test_a_search_takes_four_trips(distant: Deployment, trips: RoundTrips, kind: str):
    search = Search(distant.settings, Asked(distant), Vectors())  # type: ignore[arg-type]
    query = SearchQuery("the lantern of the harbour", kind=kind)
    with trips.counted() as counted:
        assert asyncio.run(search.find(query)).passages
    assert counted.trips <= SEARCH, counted.sent


def test_who_searches_by_vector_again_takes_one_trip(distant: Deployment, trips: RoundTrips):
    search = Search(distant.settings, Asked(distant), Vectors())  # type: ignore[arg-type]
    query = SearchQuery("the lantern of the harbour", kind="text", mode="vector", sentences=False, k=3)
    first = asyncio.run(search.find(query))
    with trips.counted() as counted:
        assert asyncio.run(search.find(query)) == first
    assert counted.trips == 1, counted.sent
