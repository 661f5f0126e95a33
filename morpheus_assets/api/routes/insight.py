"""What the insight assets found of a novel: its characters and their looks, what its panels show, novels like it."""

from itertools import groupby
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy import Engine

from morpheus_assets.api.problems import documented, field_problem, novel_not_stored
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.state import UsesServices
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.looks import Look, looks_note
from morpheus_assets.insight.people_words import names_note
from morpheus_assets.services.search import readable
from morpheus_assets.services.similar_novels import MOST, SimilarNovel, similar_to
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.insight.casts import load_characters, load_looks
from morpheus_assets.store.insight.scenes import (
    CharacterPanel,
    PanelScene,
    SceneMatch,
    load_character_panels,
    load_scenes,
)

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


class CharacterPicture(BaseModel):
    """A panel beside a character's reference pictures: `likeness` to them is -1 to 1."""

    id: str
    path: str
    entry: str
    page: int
    region: int
    likeness: float
    reference: bool
    url: str
    thumbnail_url: str


class NovelCharacter(BaseModel):
    """A name of the cast: `forms` with how often each stands, and the chapters that name it.

    `panels` are the reference pictures that a person tagged, `pictures` the panels that are like them and they
    themselves, those that are least like them first.
    """

    name: str
    kind: str
    gender: str
    confirmed: bool
    mentions: int
    forms: dict[str, int]
    chapters: list[ChapterMentions]
    panels: list[str]
    looks: list[CharacterLook]
    pictures: list[CharacterPicture]


class Cast(BaseModel):
    """The cast of a novel, confirmed ones first, then by mentions; `notes` say what is not read in its language.

    `next` is `after` for those that follow, null when there are none.
    """

    novel: str
    characters: list[NovelCharacter]
    notes: list[str]
    next: str | None


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


class ScenePanel(BaseModel):
    """A panel with its scene: the chapter, and the sentence that fits best with its place in the novel's text.

    `similarity` is the cosine of the two; `confirmed` says that a person named the chapter. `scores` has one number for
    each of the answer's `chapters`, where they were asked for.
    """

    id: str
    number: int
    path: str
    entry: str
    page: int
    region: int
    chapter: int
    char_start: int
    char_end: int
    sentence: str
    similarity: float
    confirmed: bool
    scores: list[float] | None
    url: str
    thumbnail_url: str
    text_url: str


class PanelsOfScenes(BaseModel):
    """The panels of a novel by scene, in reading order; of one chapter, those that fit best first.

    `in_reading_order` says that the panels follow the chapters, so that no later one shows an earlier chapter;
    `chapters_without_a_panel` are those that are skipped then. `space` is null where nothing is matched.
    """

    novel: str
    space: str | None
    in_reading_order: bool
    chapters: list[int]
    chapters_without_a_panel: list[int]
    panels: list[ScenePanel]


@router.get("/api/novels/{novel}/panels-of-scene", responses=documented(404), summary="Which scenes panels show")
async def panels_of_scene(
    services: UsesServices,
    novel: NovelKey,
    chapter: Annotated[int | None, Query(description="Only the panels of this chapter.")] = None,
    scores: Annotated[bool, Query(description="Also how well each chapter fits each panel.")] = False,
) -> Answer[PanelsOfScenes]:
    """The scene of each panel, and so the panels of each chapter; empty while `scene_panel_match` has none."""
    match = await services.database.call(_scenes, readable("novel", novel))
    if match is None:
        nothing = PanelsOfScenes(
            novel=novel, space=None, in_reading_order=False, chapters=[], chapters_without_a_panel=[], panels=[]
        )
        return Answer(nothing)
    shown = [panel for panel in match.panels if chapter in (None, panel.chapter)]
    if chapter is not None and chapter in match.chapters:
        column = list(match.chapters).index(chapter)
        shown.sort(key=lambda panel: -panel.scores[column])
    return Answer(
        PanelsOfScenes(
            novel=novel,
            space=match.space,
            in_reading_order=match.aligned,
            chapters=list(match.chapters),
            chapters_without_a_panel=match.without_panel,
            panels=[_scene(novel, panel, scores=scores) for panel in shown],
        )
    )


