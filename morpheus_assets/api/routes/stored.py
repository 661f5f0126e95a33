"""GET and DELETE /api/embeddings/{id}: what is stored of one text or picture, by the hash of its content."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response

from morpheus_assets.api.problems import Problem, documented
from morpheus_assets.api.responses import Answer, TypedRoute, Vector
from morpheus_assets.api.state import UsesServices
from morpheus_assets.store.spaces.kept_inputs import StillNeeded, delete_vectors, find_vectors


class _Hash(StringConvertor):
    """A content hash in hex: other addresses under the same path are other routes'."""

    regex = "[0-9a-f]{64}"


register_url_convertor("hash", _Hash())
router = APIRouter(tags=["embeddings"], route_class=TypedRoute)

ContentId = Annotated[
    str, Path(description="Hex sha256: of a text in UTF-8, or of a picture's file.", examples=["9f86d081884c7d65" * 4])
]


class StoredEmbedding(BaseModel):
    """The vector in one space."""

    space: str = Field(examples=["openai-text-embedding-3-large-3072"])
    model: str
    dimensions: int
    active: bool = Field(description="Whether searches are answered by this space.")
    embedding: Vector


class StoredInput(BaseModel):
    """A text or a picture with its vectors."""

    id: str
    kind: Literal["text", "picture"]
    embeddings: list[StoredEmbedding]


@router.get("/api/embeddings/{id:hash}", responses=documented(404), summary="What is stored of a text or picture")
async def stored_embedding(
    id: ContentId,
    services: UsesServices,
    space: Annotated[str | None, Query(max_length=200, description="Only in this space, by its key.")] = None,
) -> Answer[StoredInput]:
    """Its vector in every space that has one: of passages, panels, and what was embedded over HTTP to be kept."""
    value = bytes.fromhex(id)
    found = [each for each in await services.database.call(find_vectors, value) if space in (None, each.space.key)]
    if not found:
        raise _unknown(id)
    return Answer(
        StoredInput(
            id=id,
            kind="text" if found[0].space.purpose == "text" else "picture",
            embeddings=[
                StoredEmbedding(
                    space=each.space.key, model=each.space.model, dimensions=each.space.dimensions,
                    active=each.space.state == "active", embedding=each.embedding,
                )
                for each in found
            ],
        )
    )  # fmt: skip


@router.delete(
    "/api/embeddings/{id:hash}",
    status_code=204,
    responses=documented(404, 409),
    summary="Delete a text or picture that was kept",
)
async def delete_embedding(id: ContentId, services: UsesServices) -> Response:
    """Its vectors in all spaces; what novels hold is deleted with them and not here."""
    try:
        known = await services.database.call(delete_vectors, bytes.fromhex(id))
    except StillNeeded:
        raise Problem(409, "invalid-request", "It belongs to a stored novel: it goes when that is removed.") from None
    if not known:
        raise _unknown(id)
    return Response(status_code=204)


def _unknown(id: str) -> Problem:
    return Problem(404, "not-found", f"Nothing is stored of {id[:12]}….")
