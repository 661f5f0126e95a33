"""POST /api/embeddings/image: one picture to its stored vector, uploaded or named by its place."""

import asyncio
import hashlib
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.domain.slugs import is_novel_slug, novel_slug
from morpheus_assets.domain.spaces import Space
from morpheus_assets.images.decoding import decode_panel, opener_of
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.content_location import panels_source
from morpheus_assets.sources.base import Source
from morpheus_assets.sources.listing import find_panel, folder_of
from morpheus_assets.sources.names import MAX_PANEL_BYTES, PANEL_SUFFIXES
from morpheus_assets.store.spaces.spaces import active_space, register_space
from morpheus_assets.store.spaces.vectors import keep_picture, read_vectors, write_batch

router = APIRouter(tags=["embeddings"], route_class=TypedRoute)


class ImageAnswer(BaseModel):
    """Where the vector is: in the table of `space`, under `content_hash = decode(id, 'hex')`."""

    id: str = Field(description="Hex sha256 of the file's bytes.")
    space: str = Field(examples=["open-clip-vit-b-32-laion2b-s34b-b79k-512"])
    table: str = Field(examples=["embeddings_2"])
    novel: str | None = None
    cached: bool = Field(description="Whether the vector was stored already.")


class PanelPath(BaseModel):
    """A picture of the content folder."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"path": "dracula/page1.png"}]})

    path: str = Field(max_length=1000, description="Relative to the folder of panels: NOVEL/FILE.")


_MULTIPART = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "A picture in any common format."},
        "novel": {"type": "string", "maxLength": 80, "description": "Keep it as a panel of this novel."},
    },
}


@router.post(
    "/api/embeddings/image",
    responses=documented(404, 409, 502),
    summary="Embed a picture",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _MULTIPART},
                "application/json": {
                    "schema": PanelPath.model_json_schema(),
                    "example": {"path": "dracula/page1.png"},
                },
            },
        }
    },
)
async def embed_image(request: Request, services: UsesServices) -> Answer[ImageAnswer]:
    """The vector is stored before the answer is sent.

    An upload with `novel` becomes a file of the content folder, and so a panel of that novel; without it only the
    vector is kept.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        data, name, novel = await _from_content(request, services)
        uploaded = False
    else:
        data, name, novel = await _from_upload(request)
        uploaded = True
    picture = await _opened(data, name, services)
    if uploaded and novel is not None:
        await asyncio.to_thread(_keep_file, panels_source(services.settings), novel, name, data)
    value = hashlib.sha256(data).digest()
    space = await _image_space(services)
    row = await services.database.call(register_space, space)
    known = value in await services.database.call(read_vectors, row, [value])
    if not known:
        result = await services.providers.embed(space, [picture], "document")
        await services.database.call(write_batch, row, [value], result.embeddings)
    if novel is None:
        await services.database.call(keep_picture, value, name)
    note(request, space=space.key, cached=known)
    named = {"novel": novel} if novel else {}
    return Answer(ImageAnswer(id=value.hex(), space=row.key, table=row.table, cached=known, **named))


async def _from_content(request: Request, services: Services) -> tuple[bytes, str, str | None]:
    try:
        wanted = PanelPath.model_validate_json(await request.body())
    except ValidationError as error:
        fault = error.errors()[0]
        raise field_problem(str(fault["loc"][0]) if fault["loc"] else "body", fault["msg"] + ".") from None
    first, _, rest = wanted.path.partition("/")
    try:
        novel = novel_slug(first)
        panels = panels_source(services.settings)
        data = await asyncio.to_thread(find_panel, panels, novel, wanted.path, rest, MAX_PANEL_BYTES)
    except (ValueError, OSError):
        data = None
    if data is None:
        raise field_problem("path", "The content folder has no such panel.", status=404, kind="not-found")
    return data, PurePosixPath(wanted.path).name, novel


async def _from_upload(request: Request) -> tuple[bytes, str, str | None]:
    form = await request.form(max_files=1, max_fields=4)
    file, novel = form.get("file"), form.get("novel")
    if not isinstance(file, UploadFile):
        raise field_problem("file", "Send the picture as the field `file` of a multipart form, or JSON with `path`.")
    if novel is not None and not (isinstance(novel, str) and is_novel_slug(novel)):
        raise field_problem("novel", "It must be a novel's key, such as `pride-and-prejudice`.")
    data = await file.read()
    return data, PurePosixPath((file.filename or "file").replace("\\", "/")).name, novel or None


async def _opened(data: bytes, name: str, services: Services) -> Any:
    try:
        limit = services.settings.max_image_pixels
        return opener_of(await asyncio.to_thread(decode_panel, data, name, max_pixels=limit), data, name)
    except RefusedImage as error:
        raise field_problem("file", str(error)) from None


async def _image_space(services: Services) -> Space:
    """The space that answers searches by picture, else the first of the settings."""
    try:
        row = await services.database.call(active_space, "image")
    except DatabaseNotRunning:
        row = None
    if row is not None:
        return row
    return (await asyncio.to_thread(configured_image_spaces, services.settings))[0]


def _keep_file(panels: Source, novel: str, name: str, data: bytes) -> None:
    """Write the picture into the novel's folder, whole or not at all; never over another one."""
    if PurePosixPath(name).suffix.lower() not in PANEL_SUFFIXES or name.startswith(".") or len(name.encode()) > 200:
        raise field_problem(
            "file", f"To become a panel its name must end in one of {', '.join(sorted(PANEL_SUFFIXES))}."
        )
    path = f"{folder_of(panels, novel) or novel}/{name}"
    if not panels.put_new(path, data) and panels.read(path, MAX_PANEL_BYTES) != data:
        raise field_problem("file", f"{novel} has another panel named {name!r}.", status=409)
