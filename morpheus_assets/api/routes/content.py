"""The stored content around search results: novels, pieces of their text, pictures of panels."""

import hashlib
import io
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from PIL import Image, ImageDraw, ImageOps
from pydantic import BaseModel, Field
from starlette.responses import Response

from morpheus_assets.api.problems import Problem, documented, field_problem
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.routes.search import HASH
from morpheus_assets.api.state import UsesServices
from morpheus_assets.images.books.values import UnreadableBook
from morpheus_assets.images.boxes import Box
from morpheus_assets.images.decoding import decode_panel
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.page_pixels import look_at_page
from morpheus_assets.services.content_location import panels_source
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.services.search import readable
from morpheus_assets.sources.base import FileUnreadable
from morpheus_assets.sources.listing import read_panel
from morpheus_assets.sources.names import MAX_PANEL_BYTES
from morpheus_assets.store.content.lookups import PanelPlace, panel_place, panels_around, text_piece
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
    """Novels, by name; `next` is `after` for those that follow, null when there are none."""

    novels: list[Novel]
    next: str | None = None


class Piece(BaseModel):
    """Text of a novel from `char_start` to `char_end`; `length` is the whole novel's."""

    novel: str
    title: str | None
    char_start: int
    char_end: int
    length: int
    text: str


@router.get("/api/novels", summary="What is stored")
async def novels(
    services: UsesServices,
    limit: Annotated[int, Query(ge=1, le=100_000, description="How many at most.")] = 100_000,
    after: Annotated[str | None, Query(max_length=100, description="Only novels behind this key.")] = None,
) -> Answer[Novels]:
    """Every novel with the number of its chapters, passages and panels; by page if so asked for."""
    rows = [row for row in await services.database.call(list_novels) if after is None or row.novel > after]
    rows.sort(key=lambda row: row.novel)
    more = {"next": rows[limit - 1].novel} if len(rows) > limit else {}
    return Answer(
        Novels(
            **more,
            novels=[
                Novel(
                    novel=row.novel, title=row.title, author=row.author, language=row.language,
                    chapters=row.chapters, passages=row.chunks, panels=row.panels,
                )
                for row in rows[:limit]
            ],
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


PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "Unchanged"},
    **documented(404),
}
PictureWidth = Annotated[int | None, Query(ge=16, le=2000, description="Give a smaller JPEG of this width.")]
PanelId = Annotated[str, Path(pattern=HASH)]


class Place(BaseModel):
    """Where a region is: its page, and the regions that are read before and after it in the novel."""

    id: str
    novel: str
    path: str
    entry: str
    page: int
    region: int
    kind: str
    box: tuple[int, int, int, int] | None
    page_width: int | None
    page_height: int | None
    url: str
    page_url: str
    previous: str | None = Field(description="The id of the region that is read before it.")
    next: str | None = Field(description="The id of the region that is read after it.")


@router.get("/api/panels/{id}", responses=PICTURE, summary="A panel's picture")
async def panel(request: Request, services: UsesServices, id: PanelId, width: PictureWidth = None) -> Response:
    """The region, cut out of its page, or the file as it is; or scaled down."""
    return await _picture(request, services, id, f"{width or 0}", lambda page: page.part(width))


@router.get("/api/panels/{id}/page", responses=PICTURE, summary="A panel's page")
async def page_of_panel(request: Request, services: UsesServices, id: PanelId, width: PictureWidth = 1000) -> Response:
    """The whole page with the region outlined."""
    return await _picture(request, services, id, f"page{width or 0}", lambda page: page.outlined(width))


@router.get("/api/panels/{id}/place", responses=documented(404), summary="A panel's place")
async def place_of_panel(services: UsesServices, id: PanelId) -> Answer[Place]:
    """File, page and box of a region, and what is read before and after it."""
    place = await services.database.call(panel_place, bytes.fromhex(id))
    if place is None:
        raise Problem(404, "not-found", f"No panel {id[:12]}… is stored.")
    around = await services.database.call(panels_around, place)
    url = f"/api/panels/{id}"
    return Answer(
        Place(
            id=id, novel=place.novel, path=place.path, entry=place.entry, page=place.page, region=place.region,
            kind=place.kind, box=place.pixels, page_width=place.page_width, page_height=place.page_height, url=url,
            page_url=f"{url}/page",
            previous=around.before.hex() if around.before else None,
            next=around.after.hex() if around.after else None,
        )
    )  # fmt: skip


