"""POST /api/novels and /api/novels/{novel}/panels: files into the content folder, from where they are ingested."""

from collections.abc import Awaitable
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, File, Path, UploadFile
from pydantic import BaseModel, Field

from morpheus_assets.api.problems import Problem, documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import UsesServices
from morpheus_assets.services.content_location import novels_source, panels_source
from morpheus_assets.services.uploads import AnotherFileThere, Uploaded, UploadRefused, upload_novel, upload_panels

router = APIRouter(tags=["content"], route_class=TypedRoute)


class UploadAnswer(BaseModel):
    """Files that lie in the content folder now; their ingest begins within seconds."""

    novel: str = Field(description="The novel's key.")
    stored: list[str] = Field(description="Paths of new files.")
    unchanged: list[str] = Field(description="Paths of files that were there already, with the same bytes.")
    left_out: list[str] = Field(description="Why a file of an archive was not taken, a sentence each.")


@router.post("/api/novels", status_code=201, responses=documented(409, 507), summary="Upload a novel")
async def upload_a_novel(
    services: UsesServices, file: Annotated[UploadFile, File(description="A novel; its name becomes the key.")]
) -> Answer[UploadAnswer]:
    """What was sent before is not stored again; another text under the same name is refused."""
    async with services.pictures.bytes_of(file.size or 0):
        name = PurePosixPath((file.filename or "").replace("\\", "/")).name
        source = novels_source(services.settings)
        return await _answered(services.pictures.work(upload_novel, source, name, await file.read()))


@router.post("/api/novels/{novel}/panels", status_code=201, responses=documented(409, 507), summary="Upload panels")
async def upload_some_panels(
    services: UsesServices,
    novel: Annotated[str, Path(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80, examples=["dracula"])],
    file: Annotated[UploadFile, File(description="A picture, or a .zip or .cbz of pictures.")],
) -> Answer[UploadAnswer]:
    """Into the folder of that novel, which is made when it is missing; folders within an archive are kept."""
    async with services.pictures.bytes_of(file.size or 0):
        source = panels_source(services.settings)
        name = (file.filename or "").replace("\\", "/")
        return await _answered(services.pictures.work(upload_panels, source, novel, name, await file.read()))


async def _answered(work: Awaitable[Uploaded]) -> Answer[UploadAnswer]:
    try:
        found = await work
    except AnotherFileThere as error:
        raise Problem(409, "invalid-request", str(error), fields={"file": str(error)}) from None
    except UploadRefused as error:
        raise field_problem("file", str(error)) from None
    return Answer(
        UploadAnswer(novel=found.novel, stored=found.stored, unchanged=found.unchanged, left_out=found.left_out),
        201 if found.stored else 200,
    )
