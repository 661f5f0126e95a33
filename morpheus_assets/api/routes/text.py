"""POST /api/embeddings/text: texts to vectors in the space of a model, at once or as they arrive."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.responses import StreamingResponse

from morpheus_assets.api.embedding.providers import Patience
from morpheus_assets.api.embedding.vectors import PartVector, TextVector
from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import documented, field_problem, problem_of
from morpheus_assets.api.responses import (
    Answer,
    TypedRoute,
    Vector,
    Vectors,
    stream_answer,
    stream_documented,
    wanted_stream,
)
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import InputRefused
from morpheus_assets.embedding.long_inputs import JOINED_BY
from morpheus_assets.store.spaces.kept_inputs import keep_texts
from morpheus_assets.store.spaces.spaces import register_space

MOST_INPUTS = 1000
router = APIRouter(tags=["embeddings"], route_class=TypedRoute)


class TextRequest(BaseModel):
    """Texts to embed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"input": "It was a dark and stormy night.", "input_type": "query"}]},
    )

    input: str | list[str] = Field(
        description=f"A text, or up to {MOST_INPUTS}; one longer than the model takes is embedded by parts."
    )
    model: str | None = Field(
        None,
        max_length=200,
        description="A model's name or a space's key; default: the one that answers searches.",
        examples=["text-embedding-3-large"],
    )
    input_type: Literal["query", "document"] | None = Field(
        None, description="What it is for; null means document. Some models make a difference."
    )
    dimensions: int | None = Field(None, ge=1, le=4000, description="Where the model can give several sizes.")
    return_parts: bool = Field(False, description="Also give the vectors of the parts of long inputs.")
    store: bool = Field(
        False, description="Keep the vectors in Postgres, under their ids; of inputs that fit into the model whole."
    )

    @field_validator("input")
    @classmethod
    def _usable(cls, value: str | list[str]) -> str | list[str]:
        check_inputs([value] if isinstance(value, str) else value)
        return value

    @model_validator(mode="after")
    def _storable(self) -> "TextRequest":
        if self.store and self.input_type == "query":
            raise ValueError("store: What is kept are documents; leave out `input_type`, or `store`.")
        return self

    @property
    def texts(self) -> list[str]:
        """The inputs as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


def check_inputs(texts: Sequence[str], *, most: int = MOST_INPUTS) -> None:
    """Raise ValueError for what can never be embedded: nothing, too many, an empty one, broken Unicode."""
    if not texts:
        raise ValueError("There is no input; send at least one text.")
    if len(texts) > most:
        raise ValueError(f"{len(texts)} inputs are too many for one request; send {most} at most.")
    for index, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"Input {index} is empty, so there is nothing to embed.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"Input {index} holds lone surrogates, which are no Unicode text.") from None


class JoinedInput(BaseModel):
    """How the vector of a long input was made."""

    input: int = Field(description="Its position.")
    parts: int
    method: str = Field(examples=[JOINED_BY])


class EmbeddedPart(BaseModel):
    """One part of a long input."""

    input: int
    char_start: int
    char_end: int
    embedding: Vector


class StreamedPart(EmbeddedPart):
    """A part as it arrives: number `part`, from 0, of `of` parts."""

    part: int
    of: int


class StreamedEmbedding(BaseModel):
    """The vector of an input as it arrives."""

    index: int
    embedding: Vector


class StreamFault(BaseModel):
    """The error that ends a stream."""

    status: int
    detail: str


class Embeddings(BaseModel):
    """Vectors alone."""

    embeddings: Vectors


class TextSummary(BaseModel):
    """How vectors were made; the event `done` of a stream."""

    model: str = Field(examples=["text-embedding-3-large"])
    total_tokens: int = Field(description="What the provider charged for this request; 0 when all was known.")
    space: str = Field(examples=["openai-text-embedding-3-large-3072"])
    cached: bool = Field(description="Whether no provider had to be asked.")
    joined: list[JoinedInput] = Field([], description="Inputs that were embedded by parts.")
    ids: list[str | None] | None = Field(
        None, description="With `store`: hex sha256 of each input, null for one that was embedded by parts."
    )


# the second base's fields come first
class TextAnswer(TextSummary, Embeddings):
    """Vectors in the order of the inputs."""

    parts: list[EmbeddedPart] | None = Field(None, description="With `return_parts`.")


EVENTS: Mapping[str, type[BaseModel]] = {
    "part": StreamedPart,
    "embedding": StreamedEmbedding,
    "done": TextSummary,
    "error": StreamFault,
}


@router.post(
    "/api/embeddings/text",
    responses={
        200: stream_documented("Vectors in the order of the inputs, or a stream of them.", EVENTS),
        **documented(502),
    },
    summary="Embed texts",
)
async def embed_texts(
    body: TextRequest, request: Request, services: UsesServices
) -> Answer[TextAnswer] | StreamingResponse:
    """With `Accept: text/event-stream` or `application/x-ndjson` the vectors come one by one as they are there.

    The events are `part` (of a long input), `embedding`, and at the end `done` or `error`.
    """
    space = await services.spaces.find(body.model, body.dimensions)
    if body.store:
        if request.scope.get("morpheus.read_only"):
            raise field_problem(
                "store", "This key may only read (MORPHEUS_API_READ_KEYS).", status=403, kind="forbidden"
            )
        await _check_storable(services, space)
    kind = wanted_stream(request)
    note(request, space=space.key, inputs=len(body.texts))
    if kind:
        return stream_answer(_events(body, space, services), kind)
    patience = Patience.of_request(services.settings.api_timeout_seconds)
    parts: list[tuple[int, int, PartVector]] = []
    on_part = (lambda index, at, _, part: parts.append((index, at, part))) if body.return_parts else None
    try:
        wanted = services.vectors.stream(space, body.texts, body.input_type or "document", on_part, patience)
        found = [each async for each in wanted]
    except InputRefused as error:
        raise _refused(body, error) from None
    found.sort(key=lambda vector: vector.index)
    rows = np.stack([vector.embedding for vector in found]).astype(np.float32)
    ids = await _stored(services, space, body, found)
    answer = TextAnswer(embeddings=rows, **_given(_summary(found, space, ids)))
    if body.return_parts:
        answer.parts = [_part(index, part) for index, _, part in sorted(parts, key=lambda row: row[:2])]
    return Answer(answer)


def _summary(vectors: Sequence[TextVector], space: Space, ids: list[str | None] | None) -> TextSummary:
    summary = TextSummary(
        model=space.model,
        total_tokens=sum(vector.tokens for vector in vectors),
        space=space.key,
        cached=all(vector.source != "provider" for vector in vectors),
        joined=[
            JoinedInput(input=vector.index, parts=len(vector.parts), method=JOINED_BY)
            for vector in vectors
            if vector.parts
        ],
    )
    if ids is not None:
        summary.ids = ids
    return summary


def _given(summary: TextSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in summary.model_fields_set}


async def _check_storable(services: Services, space: Space) -> None:
    kept = [*services.spaces.configured, await services.spaces.default()]
    if space.fingerprint not in {each.fingerprint for each in kept}:
        names = ", ".join(each.model for each in services.spaces.configured)
        raise field_problem("store", f"Vectors are kept in the spaces of MORPHEUS_TEXT_SPACES only: {names}.")


async def _stored(
    services: Services, space: Space, body: TextRequest, vectors: Sequence[TextVector]
) -> list[str | None] | None:
    """Store the vectors, which are in the order of the inputs, if so asked for; the ids that they have then."""
    if not body.store:
        return None
    whole: dict[bytes, TextVector] = {}
    for vector in vectors:
        text = body.texts[vector.index]
        # a cached vector does not tell that it was joined from parts
        if not vector.parts and (vector.source != "redis" or await services.vectors.fits(space, text)):
            whole[hashlib.sha256(text.encode()).digest()] = vector
    if whole:
        row = await services.database.call(register_space, space)
        rows = np.stack([vector.embedding for vector in whole.values()]).astype(np.float32)
        await services.database.call(keep_texts, row, list(whole), rows)
    ids = {vector.index: value.hex() for value, vector in whole.items()}
    by_text = {body.texts[index]: id for index, id in ids.items()}
    return [by_text.get(text) for text in body.texts]


def _part(index: int, part: PartVector) -> EmbeddedPart:
    return EmbeddedPart(
        input=index,
        char_start=part.part.char_start,
        char_end=part.part.char_end,
        embedding=np.ascontiguousarray(part.embedding, np.float32),
    )


def _refused(body: TextRequest, error: InputRefused) -> Exception:
    field = "input" if isinstance(body.input, str) or error.index is None else f"input[{error.index}]"
    return field_problem(field, str(error))


async def _events(body: TextRequest, space: Space, services: Services) -> AsyncIterator[tuple[str, BaseModel]]:
    """Parts and vectors as they arrive; the work ends when the client goes away."""
    queue: asyncio.Queue[tuple[str, BaseModel] | None] = asyncio.Queue()

    def on_part(index: int, at: int, of: int, part: PartVector) -> None:
        queue.put_nowait(("part", StreamedPart(**dict(_part(index, part)), part=at, of=of)))

    async def work() -> None:
        done: list[TextVector] = []
        patience = Patience.of_request(services.settings.api_timeout_seconds)
        wanted = services.vectors.stream(space, body.texts, body.input_type or "document", on_part, patience)
        try:
            async for vector in wanted:
                done.append(vector)
                queue.put_nowait(("embedding", StreamedEmbedding(index=vector.index, embedding=vector.embedding)))
            done.sort(key=lambda each: each.index)
            queue.put_nowait(("done", _summary(done, space, await _stored(services, space, body, done))))
        except Exception as error:
            problem = problem_of(_refused(body, error) if isinstance(error, InputRefused) else error)
            queue.put_nowait(("error", StreamFault(status=problem.status, detail=problem.detail)))
        queue.put_nowait(None)

    task = asyncio.create_task(work())
    try:
        while (event := await queue.get()) is not None:
            yield event
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
