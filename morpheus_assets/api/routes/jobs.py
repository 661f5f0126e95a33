"""Jobs over HTTP: embed novels through Dagster, embed a list of texts in the background, follow and cancel either."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.responses import Response, StreamingResponse

from morpheus_assets.api.idempotency import RequestKey, launch_once
from morpheus_assets.api.job_progress import JobReport, before_launch, report
from morpheus_assets.api.middleware.request_log import note, without_deadline
from morpheus_assets.api.problems import Problem, documented, field_problem
from morpheus_assets.api.responses import EVENT_STREAM, Answer, TypedRoute, Vectors, stream_answer, stream_documented
from morpheus_assets.api.routes.text import check_inputs
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.services.dagster_client import DagsterRefused, UnknownJob
from morpheus_assets.services.search import readable
from morpheus_assets.store.accounts.jobs import keep_inputs, list_jobs, result_embeddings, result_summary, save_job
from morpheus_assets.store.content.novels import list_novels

INGEST_JOB, GENERATE_JOB = "ingest_novels", "generate_embedding"
# Above the runs of generate_embedding (2), which are above those of the sensors (0).
WEBHOOK_PRIORITY = {"dagster/priority": "3", "morpheus/launched_by": "http"}
MOST_NOVELS = 10_000
POLL_SECONDS = 1.0
# A proxy ends a connection on which nothing comes for a minute.
LONGEST_SILENCE = 15.0
LONGEST_WAIT = 50
_JOB_ID = r"^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z]{8})$"
JobId = Annotated[str, Path(pattern=_JOB_ID, description="A run's or a backfill's id.", examples=["qwertzui"])]

router = APIRouter(tags=["jobs"], route_class=TypedRoute)


class BatchRequest(BaseModel):
    """Novels to bring from their files to their vectors."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"novel": "dracula"}]})

    novel: str | list[str] | None = Field(None, description="A novel's key, or a list of them.")
    novels: list[str] | None = Field(None, description="The same as a list.")

    @model_validator(mode="after")
    def _one_way(self) -> "BatchRequest":
        if (self.novel is None) == (self.novels is None):
            raise ValueError("Give `novel` or `novels`, not both.")
        if not 1 <= len(self.keys) <= MOST_NOVELS:
            raise ValueError(f"Name 1 to {MOST_NOVELS} novels.")
        return self

    @property
    def keys(self) -> list[str]:
        """The novels, each once."""
        given = self.novels if self.novels is not None else self.novel
        return list(dict.fromkeys([given] if isinstance(given, str) else given or []))


