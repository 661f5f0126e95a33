"""DELETE /api/novels/{novel}, …/text and …/panels: what `morpheus remove` does, and the files too if so asked for."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from morpheus_assets.api.problems import Problem, documented
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.routes.books import NovelName
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.services.novels import Part, SourcesStillThere, find_removal, remove_partitions, remove_rows
from morpheus_assets.services.search import readable
from morpheus_assets.sources.base import FileUnreadable

router = APIRouter(tags=["content"], route_class=TypedRoute)

WithFiles = Annotated[
    bool,
    Query(description="Delete the files in the content folder too. Else they must be gone: they would bring it back."),
]


class Removed(BaseModel):
    """What was deleted; vectors that nothing needs any more are collected at night."""

    novel: str
    only_panels: bool = Field(description="Whether the text stays.")
    only_text: bool = Field(description="Whether the panels stay.")
    files: list[str] = Field(description="Paths of the deleted files, below `novels/` and `panels/`.")
    detail: str = Field(description="A sentence, also on the partition in Dagster.")


@router.delete("/api/novels/{novel}", responses=documented(404, 409), summary="Delete a novel")
async def delete_novel(services: UsesServices, novel: NovelName, files: WithFiles = False) -> Answer[Removed]:
    """All that is stored of it; where only the files of its pictures, or only its text's, are gone, those alone."""
    return await _removed(services, novel, None, with_files=files)


@router.delete("/api/novels/{novel}/text", responses=documented(404, 409), summary="Delete a novel's text")
async def delete_text(services: UsesServices, novel: NovelName, files: WithFiles = False) -> Answer[Removed]:
    """Its text, chapters and passages, and what was found in them; the panels stay."""
    return await _removed(services, novel, "text", with_files=files)


@router.delete("/api/novels/{novel}/panels", responses=documented(404, 409), summary="Delete a novel's panels")
async def delete_panels(services: UsesServices, novel: NovelName, files: WithFiles = False) -> Answer[Removed]:
    """Its pages and regions; the text stays."""
    return await _removed(services, novel, "panels", with_files=files)


async def _removed(services: Services, novel: str, only: Part | None, *, with_files: bool) -> Answer[Removed]:
    settings, name = services.settings, readable("novel", novel)
    try:
        removal = await services.database.call(find_removal, settings, name, only=only, with_files=with_files)
        await services.database.call(remove_rows, settings, removal)
    except (SourcesStillThere, FileUnreadable) as error:
        raise Problem(409, "invalid-request", str(error)) from None
    said = await remove_partitions(services.dagster, removal)
    deleted = [path for paths in removal.files.values() for path in paths]
    of = {"only_panels": removal.only == "panels", "only_text": removal.only == "text"}
    return Answer(Removed(novel=removal.novel, **of, files=deleted, detail=said))
