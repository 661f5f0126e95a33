"""GET and POST /api/embeddings/search: by words, by more-like-this, or by a picture."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import StringConstraints

from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.search.results import SearchAnswer
from morpheus_assets.api.state import UsesServices
from morpheus_assets.embedding.errors import InputRefused
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.search import SearchQuery

MOST_CHARACTERS = 4000
HASH = "^[0-9a-f]{64}$"
BetterThan = Annotated[
    float | None,
    Query(
        ge=50,
        lt=100,
        description="Leave out what is no more like the question than so many percent of what is stored.",
    ),
]
router = APIRouter(tags=["search"], route_class=TypedRoute)

Name = Annotated[str, StringConstraints(max_length=100)]
Novels = Annotated[
    list[Name] | None,
    Query(max_length=100, description="Only in this novel, or in these: repeat it.", examples=[["dracula"]]),
]
Count = Annotated[int, Query(ge=1, le=100, description="Results of each kind.")]


@router.get(
    "/api/embeddings/search",
    responses=documented(404, 502),
    summary="Search passages and panels",
)
async def search(
    request: Request,
    services: UsesServices,
    q: Annotated[
        str | None,
        Query(max_length=MOST_CHARACTERS, description="The question.", examples=["a ship without a crew"]),
    ] = None,
    like: Annotated[str | None, Query(pattern=HASH, description="Instead of `q`: the id of a result.")] = None,
    k: Count = 10,
    novel: Novels = None,
    chapter: Annotated[
        int | None,
        Query(
            ge=-1_000_000,
            le=1_000_000,
            description="Only in this chapter: its number as results give it, below 1 for what stands before the first;"
            " needs `novel`.",
        ),
    ] = None,
    language: Annotated[
        list[Name] | None, Query(max_length=20, description="Only novels in this language (ISO 639-1), or in these.")
    ] = None,
    author: Annotated[
        list[Name] | None, Query(max_length=20, description="Only novels by an author with this in the name.")
    ] = None,
    other_novels: Annotated[bool, Query(description="With `like`: leave out the novels that hold it.")] = False,
    kind: Annotated[Literal["text", "panels", "both"], Query()] = "both",
    mode: Annotated[
        Literal["hybrid", "vector", "text"], Query(description="How passages are found: by meaning, by words, both.")
    ] = "hybrid",
    min_similarity: Annotated[
        float | None, Query(ge=-1, le=1, description="Leave out what is less similar, by its cosine.")
    ] = None,
    better_than: BetterThan = None,
    sentences: Annotated[
        bool, Query(description="Also look for the nearest sentence of the best passages: one more request.")
    ] = True,
) -> Answer[SearchAnswer]:
    """Passages by meaning and by words, panels by what they show; each with cosine similarity, rank and place."""
    if (q is None or not q.strip()) == (like is None):
        raise field_problem("q", "Give a question `q`, or the id of a result as `like`.")
    if chapter is not None and not novel:
        raise field_problem("chapter", "A chapter number needs `novel` beside it.")
    query = SearchQuery(
        q=q, like=bytes.fromhex(like) if like else None, k=k, novel=tuple(novel or ()), chapter=chapter, kind=kind,
        mode=mode, min_similarity=min_similarity, better_than=better_than, sentences=sentences,
        languages=tuple(language or ()),
        authors=tuple(author or ()), other_novels=other_novels,
    )  # fmt: skip
    answer = await services.search.search(query)
    note(request, kind=kind, mode=mode, found=len(answer.passages) + len(answer.panels), cached=answer.cached)
    return Answer(answer)


@router.post(
    "/api/embeddings/search",
    responses=documented(404, 502),
    summary="Search panels by a picture",
)
async def search_by_image(
    request: Request,
    services: UsesServices,
    file: Annotated[UploadFile, File(description="A picture in any common format.")],
    k: Annotated[int, Form(ge=1, le=100)] = 10,
    novel: Annotated[list[Name] | None, Form(max_length=100)] = None,
    min_similarity: Annotated[float | None, Form(ge=-1, le=1)] = None,
) -> Answer[SearchAnswer]:
    """Panels that look like the picture."""
    for field in await request.form():
        if field not in ("file", "k", "novel", "min_similarity"):
            raise field_problem(field, "There is no such field; there are file, k, novel and min_similarity.")
    novels = tuple(name for name in novel or () if name)
    query = SearchQuery(k=k, novel=novels, kind="panels", min_similarity=min_similarity)
    async with services.pictures.bytes_of(file.size or 0):
        data, name = await file.read(), file.filename or "file"
        try:
            async with services.pictures.opened(data, name) as picture:
                return Answer(await services.search.like_picture(picture, query))
        except (RefusedImage, InputRefused) as error:
            reason = error.__cause__ if isinstance(error.__cause__, RefusedImage) else error
            raise field_problem("file", str(reason)) from None
