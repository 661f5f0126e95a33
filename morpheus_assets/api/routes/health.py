"""/healthz, /readyz and /metrics: for load balancers, orchestrators and Prometheus."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Engine, text
from starlette.responses import Response

from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import UsesServices
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.store.database.errors import StoreError

router = APIRouter(tags=["operations"], route_class=TypedRoute)


class Alive(BaseModel):
    """The process serves requests."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be answered, and which part is down.

    Only the database is indispensable; and until the models that answer are loaded, a request would wait for them.
    """

    status: Literal["ready", "not ready"]
    parts: dict[str, str] = Field(examples=[{"database": "ok", "redis": "not configured", "dagster": "down"}])


@router.get("/healthz", summary="Is the process alive")
async def healthz() -> Answer[Alive]:
    """Always the same answer, without a look at anything else."""
    return Answer(Alive(status="ok"))


@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "The database does not answer."}},
    summary="Can requests be answered",
)
async def readyz(services: UsesServices) -> Answer[Readiness]:
    """Asks the database, Redis and Dagster, each for two seconds at most."""
    database, redis, dagster = await asyncio.gather(
        _part(_database_answers(services)), _part(services.cache.alive()), _part(services.dagster.alive())
    )
    parts = {
        "database": "ok" if database else "down",
        "redis": ("ok" if redis else "down") if services.cache.configured else "not configured",
        "dagster": "ok" if dagster else "down",
        "models": services.warm_up.state,
    }
    ready = database and services.warm_up.state != "loading" and not services.stopping.is_set()
    return Answer(Readiness(status="ready" if ready else "not ready", parts=parts), 200 if ready else 503)


@router.get(
    "/metrics",
    responses={200: {"description": "Prometheus's text format.", "content": {"text/plain": {}}}},
    summary="Counters for Prometheus",
)
async def metrics(services: UsesServices) -> Response:
    """Requests, latencies, tokens, cost, cache hits, provider errors by class."""
    return Response(services.metrics.text(), 200, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _part(question: Any) -> bool:
    try:
        async with asyncio.timeout(2.0):
            return bool(await question)
    except (TimeoutError, StoreError, DatabaseNotRunning):
        return False


async def _database_answers(services: UsesServices) -> bool:
    def ask(engine: Engine) -> bool:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar_one() == 1

    return await services.database.call(ask)