class GenerateRequest(BaseModel):
    """Texts to embed in the background; each must fit into the model."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"inputs": ["One text.", "Another."]}]})

    inputs: str | Annotated[list[str], Field(min_length=1, max_length=1000)] = Field(
        description="A text, or a list of 1 to 1000."
    )
    model: str | None = Field(None, max_length=200, description="As for POST /api/embeddings/text.")
    input_type: Literal["query", "document"] | None = None
    inputType: Literal["query", "document"] | None = Field(None, description="The same as `input_type`.")  # noqa: N815

    @field_validator("inputs")
    @classmethod
    def _usable(cls, value: str | list[str]) -> str | list[str]:
        check_inputs([value] if isinstance(value, str) else value)
        return value

    @model_validator(mode="after")
    def _one_type(self) -> "GenerateRequest":
        if self.input_type and self.inputType and self.input_type != self.inputType:
            raise ValueError("Give `input_type` or `inputType`, not both.")
        return self


class Launched(BaseModel):
    """A job that was launched; ask for it at `url`."""

    id: str
    url: str
    events_url: str


class ListedJob(BaseModel):
    """A job as it was launched; what became of it is at `url`."""

    id: str
    job: str = Field(examples=["embed_novels"])
    novels: list[str]
    created: float = Field(description="Seconds since 1970.")
    url: str


class ListedJobs(BaseModel):
    """Jobs, the latest first; `next` is `before` for those that follow, null when there are none."""

    jobs: list[ListedJob]
    next: str | None


class JobVectors(BaseModel):
    """What a run of generate_embedding made, in the order of its inputs."""

    embeddings: Vectors
    model: str
    total_tokens: int
    totalTokens: int = Field(description="The same as `total_tokens`.")  # noqa: N815
    space: str
    input_type: str
    inputType: str = Field(description="The same as `input_type`.")  # noqa: N815


class Waiting(BaseModel):
    """A look at a job that failed; the stream goes on."""

    detail: str


EVENTS: Mapping[str, type[BaseModel]] = {"progress": JobReport, "end": JobReport, "waiting": Waiting}


@router.post(
    "/api/embeddings/batch",
    status_code=202,
    responses=documented(404, 409, 502),
    summary="Embed novels",
)
async def embed_novels(
    body: BatchRequest, request: Request, services: UsesServices, key: RequestKey = None
) -> Answer[Launched]:
    """Launches a run for one novel, a backfill for several; what has its vectors already is not paid for again."""
    novels = [readable("novel", novel) for novel in body.keys]
    # one with panels alone is no partition of the texts
    known = {row.novel for row in await services.database.call(list_novels, novels) if row.body_digest}
    unknown = [novel for novel in novels if novel not in known]
    if unknown:
        names = ", ".join(repr(novel) for novel in unknown[:5])
        raise field_problem(
            "novel",
            f"No text is stored of {names}; drop its file into the content folder first.",
            status=404,
            kind="not-found",
        )
    space = services.spaces.configured[0]

    async def launch(tags: Mapping[str, str]) -> str:
        before = await services.database.call(before_launch, space.key, novels)
        job = await _launch_ingest(services, novels, {**WEBHOOK_PRIORITY, **tags})
        await services.database.call(
            save_job, job, "embed_novels", novels=novels, space_key=space.key, done_before=before.done,
            tokens_before=before.tokens, spending_before=before.spending,
        )  # fmt: skip
        return job

    job, headers = await launch_once(services, request, key, body, launch)
    note(request, job=job, novels=len(novels))
    return _launched(job, headers)


@router.post(
    "/api/jobs",
    status_code=202,
    responses=documented(409, 502),
    summary="Embed texts in the background",
)
async def generate(
    body: GenerateRequest, request: Request, services: UsesServices, key: RequestKey = None
) -> Answer[Launched]:
    """Launches the Dagster job `generate_embedding`; its result is kept and looked up by the job's id.

    The texts are kept in Postgres for two days at most, and not in Dagster.
    """
    space = await services.spaces.find(body.model, None)
    inputs = [body.inputs] if isinstance(body.inputs, str) else body.inputs

    async def launch(tags: Mapping[str, str]) -> str:
        config = {
            "inputs_reference": await services.database.call(keep_inputs, inputs),
            "model": f"{space.provider}/{space.model}@{space.dimensions}",
            "input_type": body.input_type or body.inputType or "document",
        }
        job = await services.dagster.launch_run(
            GENERATE_JOB, config={"ops": {"embed_inputs": {"config": config}}},
            tags={"morpheus/launched_by": "http", **tags},
        )  # fmt: skip
        await services.database.call(save_job, job, GENERATE_JOB, space_key=space.key)
        return job

    job, headers = await launch_once(services, request, key, body, launch)
    note(request, job=job, inputs=len(inputs))
    return _launched(job, headers)


@router.get("/api/jobs", summary="The jobs that were launched over HTTP")
async def jobs(
    services: UsesServices,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[str | None, Query(pattern=_JOB_ID, description="Only jobs before this one.")] = None,
) -> Answer[ListedJobs]:
    """By page, the latest first."""
    found = await services.database.call(list_jobs, limit=limit + 1, before=before)
    listed = [
        ListedJob(
            id=each.job_id, job=each.kind, novels=each.novels, created=each.created_at.timestamp(),
            url=f"/api/jobs/{each.job_id}",
        )
        for each in found[:limit]
    ]  # fmt: skip
    return Answer(ListedJobs(jobs=listed, next=listed[-1].id if len(found) > limit else None))


@router.get(
    "/api/jobs/{id}",
    responses=documented(404, 502),
    summary="What became of a job",
)
async def job(
    id: JobId,
    request: Request,
    services: UsesServices,
    wait: Annotated[
        int, Query(ge=0, le=LONGEST_WAIT, description="Answer when it has ended, or after so many seconds.")
    ] = 0,
) -> Answer[JobReport]:
    """Status, progress, and the result or the error."""
    now = await report(services, id)
    if wait and not now.finished:
        without_deadline(request)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                async for event in _follow(services, id, now):
                    if event is not None and isinstance(event[1], JobReport):
                        now = event[1]
    return Answer(now)


@router.get(
    "/api/jobs/{id}/result",
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "The vectors."},
        **documented(404),
    },
    summary="The vectors of a finished job",
)
async def job_result(id: JobId, services: UsesServices) -> Answer[JobVectors]:
    """`{embeddings, model, total_tokens, space, input_type}` of a run of `generate_embedding`."""
    summary = await services.database.call(result_summary, id)
    embeddings = await services.database.call(result_embeddings, id) if summary else None
    if summary is None or embeddings is None:
        raise Problem(404, "not-found", f"The job {id} has no result (yet); ask /api/jobs/{id} for its status.")
    return Answer(
        JobVectors(
            embeddings=embeddings, model=summary.model, total_tokens=summary.total_tokens,
            totalTokens=summary.total_tokens, space=summary.space_key, input_type=summary.input_type,
            inputType=summary.input_type,
        )
    )  # fmt: skip


@router.get(
    "/api/jobs/{id}/events",
    responses={200: stream_documented("Its state at each change, until it has ended.", EVENTS), **documented(404, 502)},
    # else the document says JSON, too
    response_class=StreamingResponse,
    summary="Follow a job",
)
async def job_events(id: JobId, request: Request, services: UsesServices) -> Response:
    """Server-sent events (or JSON lines, if `Accept` says application/x-ndjson) until the job has ended."""
    first = await report(services, id)
    without_deadline(request)
    kind = "application/x-ndjson" if "x-ndjson" in request.headers.get("accept", "") else EVENT_STREAM
    return stream_answer(_follow(services, id, first), kind)


@router.delete(
    "/api/jobs/{id}",
    status_code=202,
    responses=documented(404, 409, 502),
    summary="Cancel a job",
)
async def cancel(id: JobId, services: UsesServices) -> Answer[JobReport]:
    """Asks Dagster to end it; vectors that are stored by then stay, and are not paid for again."""
    now = await report(services, id)
    if now.status in ("succeeded", "failed", "cancelled"):
        raise Problem(409, "invalid-request", f"The job {id} has {now.status} already.")
    try:
        await services.dagster.cancel(id)
    except DagsterRefused as error:
        raise Problem(409, "invalid-request", str(error)) from None
    return Answer(await report(services, id), 202)


async def _follow(services: Services, job_id: str, now: JobReport) -> AsyncIterator[tuple[str, BaseModel] | None]:
    shown, silent = None, 0.0
    while True:
        silent += POLL_SECONDS
        if now != shown:
            shown, silent = now, 0.0
            yield ("end" if now.finished else "progress"), now
        elif silent >= LONGEST_SILENCE:
            silent = 0.0
            yield None
        if now.finished:
            return
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await services.stopping.wait()
            return
        except TimeoutError:
            pass
        try:
            now = await report(services, job_id)
        except UnknownJob:
            return
        except Exception as error:
            # one look that failed ends no stream: Dagster or Postgres may be restarting
            yield "waiting", Waiting(detail=re.sub(r"\s+", " ", str(error))[:300])


async def _launch_ingest(services: Services, novels: Sequence[str], tags: Mapping[str, str]) -> str:
    if len(novels) == 1:
        of_novel = {"dagster/partition": novels[0], "morpheus/novel": novels[0]}
        return await services.dagster.launch_run(INGEST_JOB, tags={**tags, **of_novel})
    title = f"{len(novels)} novels, asked for over HTTP"
    return await services.dagster.launch_backfill(INGEST_JOB, novels, title=title, tags=tags)


def _launched(job_id: str, headers: Mapping[str, str]) -> Answer[Launched]:
    url = f"/api/jobs/{job_id}"
    return Answer(Launched(id=job_id, url=url, events_url=f"{url}/events"), 202, {"Location": url, **headers})
