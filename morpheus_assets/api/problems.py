"""Errors as RFC 9457 problem documents: one shape for everything that can go wrong, naming the field at fault.

Which exception means which problem stands here once; no stack trace and no secret ever goes out.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from morpheus_assets.api.responses import to_json
from morpheus_assets.embedding import errors as embedding_errors
from morpheus_assets.images.errors import ImageError
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.dagster_client import DagsterRefused, DagsterUnavailable, UnknownJob
from morpheus_assets.services.search import NotStored, QueryRefused
from morpheus_assets.sources.base import ContentUnreadable, ContentUnwritable
from morpheus_assets.store.database import errors as store_errors

MEDIA_TYPE = "application/problem+json"
OPENAI_PREFIX = "/v1/"
_DATABASE_DOWN = "The database (Postgres) does not answer; /readyz says when it is back, the server's log why."
_log = logging.getLogger("morpheus.api")


class FieldFault(BaseModel):
    """One field of the request that is at fault."""

    field: str = Field(description="Where it is: a query parameter, or a path into the body.", examples=["input[2]"])
    detail: str = Field(description="What is wrong and what to do.", examples=["The input is empty."])


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="Names the kind of problem.", examples=["urn:morpheus:problem:invalid-request"])
    title: str = Field(examples=["The request is not valid"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["input[2]: The input is empty."])
    request_id: str | None = Field(None, description="The same as in the header X-Request-ID and in the log.")
    errors: list[FieldFault] | None = Field(None, description="The fields at fault, where there are any.")


class Problem(Exception):
    """An error answer; `kind` is the last part of its type, `fields` maps field names to sentences."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        fields: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.fields = status, kind, detail, dict(fields or {})
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))


TITLES = {
    "invalid-request": "The request is not valid",
    "unauthorized": "No valid API key",
    "forbidden": "Not from here",
    "not-found": "There is no such thing",
    "model-not-found": "There is no such model",
    "too-large": "The request is too large",
    "rate-limited": "Too many requests",
    "overloaded": "Too much at once",
    "timeout": "It took too long",
    "provider-unavailable": "The embedding provider does not answer",
    "provider-misconfigured": "The embedding provider is not set up",
    "provider-untrusted": "The embedding provider's answer is not usable",
    "database-unavailable": "The database does not answer",
    "content-unavailable": "The content cannot be reached, or not written to",
    "dagster-unavailable": "Dagster does not answer",
    "nothing-embedded": "Nothing can be searched yet",
    "internal": "Something broke here",
}


def field_problem(field: str, detail: str, *, status: int = 422, kind: str = "invalid-request") -> Problem:
    """The problem of one field."""
    return Problem(status, kind, f"{field}: {detail}", fields={field: detail})


def novel_not_stored(novel: str) -> Problem:
    """The problem of a path that names no stored novel."""
    return field_problem("novel", f"No novel named {novel!r} is stored.", status=404, kind="not-found")


def problem_response(problem: Problem, request_id: str | None, path: str = "") -> Response:
    """The document of a problem as an answer; of another shape below /v1, where OpenAI's clients ask."""
    if path.startswith(OPENAI_PREFIX):
        return _openai_error(problem)
    document = ProblemDocument(
        type=f"urn:morpheus:problem:{problem.kind}",
        title=TITLES.get(problem.kind) or HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.detail,
    )
    if request_id:
        document.request_id = request_id
    if problem.fields:
        document.errors = [FieldFault(field=name, detail=detail) for name, detail in problem.fields.items()]
    return Response(to_json(document), problem.status, problem.headers, MEDIA_TYPE)


