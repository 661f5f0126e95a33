"""Regions over HTTP: their pictures, the page on which one stands, and what is read before and after it."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import Engine

from morpheus_assets.services.content_location import panels_source
from morpheus_assets.services.page_cutting import cut_pages
from morpheus_assets.services.page_listing import find_pages
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.regions import load_regions, replace_regions
from morpheus_assets_tests.api.conftest import Api

NOVEL = "alpha"


def grid(*colours: str) -> Image.Image:
    """Four panels in two rows, each of a colour of its own."""
    page = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(page)
    for at, colour in enumerate(colours):
        left, top = 30 + at % 2 * 280, 30 + at // 2 * 380
        draw.rectangle((left, top, left + 260, top + 360), fill=colour, outline="black", width=4)
    return page


def as_png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def stored(api: Api, engine: Engine) -> Path:
    """Store and cut what lies in the novel's folder, as its run does; the folder."""
    source = panels_source(api.settings)
    reader = PageReader(source, api.settings.max_image_pixels)
    found = find_pages(reader, [file for file in source.entries() if file.path.startswith(f"{NOVEL}/")])
    replace_panels(engine, NOVEL, found.rows, books=found.books)
    for cut in cut_pages(reader, load_panels(engine, NOVEL, state="stored"), {}):
        assert cut.regions is not None
        replace_regions(engine, cut.page, cut.regions, cut_of=cut.cut_of, doubts=cut.doubts)
    reader.close()
    return api.settings.panels_folder / NOVEL


@pytest.fixture
def book(api: Api, engine: Engine) -> Path:
    folder = api.settings.panels_folder / NOVEL
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "book.cbz", "w") as archive:
        archive.writestr("1.png", as_png(grid("navy", "teal", "olive", "maroon")))
        archive.writestr("2.png", as_png(grid("gold", "pink", "grey", "cyan")))
    return stored(api, engine)


def hash_at(engine: Engine, page: int, region: int) -> str:
    return next(
        row.content_hash.hex() for row in load_regions(engine, [NOVEL]) if (row.page, row.ordinal) == (page, region)
    )


def picture(api: Api, url: str, **asked: int) -> Image.Image:
    answer = api.client.get(url, params=asked)
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def test_a_region_s_place_names_its_file_page_and_box(api: Api, engine: Engine, book: Path) -> None:
    third = hash_at(engine, 2, 3)

    place = api.client.get(f"/api/panels/{third}/place").json()

    assert (place["novel"], place["path"], place["entry"]) == (NOVEL, f"{NOVEL}/book.cbz", "2.png")
    assert (place["page"], place["region"], place["kind"]) == (2, 3, "panel")
    assert (place["page_width"], place["page_height"]) == (600, 800)
    left, top, right, bottom = place["box"]
    assert abs(left - 30) <= 4
    assert abs(top - 410) <= 4
    assert picture(api, place["url"]).size == (right - left, bottom - top)


def test_regions_are_read_one_after_the_other_through_all_pages(api: Api, engine: Engine, book: Path) -> None:
    read, at = [], hash_at(engine, 1, 1)
    while at:
        place = api.client.get(f"/api/panels/{at}/place").json()
        assert place["previous"] == (read[-1][0] if read else None)
        read.append((at, place["page"], place["region"]))
        at = place["next"]

    assert [(page, region) for _, page, region in read] == [(page, at) for page in (1, 2) for at in (1, 2, 3, 4)]


def test_the_page_of_a_region_is_shown_with_the_region_outlined(api: Api, engine: Engine, book: Path) -> None:
    second = hash_at(engine, 1, 2)
    box = api.client.get(f"/api/panels/{second}/place").json()["box"]

    shown = np.asarray(picture(api, f"/api/panels/{second}/page", width=600), dtype=int)

    assert shown.shape == (800, 600, 3)
    red = (shown[:, :, 0] > 180) & (shown[:, :, 1] < 90) & (shown[:, :, 2] < 90)
    ys, xs = np.nonzero(red)
    assert np.abs(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) - box).max() <= 4
    # The rest of the page is there as it is: the olive panel below.
    assert np.abs(shown[600, 160] - (128, 128, 0)).max() < 30


def test_a_page_is_scaled_to_the_width_that_is_asked_for(api: Api, engine: Engine, book: Path) -> None:
    assert picture(api, f"/api/panels/{hash_at(engine, 1, 2)}/page", width=150).size == (150, 200)


def test_a_strip_that_is_longer_than_a_jpeg_may_be_is_shown_smaller(api: Api, engine: Engine) -> None:
    folder = api.settings.panels_folder / NOVEL
    folder.mkdir(parents=True)
    Image.new("RGB", (20, 66_000), "teal").save(folder / "1.png")
    stored(api, engine)

    assert picture(api, f"/api/panels/{hash_at(engine, 1, 1)}/page").size == (20, 65_000)


def test_a_picture_that_is_known_already_is_not_sent_again(api: Api, engine: Engine, book: Path) -> None:
    url = f"/api/panels/{hash_at(engine, 1, 1)}/page"
    mark = api.client.get(url).headers["etag"]

    assert api.client.get(url, headers={"If-None-Match": mark}).status_code == 304


def test_a_piece_that_goes_on_in_the_next_file_is_one_picture(api: Api, engine: Engine) -> None:
    folder = api.settings.panels_folder / NOVEL
    folder.mkdir(parents=True)
    strip = Image.new("RGB", (300, 1400), "white")
    strip.paste("maroon", (20, 500, 280, 900))
    for at in range(2):
        strip.crop((0, 700 * at, 300, 700 * at + 700)).save(folder / f"{at + 1}.png")
    stored(api, engine)
    row = next(row for row in load_regions(engine, [NOVEL]) if row.kind == "piece" and row.y0 < 690 and row.y1 > 710)

    shown = np.asarray(picture(api, f"/api/panels/{row.content_hash.hex()}"), dtype=int)

    assert shown.shape[0] == row.y1 - row.y0
    assert np.abs(shown[:, 150] - np.asarray(strip, dtype=int)[row.y0 : row.y1, 150]).mean() < 3


@pytest.mark.parametrize("part", ["", "/page"])
def test_a_region_whose_file_is_gone_is_said_so(api: Api, engine: Engine, book: Path, part: str) -> None:
    first = hash_at(engine, 1, 1)
    (book / "book.cbz").unlink()

    answer = api.client.get(f"/api/panels/{first}{part}")

    assert answer.status_code == 404
    assert answer.json()["detail"] == f"No panel {first[:12]}… is stored, or its file is gone."


@pytest.mark.parametrize("part", ["", "/page", "/place"])
def test_a_hash_that_nothing_has_is_not_found(api: Api, part: str) -> None:
    answer = api.client.get(f"/api/panels/{'0' * 64}{part}")

    assert (answer.status_code, answer.json()["detail"][:21]) == (404, "No panel 000000000000")
