"""POST /v1/embeddings and GET /v1/models: OpenAI's own face, for clients that only take another base URL.

Behind it stand the same cache, stored vectors and budget as behind /api/embeddings/text.
"""

import base64
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from morpheus_assets.api.embedding.providers import Patience
from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import Problem, documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute, Vector
from morpheus_assets.api.routes.text import check_inputs
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import InputRefused

MOST_INPUTS = 2048
NUMBERS_REFUSED = (
    "It must be a text or a list of texts. Token ids are not taken, as they are one model's: let your client send"
    " texts (LangChain: check_embedding_ctx_length=False)."
)
router = APIRouter(prefix="/v1", tags=["openai"], route_class=TypedRoute)


class OpenAIRequest(BaseModel):
    """What OpenAI's clients send; what they may send beside it changes no vector and is not looked at."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"input": "A dark night.", "model": "text-embedding-3-large"}]},
    )

    input: str | list[str] = Field(description=f"A text, or up to {MOST_INPUTS}.")
    model: str = Field(
        min_length=1, max_length=200, description="A model's name or a space's key; GET /v1/models lists them."
    )
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="base64: float32, little-endian; null, as some gateways send it, means float."
    )
    dimensions: int | None = Field(None, ge=1, le=4000, description="Where the model can give several sizes.")
    input_type: Literal["query", "document"] | None = Field(
        None, description="Not OpenAI's: what it is for; null means document. Some models make a difference."
    )

    @field_validator("input", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise ValueError(NUMBERS_REFUSED)
        check_inputs(texts, most=MOST_INPUTS)
        return value


class OpenAIEmbedding(BaseModel):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: Vector | str = Field(description="Numbers, or their bytes in base64.")


class Usage(BaseModel):
    """What the provider charged; 0 when all was known."""

    prompt_tokens: int
    total_tokens: int


class OpenAIEmbeddings(BaseModel):
    """Vectors in the order of the inputs."""

    object: Literal["list"] = "list"
    data: list[OpenAIEmbedding]
    model: str
    usage: Usage


class Model(BaseModel):
    """A text space that can be asked for."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class Models(BaseModel):
    """The text spaces of the settings, the first is the default."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.post("/embeddings", responses=documented(404, 502), summary="Embed texts, as OpenAI does")
async def embeddings(body: OpenAIRequest, request: Request, services: UsesServices) -> Answer[OpenAIEmbeddings]:
    """The vectors that POST /api/embeddings/text gives; an input too long for the model is embedded by parts."""
    space = await _space(services, body)
    texts = [body.input] if isinstance(body.input, str) else body.input
    note(request, space=space.key, inputs=len(texts))
    patience = Patience.of_request(services.settings.api_timeout_seconds)
    try:
        found = await services.vectors.all(space, texts, body.input_type or "document", patience)
    except InputRefused as error:
        raise field_problem("input" if error.index is None else f"input[{error.index}]", str(error)) from None
    tokens = sum(vector.tokens for vector in found)
    data = []
    for vector in found:
        encoded = _encoded(vector.embedding, body.encoding_format)
        data.append(OpenAIEmbedding(object="embedding", index=vector.index, embedding=encoded))
    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return Answer(OpenAIEmbeddings(object="list", data=data, model=space.model, usage=usage))


@router.get("/models", summary="Models that can be asked for, as OpenAI lists them")
async def models(services: UsesServices) -> Answer[Models]:
    """By the name that a client sends; two sizes of one model by their keys."""
    return Answer(Models(object="list", data=_models(services)))


@router.get("/models/{id:path}", responses=documented(404), summary="One model, as OpenAI shows it")
async def model(id: str, services: UsesServices) -> Answer[Model]:
    """By a name of /v1/models."""
    for each in _models(services):
        if each.id == id:
            return Answer(each)
    raise _unknown_model(services, id)


def _models(services: Services) -> list[Model]:
    names = [space.model for space in services.spaces.configured]
    return [
        Model(
            id=space.model if names.count(space.model) == 1 else space.key, object="model", created=0,
            owned_by=space.provider,
        )
        for space in services.spaces.configured
    ]  # fmt: skip


async def _space(services: Services, body: OpenAIRequest) -> Space:
    try:
        return await services.spaces.find(body.model, body.dimensions)
    except Problem as problem:
        if "model" not in problem.fields:
            raise
        raise _unknown_model(services, body.model) from None


def _unknown_model(services: Services, name: str) -> Problem:
    known = ", ".join(each.id for each in _models(services))
    return field_problem("model", f"There is no {name!r}; there are {known}.", status=404, kind="model-not-found")


def _encoded(vector: np.ndarray, encoding: str | None) -> np.ndarray | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return np.ascontiguousarray(vector, np.float32)
