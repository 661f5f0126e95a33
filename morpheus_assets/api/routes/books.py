"""One novel as a person reads about it: its chapters, its panels in order, and how far each space has it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from morpheus_assets.api.problems import documented, novel_not_stored
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import UsesServices
from morpheus_assets.domain.content import Chapter, ComicBook, NovelSummary, PanelRecord
from morpheus_assets.services.search import readable
from morpheus_assets.store.content.chapters import load_chapters
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.content.panels import load_comic_books, load_panels
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import list_spaces

router = APIRouter(tags=["content"], route_class=TypedRoute)

NovelName = Annotated[str, Path(max_length=100, examples=["dracula"])]


class BookChapter(BaseModel):
    """A chapter, or a piece around the chapters; offsets are characters of the novel's text."""

    chapter: int
    title: str
    kind: str = Field(description="`chapter`, `section` of a book without chapters, `front` or `back`.")
    char_start: int
    char_end: int


class BookChapters(BaseModel):
    """Chapters of a novel, in order; `next` is `after` for those that follow, null when there are none."""

    novel: str
    chapters: list[BookChapter]
    next: int | None


class BookSpace(BaseModel):
    """How many of the novel's distinct passages, or panels, have a vector in a space."""

    space: str
    purpose: str
    state: str
    needed: int
    present: int
    refused: int


class ComicBookFacts(BaseModel):
    """What a file of pages says of itself: ComicInfo.xml, ACBF, or the data of an EPUB or PDF."""

    path: str = Field(description="The file, below panels/; empty for a ComicInfo.xml beside the pages.")
    title: str | None
    series: str | None
    number: str | None
    volume: str | None
    writer: str | None
    language: str | None
    direction: str | None = Field(description="`ltr` or `rtl`: how its panels are read.")


class Book(BaseModel):
    """A novel with its chapters, in order."""

    novel: str
    title: str | None
    author: str | None
    language: str
    characters: int
    passages: int
    panels: int
    refused_panels: int
    refused: str | None = Field(description="Why the latest file could not be read; what was stored before stays.")
    chapters: list[BookChapter]
    spaces: list[BookSpace]
    comic_books: list[ComicBookFacts]


class BookPanel(BaseModel):
    """A stored panel: `number` is its place among the novel's, from 1."""

    id: str
    number: int
    path: str
    entry: str
    width: int | None
    height: int | None
    url: str
    thumbnail_url: str


class BookPanels(BaseModel):
    """A stretch of a novel's panels, in reading order; `total` is how many there are."""

    novel: str
    total: int
    panels: list[BookPanel]


@router.get("/api/novels/{novel}", responses=documented(404), summary="One novel")
async def book(services: UsesServices, novel: NovelName) -> Answer[Book]:
    """The chapters of a novel and what is stored of it, in numbers."""
    name = readable("novel", novel)
    summary, chapters, spaces, comics = await services.database.call(_look_up, name)
    if summary is None:
        raise novel_not_stored(novel)
    return Answer(
        Book(
            novel=summary.novel,
            title=summary.title,
            author=summary.author,
            language=summary.language,
            characters=summary.characters,
            passages=summary.chunks,
            panels=summary.panels,
            refused_panels=summary.refused_panels,
            refused=summary.refused_reason,
            chapters=[_chapter(each) for each in chapters],
            spaces=spaces,
            comic_books=[ComicBookFacts.model_validate(each, from_attributes=True) for each in comics],
        )
    )  # fmt: skip


@router.get("/api/novels/{novel}/chapters", responses=documented(404), summary="A novel's chapters")
async def chapters(
    services: UsesServices,
    novel: NovelName,
    limit: Annotated[int, Query(ge=1, le=10_000, description="How many at most.")] = 100,
    after: Annotated[int | None, Query(ge=-1, le=1_000_000, description="Only those behind this chapter.")] = None,
) -> Answer[BookChapters]:
    """By page, with the pieces around the chapters."""
    found = await services.database.call(_stored_chapters, readable("novel", novel))
    if found is None:
        raise novel_not_stored(novel)
    behind = [each for each in found if after is None or each.ordinal > after]
    shown = [_chapter(each) for each in behind[:limit]]
    return Answer(BookChapters(novel=novel, chapters=shown, next=shown[-1].chapter if len(behind) > limit else None))


@router.get("/api/novels/{novel}/panels", responses=documented(404), summary="A novel's panels")
async def panels(
    services: UsesServices,
    novel: NovelName,
    start: Annotated[int, Query(ge=1, le=1_000_000, description="The number of the first one.")] = 1,
    count: Annotated[int, Query(ge=1, le=200, description="Panels at most.")] = 60,
) -> Answer[BookPanels]:
    """The stored panels of a novel from `start` on, in reading order."""
    found = await services.database.call(_stored_panels, readable("novel", novel))
    if found is None:
        raise novel_not_stored(novel)
    numbered = list(enumerate(found, 1))[start - 1 : start - 1 + count]
    return Answer(
        BookPanels(novel=novel, total=len(found), panels=[_panel(number, panel) for number, panel in numbered])
    )


def _look_up(engine: Engine, novel: str) -> tuple[NovelSummary | None, list[Chapter], list[BookSpace], list[ComicBook]]:
    summary = next(iter(list_novels(engine, [novel])), None)
    if summary is None:
        return None, [], [], []
    spaces = []
    for row in list_spaces(engine):
        if row.state not in ("building", "ready", "active"):
            continue
        for has in coverage(engine, row, [novel]).novels:
            spaces.append(
                BookSpace(
                    space=row.key, purpose=row.purpose, state=row.state,
                    needed=has.needed, present=has.present, refused=has.refused,
                )
            )  # fmt: skip
    return summary, load_chapters(engine, novel), spaces, load_comic_books(engine, novel)


def _stored_chapters(engine: Engine, novel: str) -> list[Chapter] | None:
    return load_chapters(engine, novel) if list_novels(engine, [novel]) else None


def _chapter(each: Chapter) -> BookChapter:
    return BookChapter(
        chapter=each.ordinal, title=each.title, kind=each.kind, char_start=each.char_start, char_end=each.char_end
    )


def _stored_panels(engine: Engine, novel: str) -> list[PanelRecord] | None:
    if not list_novels(engine, [novel]):
        return None
    return load_panels(engine, novel, state="stored")


def _panel(number: int, panel: PanelRecord) -> BookPanel:
    assert panel.content_hash is not None
    url = f"/api/panels/{panel.content_hash.hex()}"
    return BookPanel(
        id=panel.content_hash.hex(),
        number=number,
        path=panel.path,
        entry=panel.entry,
        width=panel.width,
        height=panel.height,
        url=url,
        thumbnail_url=f"{url}?width=360",
    )
