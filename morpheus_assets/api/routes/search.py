"""GET and POST /api/embeddings/search: by words, by more-like-this, or by a picture."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import documented, field_problem
from morpheus_assets.api.responses import json_answer
from morpheus_assets.api.search.results import SearchAnswer
from morpheus_assets.api.search.service import Ask
from morpheus_assets.api.state import UsesServices
from morpheus_assets.images.decoding import decode_panel, opener_of
from morpheus_assets.images.errors import RefusedImage

MOST_CHARACTERS = 4000
HASH = "^[0-9a-f]{64}$"
router = APIRouter(tags=["search"])

Novel = Annotated[str | None, Query(max_length=100, description="Only in this novel.", examples=["dracula"])]
Count = Annotated[int, Query(ge=1, le=100, description="Results of each kind.")]


def readable(field: str, text: str) -> str:
    """`text`, or the problem of its field when no database could take it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise field_problem(field, "It holds lone surrogates, which are no Unicode text.") from None
    if "\0" in text:
        raise field_problem(field, "It holds a NUL character.")
    return text


@router.get(
    "/api/embeddings/search",
    response_model=None,
    responses={200: {"model": SearchAnswer}, **documented(404, 502)},
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
    novel: Novel = None,
    chapter: Annotated[
        int | None, Query(ge=0, le=1_000_000, description="Only in this chapter (its number); needs `novel`.")
    ] = None,
    kind: Annotated[Literal["text", "panels", "both"], Query()] = "both",
    mode: Annotated[
        Literal["hybrid", "vector", "text"], Query(description="How passages are found: by meaning, by words, both.")
    ] = "hybrid",
    min_similarity: Annotated[float | None, Query(ge=-1, le=1, description="Leave out what is less similar.")] = None,
    sentences: Annotated[
        bool, Query(description="Also look for the nearest sentence of the best passages: one more request.")
    ] = True,
) -> Response:
    """Passages by meaning and by words, panels by what they show; each with cosine similarity, rank and place."""
    if (q is None or not q.strip()) == (like is None):
        raise field_problem("q", "Give a question `q`, or the id of a result as `like`.")
    if chapter is not None and novel is None:
        raise field_problem("chapter", "A chapter number needs `novel` beside it.")
    ask = Ask(
        q=readable("q", q.strip()) if q else None, like=bytes.fromhex(like) if like else None, k=k,
        novel=readable("novel", novel) if novel is not None else None, chapter=chapter, kind=kind, mode=mode,
        min_similarity=min_similarity, sentences=sentences,
    )  # fmt: skip
    answer = await services.search.search(ask)
    note(request, kind=kind, mode=mode, found=len(answer["passages"]) + len(answer["panels"]), cached=answer["cached"])
    return json_answer(answer)


@router.post(
    "/api/embeddings/search",
    response_model=None,
    responses={200: {"model": SearchAnswer}, **documented(404, 502)},
    summary="Search panels by a picture",
)
async def search_by_image(
    services: UsesServices,
    file: Annotated[UploadFile, File(description="A picture in any common format.")],
    k: Annotated[int, Form(ge=1, le=100)] = 10,
    novel: Annotated[str | None, Form(max_length=100)] = None,
    min_similarity: Annotated[float | None, Form(ge=-1, le=1)] = None,
) -> Response:
    """Panels that look like the picture."""
    data, name = await file.read(), file.filename or "file"
    try:
        panel = await asyncio.to_thread(decode_panel, data, name, max_pixels=services.settings.max_image_pixels)
    except RefusedImage as error:
        raise field_problem("file", str(error)) from None
    ask = Ask(k=k, novel=readable("novel", novel) if novel else None, kind="panels", min_similarity=min_similarity)
    return json_answer(await services.search.like_image(opener_of(panel, data, name), ask))
