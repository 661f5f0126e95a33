"""RunPod's serverless job protocol over HTTP: submit, wait through a cold start, fetch the output or the fault.

Knows nothing of images or vectors (remote_clip.py). Protocol: docs.runpod.io, "Send API requests" and "Operation
reference": POST /runsync (body ≤ 20 MB), POST /run (≤ 10 MB), GET /status/ID, POST /cancel/ID; bearer key.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    BillingError,
    ConfigurationError,
    EmbeddingError,
    ProviderUnavailable,
    RateLimited,
    RequestTooLarge,
    ValidationError,
)
from morpheus_assets.embedding.providers.http_errors import Endpoint
from morpheus_assets.embedding.rate_limits import read_retry_advice, read_retry_after

MAX_SYNC_BYTES = 20_000_000
MAX_JOB_BYTES = 10_000_000
_FIRST_POLL_SECONDS = 0.2
_LONGEST_POLL_SECONDS = 5.0
_FAILED_POLLS = 5
_WAITING = ("IN_QUEUE", "IN_PROGRESS")


class RunPodEndpoint(Endpoint):
    """One serverless endpoint: `base_url` is https://api.runpod.ai/v2/ENDPOINT_ID."""

    def _error_for(self, status: int, headers: Mapping[str, str], body: bytes, said: str) -> EmbeddingError:
        retry_after = read_retry_after(headers)
        if retry_after is None:
            retry_after = read_retry_advice(body)
        said += f": {self.quote(body[:400].decode('utf-8', 'replace'))}" if body else ""
        if status in (401, 403):
            return ConfigurationError(
                f"{self.vendor} refuses the key ({said}): set {self.key_setting} to a key with access to"
                f" {self.display_url}."
            )
        if status == 402:
            return BillingError(f"{self.vendor}'s account has no credit left ({said}): add some, then run again.")
        if status == 413:
            return RequestTooLarge(f"{self.vendor} finds the request too large ({said}): send fewer panels at a time.")
        if status == 429:
            return RateLimited(
                f"{self.vendor}'s rate limit is reached ({said}): lower MORPHEUS_REQUESTS_PER_MINUTE or run later.",
                retry_after,
            )
        if status in (400, 422):
            return ValidationError(f"{self.vendor} refuses the request ({said}): check what the endpoint expects.")
        if status in (408, 409, 425) or status >= 500:
            return ProviderUnavailable(f"{self.vendor} is in trouble ({said}): run again later.", retry_after)
        return ConfigurationError(
            f"{self.vendor} has no such endpoint at {self.display_url} ({said}): check {self.base_url_setting}."
        )


class RunPodJobs:
    """Runs one job after another at an endpoint; one `run` is one job, without retries.

    `timeout_seconds` bounds each HTTP exchange and the work itself; `cold_start_seconds` the time in the queue,
    which on a scaled-down endpoint includes starting a machine and loading the model.
    """

    def __init__(self, endpoint: RunPodEndpoint, cold_start_seconds: float) -> None:
        self._endpoint = endpoint
        self._cold_start_seconds = cold_start_seconds
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, job_input: Mapping[str, Any], *, wait_inline: bool, patience: float = 1.0) -> Any:
        """The job's output. `wait_inline` asks for it in the same exchange (/runsync), else it is polled for (/run).

        A queued answer is kept for 30 minutes after /run and for 1 minute after /runsync, so long work is polled.
        """
        body = json.dumps({"input": job_input}).encode()
        limit = MAX_SYNC_BYTES if wait_inline else MAX_JOB_BYTES
        if len(body) > limit:
            raise RequestTooLarge(
                f"{len(body):,} bytes in one request are more than the {limit:,} that {self._endpoint.vendor} takes:"
                " send fewer panels at a time."
            )
        answer = await self._exchange("POST", "runsync" if wait_inline else "run", body, patience)
        return await self._output(answer, patience)

    async def close(self) -> None:
        """Give back the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _output(self, answer: Mapping[str, Any], patience: float) -> Any:
        job = quote(str(answer.get("id", "")), safe="")
        if answer.get("status") in _WAITING and job:
            try:
                answer = await self._wait(job, str(answer["status"]), patience)
            except asyncio.CancelledError:
                await self._abandon(job)
                raise
        status = answer.get("status")
        if status == "COMPLETED":
            return answer.get("output")
        said = self._endpoint.quote(str(answer.get("error") or "no reason given"))
        if status in ("FAILED", "TIMED_OUT", "CANCELLED"):
            raise ProviderUnavailable(
                f"{self._endpoint.vendor}'s job ended as {status} ({said}): look at the endpoint's log, or run later."
            )
        raise ProviderUnavailable(
            f"{self._endpoint.vendor} answered with the unknown status {str(status)[:40]!r}:"
            f" check {self._endpoint.base_url_setting}."
        )

    async def _wait(self, job: str, status: str, patience: float) -> Mapping[str, Any]:
        pause, since, faults = _FIRST_POLL_SECONDS, time.monotonic(), 0
        while True:
            deadline = self._endpoint.timeout_seconds * patience
            allowed = self._cold_start_seconds if status == "IN_QUEUE" else deadline
            if time.monotonic() - since > allowed:
                await self._abandon(job)
                raise self._overdue(status, allowed)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
            try:
                answer = await self._exchange("GET", f"status/{job}")
            except EmbeddingError as error:
                # Asking again costs nothing; giving up would mean paying for the same job twice.
                faults += 1
                if not error.retryable or faults == _FAILED_POLLS:
                    raise
                continue
            faults, now = 0, str(answer.get("status"))
            if now not in _WAITING:
                return answer
            if now != status:
                status, since = now, time.monotonic()

    def _overdue(self, status: str, allowed: float) -> ProviderUnavailable:
        # What is at work is charged by the second; a place in the queue costs nothing.
        where, error = ("in the queue", ProviderUnavailable) if status == "IN_QUEUE" else ("at work", AnswerOverdue)
        return error(
            f"{self._endpoint.vendor}'s job was still {where} after {allowed:g} s: check that the endpoint has"
            " a worker, or run again later."
        )

    async def _abandon(self, job: str) -> None:
        # A job that nobody waits for any more would still be paid for.
        try:
            await asyncio.shield(self._exchange("POST", f"cancel/{job}"))
        except (EmbeddingError, asyncio.CancelledError):
            return

    async def _exchange(
        self, method: str, path: str, body: bytes | None = None, patience: float = 1.0
    ) -> Mapping[str, Any]:
        endpoint = self._endpoint
        deadline = endpoint.timeout_seconds * patience
        try:
            async with asyncio.timeout(deadline):
                response = await self._connected().request(method, path, content=body, timeout=deadline)
        except (TimeoutError, httpx.ReadTimeout) as error:
            raise endpoint.too_slow(deadline) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise endpoint.unreachable(f"{type(error).__name__} {error}".strip()) from error
        if response.status_code >= 300:
            raise endpoint.error_for(response.status_code, response.headers, response.content)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ProviderUnavailable(
                f"{endpoint.vendor} answered with something that is no job: check {endpoint.base_url_setting}."
            )
        return answer

    def _connected(self) -> httpx.AsyncClient:
        # Connections belong to the event loop that made them; the synchronous façade has one loop a call.
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = httpx.AsyncClient(
                base_url=self._endpoint.base_url.rstrip("/") + "/",
                headers={
                    "authorization": f"Bearer {self._endpoint.secret}",
                    "content-type": "application/json",
                },
                timeout=self._endpoint.timeout_seconds,
            )
        return self._client