@router.get("/api/novels/{novel}/characters", responses=documented(404), summary="Who is in a novel")
async def characters(
    services: UsesServices,
    novel: NovelKey,
    kind: Annotated[str | None, Query(pattern="^(person|place|unknown)$", description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="How many at most.")] = 10_000,
    after: Annotated[str | None, Query(max_length=200, description="Only those behind this name.")] = None,
) -> Answer[Cast]:
    """The cast as proposed from the text and corrected by a person, by page if so asked for; empty where nobody is."""
    cast, looks, pictures, language = await services.database.call(_cast, readable("novel", novel))
    by_name: dict[str, list[Look]] = {}
    for look in looks:
        by_name.setdefault(look.character, []).append(look)
    of = {name: list(each) for name, each in groupby(pictures, lambda each: each.character)}
    if after is not None:
        names = [one.name for one in cast]
        if after not in names:
            raise field_problem("after", f"No character of {novel} is named {after!r}.")
        cast = cast[names.index(after) + 1 :]
    wanted = [one for one in cast if kind in (None, one.kind)]
    shown = [_character(one, by_name.get(one.name, []), of.get(one.name, [])) for one in wanted[:limit]]
    notes = [note for note in (names_note(language), looks_note(language)) if note]
    more = shown[-1].name if len(wanted) > limit else None
    return Answer(Cast(novel=novel, characters=shown, notes=notes, next=more))


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


def _scenes(engine: Engine, novel: str) -> SceneMatch | None:
    match = load_scenes(engine, novel)
    if match is None:
        _verify_stored(engine, novel)
    return match


def _cast(engine: Engine, novel: str) -> tuple[list[Character], list[Look], list[CharacterPanel], str]:
    stored = list_novels(engine, [novel])
    if not stored:
        raise novel_not_stored(novel)
    cast, looks = load_characters(engine, novel), load_looks(engine, novel)
    return cast, looks, load_character_panels(engine, novel), stored[0].language or "und"


def _similar(engine: Engine, novel: str, k: int) -> list[SimilarNovel]:
    found = similar_to(engine, novel, k)
    if not found:
        _verify_stored(engine, novel)
    return found


def _scene(novel: str, panel: PanelScene, *, scores: bool) -> ScenePanel:
    url = f"/api/panels/{panel.content_hash.hex()}"
    around = f"start={max(0, panel.char_start - 1500)}&end={panel.char_end + 1500}"
    return ScenePanel(
        id=panel.content_hash.hex(),
        number=panel.ordinal,
        path=panel.path,
        entry=panel.entry,
        page=panel.page,
        region=panel.region,
        chapter=panel.chapter,
        char_start=panel.char_start,
        char_end=panel.char_end,
        sentence=panel.sentence,
        similarity=panel.similarity,
        confirmed=panel.confirmed,
        scores=list(panel.scores) if scores else None,
        url=url,
        thumbnail_url=f"{url}?width=360",
        text_url=f"/api/novels/{quote(novel)}/text?{around}",
    )


def _picture(panel: CharacterPanel) -> CharacterPicture:
    url = f"/api/panels/{panel.content_hash.hex()}"
    return CharacterPicture(
        id=panel.content_hash.hex(),
        path=panel.path,
        entry=panel.entry,
        page=panel.page,
        region=panel.region,
        likeness=panel.likeness,
        reference=panel.reference,
        url=url,
        thumbnail_url=f"{url}?width=360",
    )


def _character(one: Character, looks: list[Look], pictures: list[CharacterPanel]) -> NovelCharacter:
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
        pictures=[_picture(panel) for panel in pictures],
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