class OpenAIErrorDetail(BaseModel):
    """What is wrong, as OpenAI's clients read it."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="The field at fault.")
    code: str | None = Field(description="The kind of problem.")


class OpenAIError(BaseModel):
    """An error below /v1."""

    error: OpenAIErrorDetail


def _openai_error(problem: Problem) -> Response:
    # OpenAI says 400 for what is wrong in a body, and some clients know only that
    status = 400 if problem.status == 422 else problem.status
    kind = "rate_limit_error" if status == 429 else "invalid_request_error" if status < 500 else "server_error"
    detail = OpenAIErrorDetail(
        message=problem.detail, type=kind, param=next(iter(problem.fields), None), code=problem.kind.replace("-", "_")
    )
    return Response(to_json(OpenAIError(error=detail)), status, problem.headers, "application/json")


def problem_of(error: Exception) -> Problem:
    """The problem that an exception of the lower floors means; "internal" for one that nobody expected."""
    if isinstance(error, Problem):
        return error
    for kinds, status, kind in _MEANINGS:
        if isinstance(error, kinds):
            retry = getattr(error, "retry_after", None)
            if retry is None and status == 503 and kind.endswith(("unavailable", "limited")):
                retry = 5.0
            if isinstance(error, store_errors.DatabaseUnusable):
                # its own sentence names host, user and database, which are not for everybody: that is in the log
                _log.warning("%s", error)
                return Problem(status, kind, _DATABASE_DOWN, retry_after=retry)
            if isinstance(error, ContentUnreadable):
                _log.warning("%s", error)
                return Problem(status, kind, "Where the panels lie, nothing answers now.", retry_after=retry)
            if isinstance(error, QueryRefused) and error.field is not None:
                return field_problem(error.field, str(error), status=status, kind=kind)
            return Problem(status, kind, str(error), retry_after=retry)
    return Problem(500, "internal", "The server failed at this request; its log holds the reason.")


_Kinds = type[Exception] | tuple[type[Exception], ...]
# The first that fits counts, so the special stand before the general.
_MEANINGS: Sequence[tuple[_Kinds, int, str]] = (
    (NotStored, 404, "not-found"),
    (QueryRefused, 422, "invalid-request"),
    (embedding_errors.ValidationError, 422, "invalid-request"),
    ((embedding_errors.ConfigurationError, embedding_errors.BillingError), 503, "provider-misconfigured"),
    (embedding_errors.InvalidAnswer, 502, "provider-untrusted"),
    (embedding_errors.EmbeddingError, 503, "provider-unavailable"),
    (ImageError, 422, "invalid-request"),
    ((DatabaseNotRunning, store_errors.DatabaseUnusable), 503, "database-unavailable"),
    (ContentUnreadable, 503, "content-unavailable"),
    (ContentUnwritable, 507, "content-unavailable"),
    (store_errors.UnknownNovel, 404, "not-found"),
    (store_errors.SpaceError, 503, "nothing-embedded"),
    (DagsterUnavailable, 503, "dagster-unavailable"),
    (UnknownJob, 404, "not-found"),
    (DagsterRefused, 502, "dagster-unavailable"),
    (TimeoutError, 504, "timeout"),
)


def install_handlers(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    @app.exception_handler(Problem)
    @app.exception_handler(Exception)
    async def _expected(request: Request, error: Exception) -> Response:
        return _answered(request, problem_of(error))

    for kinds, _, _ in _MEANINGS:
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            app.add_exception_handler(kind, _expected)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        fields = {_place(fault["loc"]): _sentence(fault) for fault in error.errors()}
        name, detail = next(iter(fields.items()))
        return _answered(request, Problem(422, "invalid-request", f"{name}: {detail}", fields=fields))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, Problem):
            # a body that grew too large while it was read comes wrapped
            return _answered(request, error.__cause__)
        kind = {404: "not-found", 413: "too-large"}.get(error.status_code, "invalid-request")
        detail = {404: f"There is nothing at {request.url.path}.", 405: f"{request.method} is not possible here."}
        problem = Problem(
            error.status_code, kind, detail.get(error.status_code, str(error.detail)), headers=error.headers
        )
        return _answered(request, problem)


def _answered(request: Request, problem: Problem) -> Response:
    return problem_response(problem, request_id_of(request), request.url.path)


async def only_known_parameters(request: Request) -> None:
    """A dependency of routes: raises a Problem that names a query parameter which the route does not have.

    A misspelt `min_similarty` would otherwise be an answer to another question.
    """
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        there_are = f"there are {', '.join(sorted(known))}" if known else "it takes none"
        fields = {name: f"There is no such parameter; {there_are}." for name in unknown}
        raise Problem(422, "invalid-request", f"{unknown[0]}: {fields[unknown[0]]}", fields=fields)


def request_id_of(request: Request) -> str | None:
    """The id that request_log.py gave this request."""
    return request.scope.get("morpheus.request_id")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these statuses answer with a problem document."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def _place(location: Sequence[Any]) -> str:
    parts = list(location[1:]) if location and location[0] in ("body", "query", "path", "header") else list(location)
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or str(location[0] if location else "body")


def _sentence(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    return message[:1].upper() + message[1:].rstrip(".") + "."
