"""POST /api/embeddings/image: one picture to its stored vector, uploaded or named by its place."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.domain.slugs import is_novel_slug, novel_slug
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import InputRefused
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.content_location import panels_source
from morpheus_assets.sources.base import Source
from morpheus_assets.sources.listing import find_panel, folder_of
from morpheus_assets.sources.names import MAX_PANEL_BYTES, PANEL_SUFFIXES
from morpheus_assets.store.content.novels import list_novels
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


_MULTIPART: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "A picture in any common format."},
        "novel": {"type": "string", "maxLength": 80, "description": "Keep it as a panel of this novel."},
        "create": {"type": "boolean", "default": False, "description": "Begin a novel of this name."},
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

    An upload with `novel` becomes a file of the content folder, and so a panel of that novel, which must exist unless
    `create` is true; without `novel` only the vector is kept.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        async with services.pictures.bytes_of(MAX_PANEL_BYTES):
            data, name, novel = await _from_content(request, services)
            return await _embedded(request, services, data, name, novel)
    form = await request.form(max_files=1, max_fields=4)
    file, novel = await _checked_form(form, services)
    async with services.pictures.bytes_of(file.size or 0):
        data, name = await file.read(), PurePosixPath((file.filename or "file").replace("\\", "/")).name
        keep = None
        if novel is not None:
            keep = partial(_keep_file, panels_source(services.settings), novel, name, data)
            await services.pictures.work(keep, only_check=True)
        return await _embedded(request, services, data, name, novel, keep)


async def _embedded(
    request: Request,
    services: Services,
    data: bytes,
    name: str,
    novel: str | None,
    keep: Callable[[], None] | None = None,
) -> Answer[ImageAnswer]:
    value = hashlib.sha256(data).digest()
    space = await _image_space(services)
    row = await services.database.call(register_space, space)
    known = value in await services.database.call(read_vectors, row, [value])
    if not known:
        try:
            async with services.pictures.opened(data, name) as picture:
                result = await services.providers.embed(space, [picture], "document")
        except (RefusedImage, InputRefused) as error:
            # what the provider says of it is that it cannot be opened; why, the image says better
            reason = error.__cause__ if isinstance(error.__cause__, RefusedImage) else error
            raise field_problem("file", str(reason)) from None
        await services.database.call(write_batch, row, [value], result.embeddings)
    if keep is not None:
        await services.pictures.work(keep)
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
        data = await services.pictures.work(find_panel, panels, novel, wanted.path, rest, MAX_PANEL_BYTES)
    except (ValueError, OSError):
        data = None
    if data is None:
        raise field_problem("path", "The content folder has no such panel.", status=404, kind="not-found")
    return data, PurePosixPath(wanted.path).name, novel


async def _checked_form(form: FormData, services: Services) -> tuple[UploadFile, str | None]:
    """The file and the novel that it becomes a panel of, None for none."""
    file, novel = form.get("file"), form.get("novel") or None
    if not isinstance(file, UploadFile):
        raise field_problem("file", "Send the picture as the field `file` of a multipart form, or JSON with `path`.")
    for field in form:
        if field not in _MULTIPART["properties"]:
            raise field_problem(field, "There is no such field; there are file, novel and create.")
    if novel is not None and not (isinstance(novel, str) and is_novel_slug(novel)):
        raise field_problem("novel", "It must be a novel's key, such as `pride-and-prejudice`.")
    create = str(form.get("create") or "false").lower()
    if create not in ("true", "false"):
        raise field_problem("create", "It must be true or false.")
    if novel is not None and create == "false":
        stored = await services.database.call(list_novels, [novel])
        if not stored and await services.pictures.work(folder_of, panels_source(services.settings), novel) is None:
            raise field_problem(
                "novel", f"There is no novel named {novel!r}; send `create=true` to begin it.",
                status=404, kind="not-found",
            )  # fmt: skip
    return file, novel


async def _image_space(services: Services) -> Space:
    """The space that answers searches by picture, else the first of the settings."""
    try:
        row = await services.database.call(active_space, "image")
    except DatabaseNotRunning:
        row = None
    if row is not None:
        return row
    return (await asyncio.to_thread(configured_image_spaces, services.settings))[0]


def _keep_file(panels: Source, novel: str, name: str, data: bytes, *, only_check: bool = False) -> None:
    """Write the picture into the novel's folder, whole or not at all; never over another one."""
    if PurePosixPath(name).suffix.lower() not in PANEL_SUFFIXES or name.startswith(".") or len(name.encode()) > 200:
        raise field_problem(
            "file", f"To become a panel its name must end in one of {', '.join(sorted(PANEL_SUFFIXES))}."
        )
    path = f"{folder_of(panels, novel) or novel}/{name}"
    if only_check and not panels.exists([path]):
        return
    if (only_check or not panels.put_new(path, data)) and panels.read(path, MAX_PANEL_BYTES) != data:
        raise field_problem("file", f"{novel} has another panel named {name!r}.", status=409)
