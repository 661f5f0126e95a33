"""The services of all routes: one object a process, opened with the application and closed after the last request."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.models import TextSpaces
from morpheus_assets.api.embedding.pictures import Pictures
from morpheus_assets.api.embedding.providers import WarmProviders
from morpheus_assets.api.embedding.query_cache import QueryCache
from morpheus_assets.api.embedding.vectors import TextVectors
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.search.service import SearchService
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.services.dagster_client import DagsterClient
from morpheus_assets.settings import Settings

_log = logging.getLogger("morpheus.api")


@dataclass
class Services:
    """Everything that lives as long as the process; `stopping` is set when it shall end, so that streams end too."""

    settings: Settings
    metrics: Metrics
    database: Database
    cache: QueryCache
    providers: WarmProviders
    spaces: TextSpaces
    vectors: TextVectors
    search: SearchService
    pictures: Pictures
    dagster: DagsterClient
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def open_services(settings: Settings, metrics: Metrics) -> AsyncIterator[Services]:
    """Opens nothing that could fail: what is down is asked again when it is needed."""
    database = Database(settings)
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    cache = QueryCache(redis, ttl_seconds=settings.cache_ttl_seconds, max_bytes=settings.cache_max_bytes)
    providers = WarmProviders(settings, database, metrics)
    vectors = TextVectors(providers, cache, database, metrics)
    services = Services(
        settings=settings,
        metrics=metrics,
        database=database,
        cache=cache,
        providers=providers,
        spaces=TextSpaces(settings, database),
        vectors=vectors,
        search=SearchService(settings, database, providers, vectors, cache, metrics),
        pictures=Pictures(max_pixels=settings.max_image_pixels, deadline_seconds=settings.api_timeout_seconds),
        dagster=DagsterClient(settings.dagster_url),
    )
    chores = [
        asyncio.create_task(warm_up(services)),
        asyncio.create_task(providers.spending.keep_writing(database)),
    ]
    try:
        yield services
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await providers.spending.write(database)
        await services.dagster.close()
        await providers.close()
        await cache.close()
        await asyncio.to_thread(database.close)


async def warm_up(services: Services) -> None:
    """Load the local model that answers searches before the first person waits for it (seconds, once)."""
    try:
        space = await services.spaces.default()
        if is_local(space):
            await services.providers.embed(space, ["warm"], "query")
    except Exception as error:
        # the first request will meet the same fault and answer it
        _log.warning("the local model is not loaded: %s", error)


def services_of(request: Request) -> Services:
    """The services of the application that the request came to."""
    services: Services = request.app.state.services
    return services


UsesServices = Annotated[Services, Depends(services_of)]
