"""The header Idempotency-Key: a request that is sent again gets the job of the first one, and launches nothing.

A key is the caller's own and holds for one address and a day.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import Header, Request
from pydantic import BaseModel

from morpheus_assets.api.problems import Problem
from morpheus_assets.api.state import Services
from morpheus_assets.services.dagster_client import DagsterRefused
from morpheus_assets.store.accounts.request_keys import (
    abandon_request,
    begin_request,
    finish_request,
    take_over_request,
    withdraw_request,
)

# On runs and backfills: tells whether a request whose process ended had launched one.
TAG = "morpheus/request"
REPLAYED = "Idempotent-Replayed"
# While the first request is under way, the second waits for its job; a launch takes about one.
PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.1

RequestKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Sent again with the same key and body within a day, the request gets the same job.",
    ),
]
Launch = Callable[[Mapping[str, str]], Awaitable[str]]
"""Launches a job with further tags and gives its id."""


async def launch_once(
    services: Services, request: Request, key: str | None, body: BaseModel, launch: Launch
) -> tuple[str, Mapping[str, str]]:
    """The id of the job that this request launches, or that its like has launched; and headers of the answer.

    Raises a Problem when the key came with another body before (422), or its first request is still under way (409).
    """
    if key is None:
        return await launch({}), {}
    caller = request.scope.get("morpheus.key_name") or ""
    digest = _digest(caller, request.method, request.url.path, key)
    body_digest = _digest(body.model_dump_json())
    until = time.monotonic() + PATIENCE_SECONDS
    while (known := await services.database.call(begin_request, digest, body_digest)) is not None:
        if known.body_digest != body_digest:
            raise Problem(
                422, "invalid-request", "This Idempotency-Key came with another body before; take a new one.",
                fields={"Idempotency-Key": "It came with another body before."},
            )  # fmt: skip
        if known.job_id is not None:
            return known.job_id, {REPLAYED: "true"}
        if await services.database.call(take_over_request, digest):
            lost = await services.dagster.find_job({TAG: digest.hex()})
            if lost is not None:
                await services.database.call(finish_request, digest, lost)
                return lost, {REPLAYED: "true"}
            break
        if time.monotonic() > until:
            raise Problem(
                409, "invalid-request", "A request with this Idempotency-Key is still under way.", retry_after=1
            )
        await asyncio.sleep(_LOOK_SECONDS)
    try:
        job = await launch({TAG: digest.hex()})
    except DagsterRefused:
        await services.database.call(withdraw_request, digest)
        raise
    except BaseException:
        # whether it was launched nobody knows: the next request asks Dagster, and need not wait for that
        await services.database.call(abandon_request, digest)
        raise
    await services.database.call(finish_request, digest, job)
    return job, {}


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
