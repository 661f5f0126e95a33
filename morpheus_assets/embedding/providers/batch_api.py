"""Jobs of a batch API with OpenAI's files and batches, which Voyage has too: upload, ask, look, download, cancel.

Through the openai SDK for both: voyageai has no such calls, and docs.voyageai.com/docs/batch-inference and MongoDB's
guide to it use the openai SDK. What differs is in BatchDialect, which a provider's own file fills in.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_assets.embedding.errors import EmbeddingError, InvalidAnswer, ProviderUnavailable
from morpheus_assets.embedding.providers.base import EmbeddingResult
from morpheus_assets.embedding.providers.http_errors import Endpoint

if TYPE_CHECKING:
    import numpy as np
    from openai import OpenAI

# What a provider calls a job that will not change any more.
ENDED = frozenset({"completed", "failed", "expired", "cancelled", "canceled"})
# The code with which OpenAI refuses a job because too many tokens wait in its queue already.
QUEUE_FULL = "token_limit_exceeded"
_OURS = "morpheus"
# Jobs that are looked through for one of ours, the newest first.
_MOST_LISTED = 2000


@dataclass(frozen=True)
class BatchDialect:
    """How a provider's batch API is spoken to.

    `line` makes a line of the input file from a request's name and its text, `body` is sent along with each job beside
    what all have in common, and `read` makes a result of the body of one answer (raises InvalidAnswer). `window` is the
    time that a job may take, in the provider's words.
    """

    endpoint: Endpoint
    api_key: str
    window: str
    line: Callable[[str, str], Mapping[str, Any]]
    read: Callable[[object], EmbeddingResult]
    body: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    key_header: str | None = None


@dataclass(frozen=True)
class BatchStatus:
    """A job as the provider sees it: its word for the state, requests answered, failed, in all, and the files.

    `fault` is why a whole job failed, `fault_code` the provider's code for it.
    """

    status: str
    completed: int = 0
    failed: int = 0
    total: int = 0
    output_file: str | None = None
    error_file: str | None = None
    fault: str = ""
    fault_code: str = ""

    @property
    def ended(self) -> bool:
        """True when the job will not change any more."""
        return self.status in ENDED


@dataclass(frozen=True)
class BatchAnswer:
    """One line of a result file: the request's name, and its vector (float32 [dimensions]) with what it was charged.

    `fault` says why there is no vector; `charged` is False where the provider refused the request or never began it.
    """

    name: str
    vector: "np.ndarray | None" = None
    tokens: int = 0
    fault: str = ""
    charged: bool = True


class BatchApi:
    """The jobs of one account. Raises embedding.errors; one call is one request, and none is repeated unasked."""

    def __init__(self, dialect: BatchDialect, *, timeout_seconds: float | None = None) -> None:
        self._dialect = dialect
        self._timeout = timeout_seconds or dialect.endpoint.timeout_seconds
        self._client: OpenAI | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def line(self, name: str, text: str) -> bytes:
        """The line of an input file that asks for the vector of a document."""
        return json.dumps(self._dialect.line(name, text), ensure_ascii=False).encode() + b"\n"

    def upload(self, file: Path, token: str) -> str:
        """Upload an input file under a name with our token; the provider's id of it."""
        with self._errors(), file.open("rb") as content:
            # As long as a line of 8 Mbit/s needs for the largest file, beside the ordinary deadline.
            seconds = self._timeout + file.stat().st_size / 1_000_000
            made = self._open().files.create(file=(f"{_OURS}-{token}.jsonl", content), purpose="batch", timeout=seconds)
        return made.id

    def create(self, input_file: str, token: str) -> str:
        """Ask for a job over an uploaded file; the provider's id of it.

        After any error but a refusal it may have been accepted all the same: see `find`.
        """
        with self._errors():
            made = self._open().batches.create(
                input_file_id=input_file,
                endpoint="/v1/embeddings",
                completion_window=self._dialect.window,  # type: ignore[arg-type]
                metadata={_OURS: token},
                extra_body=dict(self._dialect.body) or None,
            )
        return made.id

    def find(self, input_file: str, token: str) -> str | None:
        """The id of the job that was asked for with this file and token, None where the account has none."""
        with self._errors():
            for place, batch in enumerate(self._open().batches.list(limit=100)):
                if batch.input_file_id == input_file or (batch.metadata or {}).get(_OURS) == token:
                    return batch.id
                if place >= _MOST_LISTED:
                    break
        return None

    def status(self, job: str) -> BatchStatus | None:
        """The state of a job now; None where the account knows no such job."""
        from openai import NotFoundError

        with self._errors():
            try:
                found = self._open().batches.retrieve(job)
            except NotFoundError:
                return None
        counts, faults = found.request_counts, (found.errors and found.errors.data) or []
        return BatchStatus(
            found.status,
            *((counts.completed, counts.failed, counts.total) if counts else (0, 0, 0)),
            output_file=found.output_file_id,
            error_file=found.error_file_id,
            fault=self._dialect.endpoint.quote("; ".join(each.message or each.code or "" for each in faults[:3])),
            fault_code=next((each.code for each in faults if each.code), ""),
        )

    def cancel(self, job: str) -> None:
        """Ask the provider to end a job; what is answered by then can be collected, and nothing more is charged."""
        from openai import APIStatusError

        with self._errors():
            try:
                self._open().batches.cancel(job)
            except APIStatusError as error:
                # It has ended meanwhile: its status says how.
                if error.status_code not in (400, 404, 409):
                    raise

    def answers(self, status: BatchStatus) -> Iterator[BatchAnswer]:
        """Every line of an ended job's two files, in the provider's order; a file that is gone has none."""
        for file in (status.output_file, status.error_file):
            if file:
                yield from self._answers_of(file)

    def _answers_of(self, file: str) -> Iterator[BatchAnswer]:
        with tempfile.TemporaryFile(prefix="morpheus-batch-") as lines:
            # Whole before the first line is read: who stores what it brings takes longer than a connection lasts.
            self._download(file, lines)
            lines.seek(0)
            for line in lines:
                if line.strip():
                    yield self._read(line)

    def _download(self, file: str, into: Any) -> None:
        from openai import NotFoundError

        with self._errors():
            try:
                with self._open().files.with_streaming_response.content(file) as answer:
                    for piece in answer.iter_bytes(1 << 20):
                        into.write(piece)
            except NotFoundError:
                into.truncate(0)

    def _read(self, line: bytes) -> BatchAnswer:
        try:
            given = json.loads(line)
            name = str(given["custom_id"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return BatchAnswer("", fault="a line that cannot be read")
        response, error = given.get("response"), given.get("error")
        if not isinstance(response, dict) or error:
            return BatchAnswer(name, fault=self._said(error or "no response"), charged=False)
        if response.get("status_code") != 200:
            said = response.get("message") or response.get("body") or response.get("status_code")
            return BatchAnswer(name, fault=self._said(said), charged=False)
        try:
            result = self._dialect.read(response.get("body"))
        except (InvalidAnswer, ProviderUnavailable) as fault:
            return BatchAnswer(name, fault=str(fault))
        return BatchAnswer(name, result.embeddings[0], result.total_tokens)

    def _said(self, fault: object) -> str:
        if isinstance(fault, dict):
            inner = fault.get("error", fault)
            fault = inner.get("message") or inner.get("code") if isinstance(inner, dict) else inner
        return self._dialect.endpoint.quote(str(fault))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        endpoint = self._dialect.endpoint
        try:
            yield
        except EmbeddingError:
            raise
        except APITimeoutError:
            raise endpoint.too_slow(self._timeout) from None
        except APIStatusError as error:
            raise endpoint.error_for(error.status_code, error.response.headers, error.response.content) from None
        except APIConnectionError as error:
            raise endpoint.unreachable(str(error.__cause__ or error)) from None
        except Exception as error:
            # While a body is read the SDK lets the errors of its HTTP library through, whichever that is.
            if not type(error).__module__.startswith(("openai", "httpx", "httpcore")):
                raise
            raise endpoint.unreachable(str(error) or type(error).__name__) from None

    def _open(self) -> "OpenAI":
        if self._client is None:
            from openai import OpenAI

            dialect = self._dialect
            self._client = OpenAI(
                api_key=dialect.api_key,
                base_url=dialect.endpoint.base_url,
                default_query=dict(dialect.query) or None,
                default_headers={dialect.key_header: dialect.api_key} if dialect.key_header else None,
                # A job that is asked for twice is paid for twice.
                max_retries=0,
                timeout=self._timeout,
            )
        return self._client
