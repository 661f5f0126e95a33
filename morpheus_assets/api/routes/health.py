"""/healthz, /readyz and /metrics: for load balancers, orchestrators and Prometheus."""

import asyncio
import time
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import UsesServices
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.dagster_client import DagsterRefused, DagsterUnavailable
from morpheus_assets.services.running_parts import CODE_SERVER, DAEMON, POSTGRES, WEBSERVER, State, running_parts
from morpheus_assets.store.database.errors import StoreError
from morpheus_assets.store.database.outages import ping

# The daemon tells every thirty seconds that it works.
HEARTBEAT_SECONDS = 90.0

router = APIRouter(tags=["operations"], route_class=TypedRoute)


class Alive(BaseModel):
    """The process serves requests."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be answered, and which part is down.

    Only the database is indispensable; and until the models that answer are loaded, a request would wait for them.
    """

    status: Literal["ready", "not ready"]
    parts: dict[str, str] = Field(
        examples=[
            {"database": "ok", "redis": "not configured", "dagster": "ok", "code server": "starting", "daemon": "ok"}
        ]
    )


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
    """Asks the database, Redis and Dagster's parts, each for two seconds at most.

    The processes that `morpheus up` runs over this data folder are looked at too: one that was killed is "down", one
    that has not answered yet is "starting".
    """
    running = await asyncio.to_thread(lambda: running_parts(services.settings))
    seen = running.states if running is not None else {}
    database, redis, webserver, code_server, daemon = await asyncio.gather(
        _part(_database_answers(services)),
        _part(services.cache.alive()),
        _part(services.dagster.alive()),
        _part(services.dagster.code_server_answers()),
        _part(_daemon_beats(services)),
    )
    parts = {
        # the children of a killed server answer for a moment more
        "database": _state(seen.get(POSTGRES), database),
        "redis": ("ok" if redis else "down") if services.cache.configured else "not configured",
        "dagster": _state(seen.get(WEBSERVER), webserver),
        "code server": _state(seen.get(CODE_SERVER), code_server),
        "daemon": _state(seen.get(DAEMON), daemon),
        "models": services.warm_up.state,
    }
    ready = parts["database"] == "ok" and services.warm_up.state != "loading" and not services.stopping.is_set()
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
    except (TimeoutError, StoreError, DatabaseNotRunning, DagsterRefused, DagsterUnavailable):
        return False


def _state(process: State | None, answers: bool) -> str:
    """Of what is known of its process, if anything is, and of whether it answers."""
    return process if process in ("starting", "down") else "ok" if answers else "down"


async def _daemon_beats(services: UsesServices) -> bool:
    return time.time() - await services.dagster.last_heartbeat() < HEARTBEAT_SECONDS


async def _database_answers(services: UsesServices) -> bool:
    await services.database.call_now(ping)
    return True