# A JPEG has no longer side (ITU T.81 allows 65,535, libjpeg 65,500).
_LONGEST = 65_000


async def _picture(
    request: Request, services: UsesServices, id: str, form: str, draw: Callable[["_PageShown"], tuple[bytes, str]]
) -> Response:
    # the id is the hash of the pixels or bytes: what it names never changes
    headers = {"Cache-Control": "private, max-age=86400, immutable", "ETag": f'"{id}-{form}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    place = await services.database.call(panel_place, bytes.fromhex(id))
    data = None
    reader = PageReader(panels_source(services.settings), services.settings.max_image_pixels)
    if place is not None:
        data = await services.pictures.work(_bytes_of, reader, place)
    if data is None or place is None:
        raise Problem(404, "not-found", f"No panel {id[:12]}… is stored, or its file is gone.")
    shown = _PageShown(data, place, services.settings.max_image_pixels, reader)
    try:
        async with nullcontext() if shown.banded else services.pictures.opened(data, place.path):
            picture, kind = await services.pictures.work(draw, shown)
    except RefusedImage as error:
        raise Problem(404, "not-found", str(error)) from None
    return Response(picture, 200, headers, kind)


def _bytes_of(reader: PageReader, place: PanelPlace) -> bytes | None:
    try:
        if not place.entry:
            limit = MAX_PANEL_BYTES
            return read_panel(reader.source, place.novel, place.path, place.page_hash, limit)
        data = reader.data(place.path, place.entry)
    except (UnreadableBook, FileUnreadable):
        return None
    finally:
        reader.close()
    return data if data is not None and hashlib.sha256(data).digest() == place.page_hash else None


@dataclass(frozen=True)
class _PageShown:
    """A page's bytes and a place on it, to be drawn."""

    data: bytes
    place: PanelPlace
    max_pixels: int
    reader: PageReader

    @property
    def banded(self) -> bool:
        """Whether the page is a strip that is never decoded whole."""
        return (self.place.page_width or 0) * (self.place.page_height or 0) > self.max_pixels

    def part(self, width: int | None) -> tuple[bytes, str]:
        """The region, or the file as it is where the region is all of it."""
        box = self.place.pixels
        if self.place.content_hash == self.place.page_hash or box is None:
            return _shown(self.data, self.place.path, width, self.max_pixels)
        if self.place.following:
            return _jpeg(self._over_files(box, self.place.following), width)
        page, _ = look_at_page(self.data, self.place.path, max_pixels=self.max_pixels)
        return _jpeg(page.crop(box), width)

    def _over_files(self, box: Box, following: list[list[str]]) -> Image.Image:
        place = self.place
        try:
            return self.reader.region(place.path, place.entry, place.page_hash, box, following)
        except (UnreadableBook, FileUnreadable) as error:
            raise RefusedImage(str(error)) from error
        finally:
            self.reader.close()

    def outlined(self, width: int | None) -> tuple[bytes, str]:
        """The page with the region outlined."""
        page, facts = look_at_page(self.data, self.place.path, max_pixels=self.max_pixels)
        whole = page.crop((0, 0, facts.width, facts.height)).copy()
        box = self.place.pixels
        if box is not None and self.place.region:
            scale, line = whole.width / facts.width, max(2, whole.width // 160)
            ImageDraw.Draw(whole).rectangle([round(side * scale) for side in box], outline="red", width=line)
        return _jpeg(whole, width)


def _shown(data: bytes, name: str, width: int | None, max_pixels: int) -> tuple[bytes, str]:
    decoded = decode_panel(data, name, max_pixels=max_pixels)
    if width is None and decoded.format in _SHOWN:
        return data, _SHOWN[decoded.format]
    return _jpeg(decoded.image, width)


def _jpeg(image: Image.Image, width: int | None) -> tuple[bytes, str]:
    if width is not None and width < image.width:
        # a tall strip keeps its beginning in sight: at most four times as high as wide
        image = image.crop((0, 0, image.width, min(image.height, 4 * image.width)))
        image.thumbnail((width, 4 * width))
    elif max(image.size) > _LONGEST:
        image = ImageOps.contain(image, (_LONGEST, _LONGEST))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82, optimize=True, progressive=True)
    return buffer.getvalue(), "image/jpeg"
