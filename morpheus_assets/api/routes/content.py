"""The stored content around search results: novels, pieces of their text, pictures of panels."""

import io
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from morpheus_assets.api.problems import Problem, documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.routes.search import HASH
from morpheus_assets.api.state import UsesServices
from morpheus_assets.images.decoding import decode_panel
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.content_location import panels_source
from morpheus_assets.services.search import readable
from morpheus_assets.sources.listing import read_panel
from morpheus_assets.sources.names import MAX_PANEL_BYTES
from morpheus_assets.store.content.lookups import panel_place, text_piece
from morpheus_assets.store.content.novels import list_novels

LONGEST_PIECE = 20_000
# What browsers show; other formats are converted.
_SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif", "AVIF": "image/avif"}
router = APIRouter(tags=["content"], route_class=TypedRoute)


class Novel(BaseModel):
    """One novel, with what is stored of it."""

    novel: str
    title: str | None
    author: str | None
    language: str
    chapters: int
    passages: int
    panels: int


class Novels(BaseModel):
    """All novels, by name."""

    novels: list[Novel]


class Piece(BaseModel):
    """Text of a novel from `char_start` to `char_end`; `length` is the whole novel's."""

    novel: str
    title: str | None
    char_start: int
    char_end: int
    length: int
    text: str


@router.get("/api/novels", summary="What is stored")
async def novels(services: UsesServices) -> Answer[Novels]:
    """Every novel with the number of its chapters, passages and panels."""
    rows = await services.database.call(list_novels)
    return Answer(
        Novels(
            novels=[
                Novel(
                    novel=row.novel, title=row.title, author=row.author, language=row.language,
                    chapters=row.chapters, passages=row.chunks, panels=row.panels,
                )
                for row in rows
            ]
        )
    )  # fmt: skip


@router.get(
    "/api/novels/{novel}/text",
    responses=documented(404),
    summary="A piece of a novel's text",
)
async def text(
    services: UsesServices,
    novel: Annotated[str, Path(max_length=100, examples=["dracula"])],
    start: Annotated[int, Query(ge=0, le=2_000_000_000)] = 0,
    end: Annotated[int, Query(ge=0, le=2_000_000_000)] = 3000,
) -> Answer[Piece]:
    """Characters `start` to `end` of the text, as the offsets of search results count them."""
    if not start < end <= start + LONGEST_PIECE:
        raise field_problem("end", f"It must be more than `start`, by {LONGEST_PIECE:,} at most.")
    piece = await services.database.call(text_piece, readable("novel", novel), start, end)
    if piece is None:
        raise field_problem("novel", f"No text of a novel named {novel!r} is stored.", status=404, kind="not-found")
    return Answer(Piece.model_validate(piece, from_attributes=True))


@router.get(
    "/api/panels/{id}",
    responses={
        200: {
            "description": "The picture.",
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "Unchanged"},
        **documented(404),
    },
    summary="A panel's picture",
)
async def panel(
    request: Request,
    services: UsesServices,
    id: Annotated[str, Path(pattern=HASH)],
    width: Annotated[int | None, Query(ge=16, le=2000, description="Give a smaller JPEG of this width.")] = None,
) -> Response:
    """The file as it is, or scaled down."""
    # the id is the hash of the bytes: what it names never changes
    headers = {"Cache-Control": "private, max-age=86400, immutable", "ETag": f'"{id}-{width or 0}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    value = bytes.fromhex(id)
    place = await services.database.call(panel_place, value)
    data = None
    if place is not None:
        panels, limit = panels_source(services.settings), MAX_PANEL_BYTES
        data = await services.pictures.work(read_panel, panels, place.novel, place.path, value, limit)
    if data is None or place is None:
        raise Problem(404, "not-found", f"No panel {id[:12]}… is stored, or its file is gone.")
    try:
        async with services.pictures.opened(data, place.path):
            picture, kind = await services.pictures.work(
                _shown, data, place.path, width, services.settings.max_image_pixels
            )
    except RefusedImage as error:
        raise Problem(404, "not-found", str(error)) from None
    return Response(picture, 200, headers, kind)


def _shown(data: bytes, name: str, width: int | None, max_pixels: int) -> tuple[bytes, str]:
    decoded = decode_panel(data, name, max_pixels=max_pixels)
    if width is None and decoded.format in _SHOWN:
        return data, _SHOWN[decoded.format]
    image = decoded.image
    if width is not None and width < image.width:
        # a tall strip keeps its beginning in sight: at most four times as high as wide
        image = image.crop((0, 0, image.width, min(image.height, 4 * image.width)))
        image.thumbnail((width, 4 * width))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82, optimize=True, progressive=True)
    return buffer.getvalue(), "image/jpeg"
