"""What the insight assets found of a novel: its characters and their looks, and novels like it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy import Engine

from morpheus_assets.api.problems import documented, novel_not_stored
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import UsesServices
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.looks import Look
from morpheus_assets.services.search import readable
from morpheus_assets.services.similar_novels import MOST, SimilarNovel, similar_to
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.insight.casts import load_characters, load_looks

router = APIRouter(tags=["insight"], route_class=TypedRoute)
NovelKey = Annotated[str, Path(max_length=100, examples=["dracula"])]


class CharacterLook(BaseModel):
    """What one sentence says of a look; `char_start` and `char_end` are the sentence's place in the novel's text."""

    part: str
    attribute: str
    chapter: int
    char_start: int
    char_end: int
    sentence: str
    sure: bool
    contradicts: str


class ChapterMentions(BaseModel):
    """How often a character is named in a chapter."""

    chapter: int
    mentions: int


class NovelCharacter(BaseModel):
    """A name of the cast: `forms` with how often each stands, and the chapters that name it."""

    name: str
    kind: str
    gender: str
    confirmed: bool
    mentions: int
    forms: dict[str, int]
    chapters: list[ChapterMentions]
    panels: list[str]
    looks: list[CharacterLook]


class Cast(BaseModel):
    """The cast of a novel, confirmed characters first, then by mentions."""

    novel: str
    characters: list[NovelCharacter]


class Reason(BaseModel):
    """Two passages that are alike: where they stand, their texts, and their cosine."""

    chapter: int
    char_start: int
    char_end: int
    text: str
    other_chapter: int
    other_char_start: int
    other_char_end: int
    other_text: str
    similarity: float


class LikeNovel(BaseModel):
    """Another novel, how like it is to the one asked for (-1 to 1), and why."""

    novel: str
    title: str | None
    author: str | None
    similarity: float
    reasons: list[Reason]


class LikeNovels(BaseModel):
    """Novels like a novel, the first the most like, with some variety."""

    novel: str
    similar: list[LikeNovel]


@router.get("/api/novels/{novel}/characters", responses=documented(404), summary="Who is in a novel")
async def characters(
    services: UsesServices,
    novel: NovelKey,
    kind: Annotated[str | None, Query(pattern="^(person|place|unknown)$", description="Only these.")] = None,
) -> Answer[Cast]:
    """The cast as proposed from the text and corrected by a person; empty where the asset `characters` found nobody."""
    cast, looks = await services.database.call(_cast, readable("novel", novel))
    by_name: dict[str, list[Look]] = {}
    for look in looks:
        by_name.setdefault(look.character, []).append(look)
    shown = [_character(one, by_name.get(one.name, [])) for one in cast if kind in (None, one.kind)]
    return Answer(Cast(novel=novel, characters=shown))


@router.get("/api/novels/{novel}/similar", responses=documented(404), summary="Novels like a novel")
async def similar(
    services: UsesServices, novel: NovelKey, k: Annotated[int, Query(ge=1, le=MOST)] = 5
) -> Answer[LikeNovels]:
    """By the mean vectors of their passages; empty while the asset `similar_novels` has none of this novel."""
    found = await services.database.call(_similar, readable("novel", novel), k)
    return Answer(LikeNovels(novel=novel, similar=[_like(each) for each in found]))


def _verify_stored(engine: Engine, novel: str) -> None:
    if not list_novels(engine, [novel]):
        raise novel_not_stored(novel)


def _cast(engine: Engine, novel: str) -> tuple[list[Character], list[Look]]:
    cast = load_characters(engine, novel)
    if not cast:
        _verify_stored(engine, novel)
    return cast, load_looks(engine, novel)


def _similar(engine: Engine, novel: str, k: int) -> list[SimilarNovel]:
    found = similar_to(engine, novel, k)
    if not found:
        _verify_stored(engine, novel)
    return found


def _character(one: Character, looks: list[Look]) -> NovelCharacter:
    return NovelCharacter(
        name=one.name,
        kind=one.kind,
        gender=one.gender,
        confirmed=one.confirmed,
        mentions=one.mentions,
        forms=dict(one.aliases),
        chapters=[ChapterMentions(chapter=chapter, mentions=count) for chapter, count in one.chapters.items()],
        panels=list(one.panels),
        looks=[CharacterLook.model_validate(look, from_attributes=True) for look in looks],
    )


def _like(each: SimilarNovel) -> LikeNovel:
    return LikeNovel(
        novel=each.novel,
        title=each.title,
        author=each.author,
        similarity=each.similarity,
        reasons=[
            Reason(
                chapter=why.mine.chapter, char_start=why.mine.char_start, char_end=why.mine.char_end,
                text=why.mine_text, other_chapter=why.other.chapter, other_char_start=why.other.char_start,
                other_char_end=why.other.char_end, other_text=why.other_text, similarity=why.similarity,
            )
            for why in each.reasons
        ],
    )  # fmt: skip
