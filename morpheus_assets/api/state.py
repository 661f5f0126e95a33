"""The services of all routes: one object a process, opened with the application and closed after the last request."""

import asyncio
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
from morpheus_assets.api.embedding.warm_up import WarmUp
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.search.service import SearchService
from morpheus_assets.services.dagster_client import DagsterClient
from morpheus_assets.settings import Settings


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
    warm_up: WarmUp
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
    spaces = TextSpaces(settings, database)
    services = Services(
        settings=settings,
        metrics=metrics,
        database=database,
        cache=cache,
        providers=providers,
        spaces=spaces,
        vectors=vectors,
        warm_up=WarmUp(settings, spaces, providers, database),
        search=SearchService(settings, database, providers, vectors, cache, metrics),
        pictures=Pictures(max_pixels=settings.max_image_pixels, deadline_seconds=settings.api_timeout_seconds),
        dagster=DagsterClient(settings.dagster_url),
    )
    chores = [
        asyncio.create_task(services.warm_up.keep_warm()),
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
        services.pictures.close()
        await providers.close()
        await cache.close()
        await asyncio.to_thread(database.close)


async def services_of(request: Request) -> Services:
    """The services of the application that the request came to."""
    # async although nothing is awaited: FastAPI sends a plain function to a thread, for every request
    services: Services = request.app.state.services
    return services


UsesServices = Annotated[Services, Depends(services_of)]
