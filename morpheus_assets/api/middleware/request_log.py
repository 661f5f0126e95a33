"""Around every request: an id, one structured line in the log, counters, a deadline. Pure ASGI: streams stream."""

import asyncio
import json
import logging
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.problems import Problem, problem_of, problem_response

REQUEST_ID = "x-request-id"
NOSNIFF = (b"x-content-type-options", b"nosniff")
_GOOD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("morpheus.api")


class RequestLog:
    """The outermost layer: what fails anywhere inside still gets its id, its line and a problem document."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, timeout_seconds: float) -> None:
        self._app = app
        self._metrics = metrics
        self._timeout = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespan and websocket events pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["morpheus.request_id"] = request_id
        scope["morpheus.extends_deadline"] = deadline = asyncio.timeout(self._timeout)
        status, started = 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                headers.append((REQUEST_ID.encode(), request_id.encode()))
                # a browser must never take an answer for a page or a script
                if all(name.lower() != NOSNIFF[0] for name, _ in headers):
                    headers.append(NOSNIFF)
            await send(message)

        with self._metrics.in_flight.track_inprogress():
            try:
                async with deadline:
                    await self._app(scope, receive, send_with_id)
            except Exception as error:
                problem = self._problem(error, request_id)
                if status == 0:
                    await problem_response(problem, request_id, scope["path"])(scope, receive, send_with_id)
                elif problem.status == 500:
                    raise
            finally:
                self._note(scope, status, time.perf_counter() - started, request_id)

    def _problem(self, error: Exception, request_id: str) -> Problem:
        if isinstance(error, TimeoutError):
            return Problem(504, "timeout", f"The answer was not ready within {self._timeout:g} seconds; try again.")
        problem = problem_of(error)
        if problem.status == 500:
            _log.error("unexpected error", exc_info=error, extra={"fields": {"request_id": request_id}})
        return problem

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        # 499: the client went away before the answer began
        shown = status or 499
        self._metrics.requests.labels(scope["method"], route, str(shown)).inc()
        self._metrics.seconds.labels(scope["method"], route).observe(seconds)
        level = logging.DEBUG if route in ("/healthz", "/readyz", "/metrics") else logging.INFO
        fields: dict[str, Any] = {
            "request_id": request_id, "method": scope["method"], "route": route, "path": scope["path"],
            "status": shown, "ms": round(seconds * 1000, 1), "client": (scope.get("client") or ("",))[0],
            "key": scope.get("morpheus.key_name"), **scope.get("morpheus.log", {}),
        }  # fmt: skip
        _log.log(level, "request", extra={"fields": fields})


def note(request: Request, **fields: Any) -> None:
    """Add fields to this request's line in the log; never a text that a person sent."""
    request.scope.setdefault("morpheus.log", {}).update(fields)


def without_deadline(request: Request) -> None:
    """Let a stream take as long as it takes."""
    request.scope["morpheus.extends_deadline"].reschedule(None)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its fields; an exception as one string."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": moment, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send our own log, and the server's warnings, to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, own in (("morpheus", level), ("uvicorn", logging.INFO), ("morpheus_assets", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(own)
        logger.propagate = False


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID.encode() and _GOOD_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode())
    return uuid.uuid4().hex
