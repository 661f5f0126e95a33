"""Answers as bytes: typed models as JSON with arrays written at once, and streams of events.

A route returns `Answer[Model]`; with `TypedRoute` that annotation is also what documents it.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel, GetPydanticSchema
from pydantic_core import core_schema
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"

M = TypeVar("M", bound=BaseModel)


def _array_of(json: core_schema.CoreSchema) -> GetPydanticSchema:
    # no copy and no look at each number: what is documented as lists stays an array until it is written
    return GetPydanticSchema(
        lambda _source, _handler: core_schema.json_or_python_schema(
            json_schema=json, python_schema=core_schema.is_instance_schema(np.ndarray)
        )
    )


_NUMBERS = core_schema.list_schema(core_schema.float_schema())
Vector = Annotated[np.ndarray, _array_of(_NUMBERS)]
"""A float32 array [dimensions], documented and written as a list of numbers."""
Vectors = Annotated[np.ndarray, _array_of(core_schema.list_schema(_NUMBERS))]
"""A float32 array [inputs, dimensions], documented and written as a list of lists."""


def to_json(content: Any) -> bytes:
    """JSON of models, mappings, lists and arrays.

    A model's fields that were never set are left out. An array becomes a list of its shortest decimal numbers, forty
    times as fast as Python would.
    """
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain)


class Answer(Response, Generic[M]):
    """A model as JSON; `content` is the model."""

    media_type = "application/json"

    def __init__(self, content: M, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.content = content
        super().__init__(to_json(content), status_code, headers)


class TypedRoute(APIRoute):
    """Documents the model of the `Answer[…]` that the endpoint is annotated to return, unless told otherwise."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        model = answered_model(endpoint)
        if model is not None:
            status = options.get("status_code") or 200
            given = dict(options.get("responses") or {})
            own = given.pop(status, {})
            if "application/json" not in own.get("content", {}):
                own = {"model": model, **own}
            options["responses"] = {status: own, **given}
        super().__init__(path, endpoint, **{**options, "response_model": None})


def answered_model(endpoint: Callable[..., Any]) -> type[BaseModel] | None:
    """The model of the `Answer[…]` in an endpoint's return annotation, None when it answers something else."""
    annotation = get_type_hints(endpoint).get("return")
    alternatives = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else [annotation]
    return next((get_args(each)[0] for each in alternatives if get_origin(each) is Answer), None)


def wanted_stream(request: Request) -> str | None:
    """The kind of stream that the client asks for in `Accept`, None for a plain answer."""
    accepted = request.headers.get("accept", "")
    return next((kind for kind in (EVENT_STREAM, NDJSON) if kind in accepted), None)


def stream_answer(events: AsyncIterator[tuple[str, BaseModel] | None], kind: str) -> StreamingResponse:
    """Events (name, model) as server-sent events, or as JSON lines with the name in `event`.

    None is no event: a comment that keeps a connection open through proxies, for which JSON has no form.
    """

    async def lines() -> AsyncIterator[bytes]:
        async for event in events:
            if event is None:
                if kind == EVENT_STREAM:
                    yield b": still here\n\n"
                continue
            name, content = event
            if kind == EVENT_STREAM:
                yield b"event: " + name.encode() + b"\ndata: " + to_json(content) + b"\n\n"
            else:
                yield to_json({"event": name, **_set_fields(content)}) + b"\n"

    # X-Accel-Buffering: nginx would hold the events back until the end
    return StreamingResponse(lines(), media_type=kind, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def stream_documented(description: str, events: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """For a route's `responses`: the streams that it can answer with, each event (a line, or `data`) with its model.

    The models are to be among the document's components.
    """
    named = {name: {"$ref": f"#/components/schemas/{model.__name__}"} for name, model in events.items()}
    lines = [
        {
            "title": name.title(),
            "allOf": [shape],
            "type": "object",
            "properties": {"event": {"const": name}},
            "required": ["event"],
        }
        for name, shape in named.items()
    ]
    data = [shape for place, shape in enumerate(named.values()) if shape not in list(named.values())[:place]]
    told = "; ".join(f"`{name}`: {model.__name__}" for name, model in events.items())
    return {
        "description": f"{description} Events: {told}.",
        "content": {EVENT_STREAM: {"schema": {"anyOf": data}}, NDJSON: {"schema": {"oneOf": lines}}},
    }


def _set_fields(model: BaseModel) -> dict[str, Any]:
    given, fields = model.model_fields_set, model.__dict__
    return fields if len(given) == len(fields) else {name: fields[name] for name in fields if name in given}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _set_fields(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
