"""State and progress of a job: the state is Dagster's, the progress is counted in the store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Engine

from morpheus_assets.services.configured_spaces import price_of
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.dagster_client import JobState
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.jobs import LaunchedJob, find_job, result_summary
from morpheus_assets.store.accounts.spending import last_spending, spent_since
from morpheus_assets.store.content.chunks import distinct_tokens
from morpheus_assets.store.database.errors import DatabaseUnusable, SpaceError
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import get_space

if TYPE_CHECKING:
    from morpheus_assets.api.state import Services

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
_STATUS: dict[str, Status] = {
    "NOT_STARTED": "queued", "QUEUED": "queued", "MANAGED": "queued", "REQUESTED": "running", "STARTING": "running",
    "STARTED": "running", "CANCELING": "running", "FAILING": "running", "SUCCESS": "succeeded",
    "COMPLETED": "succeeded", "COMPLETED_SUCCESS": "succeeded", "FAILURE": "failed", "FAILED": "failed",
    "COMPLETED_FAILED": "failed", "CANCELED": "cancelled",
}  # fmt: skip


class Progress(BaseModel):
    """Passages with a vector, of all that the novels have; `tokens` and `price_dollars` are this job's so far."""

    done: int
    of: int
    refused: int
    tokens: int
    price_dollars: float | None
    seconds_left: float | None = Field(description="By the rate so far; null until there is one.")


class JobResult(BaseModel):
    """What a run of generate_embedding made; the vectors are at `url`."""

    model: str
    space: str
    inputs: int
    dimensions: int
    total_tokens: int
    totalTokens: int = Field(description="The same as `total_tokens`.")  # noqa: N815
    url: str


class JobReport(BaseModel):
    """The state of a job."""

    id: str
    kind: Literal["run", "backfill"]
    job: str | None
    status: Status
    dagster_status: str
    finished: bool
    novels: list[str]
    runs: dict[str, int] = Field(description="Runs of a backfill by Dagster's status.")
    progress: Progress | None
    result: JobResult | None
    error: str | None
    created: float | None
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class Before:
    """Counts at the launch of a job: passages with a vector, their tokens, the last row of spending."""

    done: int
    tokens: int
    spending: int


def before_launch(engine: Engine, space_key: str, novels: Sequence[str]) -> Before:
    """Count what has a vector already, so that a job's own part can be told from it."""
    try:
        found = coverage(engine, get_space(engine, space_key), novels)
    except SpaceError:
        return Before(0, 0, last_spending(engine))
    return Before(found.present, distinct_tokens(engine, novels) - found.missing_tokens, last_spending(engine))


async def report(services: "Services", job_id: str) -> JobReport:
    """The state of a job. Raises UnknownJob, DagsterUnavailable, DagsterRefused."""
    state = await services.dagster.state(job_id)
    try:
        progress, result, launched = await services.database.call(_stored, services.settings, state)
    except (DatabaseUnusable, DatabaseNotRunning):
        progress, result, launched = None, None, None
    novels = list(state.novels) or (launched.novels if launched else [])
    return JobReport(
        id=job_id, kind=state.kind, job=state.job or (launched.kind if launched else None),
        status=_STATUS.get(state.status, "running"), dagster_status=state.status, finished=state.finished,
        novels=novels, runs=dict(state.counts), progress=progress, result=result, error=state.error,
        created=state.created, started=state.started, ended=state.ended,
    )  # fmt: skip


def _stored(
    engine: Engine, settings: Settings, state: JobState
) -> tuple[Progress | None, JobResult | None, LaunchedJob | None]:
    launched = find_job(engine, state.id)
    summary = result_summary(engine, state.id)
    result = None if summary is None else JobResult(
        model=summary.model, space=summary.space_key, inputs=summary.inputs,
        dimensions=summary.dimensions, total_tokens=summary.total_tokens, totalTokens=summary.total_tokens,
        url=f"/api/jobs/{state.id}/result",
    )  # fmt: skip
    if launched is None or launched.kind != "embed_novels" or launched.space_key is None:
        return None, result, launched
    return _progress(engine, settings, state, launched, launched.space_key), result, launched


def _progress(
    engine: Engine, settings: Settings, state: JobState, launched: LaunchedJob, space_key: str
) -> Progress | None:
    try:
        row = get_space(engine, space_key)
    except SpaceError:
        return None
    found = coverage(engine, row, launched.novels)
    spent = spent_since(engine, space_key, launched.novels, launched.spending_before)
    # until a run records what it was charged, the chunker's count stands for it
    tokens = spent.tokens
    if not state.finished:
        present = distinct_tokens(engine, launched.novels) - found.missing_tokens
        tokens = max(tokens, present - launched.tokens_before, 0)
    price = spent.cost if state.finished and spent.cost is not None else price_of(settings, row, tokens)
    return Progress(
        done=found.present,
        of=found.needed,
        refused=found.refused,
        tokens=tokens,
        price_dollars=None if price is None else float(price),
        seconds_left=_seconds_left(state, found.present - launched.done_before, found.missing),
    )


def _seconds_left(state: JobState, fresh: int, missing: int) -> float | None:
    if state.finished:
        return 0.0
    # a job that waits in the queue may still see its novels embedded by a run before it
    since = state.started or state.created
    if not since or fresh <= 0:
        return None
    return round(missing * max(0.0, time.time() - since) / fresh, 1)
