"""A page becomes the page itself, its panels in reading order, and tiles where the cut is doubtful."""

import pytest
from PIL import Image, ImageDraw

from bench.comic_pages import draw_comic_page
from bench.panel_cutting import match, usable
from morpheus_assets.images.page_cutting import PageCut, cut_page, snapped


def panels_of(cut: PageCut) -> list[tuple[int, int, int, int]]:
    return [region.box for region in cut.regions if region.kind == "panel"]


@pytest.mark.parametrize("kind", ["black gutters", "thin gutters", "noisy scans", "slants"])
def test_every_panel_of_a_page_with_gutters_is_found_in_reading_order(kind: str) -> None:
    page = draw_comic_page(kind, 1)

    found = panels_of(cut_page(page.image, page.direction))

    matched = match(page.panels, found, 0.8)
    assert len(matched) == len(page.panels) == len(found)
    assert [matched[i] for i in range(len(page.panels))] == list(range(len(found)))


@pytest.mark.parametrize("kind", ["balloons over gutters", "borderless", "golden age", "manga"])
def test_a_region_shows_each_panel_in_a_usable_size_where_the_cut_is_hard(kind: str) -> None:
    page = draw_comic_page(kind, 2)

    regions = [region.box for region in cut_page(page.image, page.direction).regions]

    seen = [usable(panel, regions) for panel in page.panels]
    assert sum(seen) >= 0.85 * len(seen)


def test_a_page_from_right_to_left_is_read_from_the_right() -> None:
    page = draw_comic_page("right to left", 3)

    found = panels_of(cut_page(page.image, "rtl"))

    matched = match(page.panels, found, 0.8)
    assert [matched[i] for i in range(len(page.panels))] == list(range(len(found)))


def test_the_whole_page_is_always_the_first_region() -> None:
    page = draw_comic_page("grid", 2).image

    first = cut_page(page).regions[0]

    assert (first.kind, first.box) == ("page", (0, 0, *page.size))


def test_a_doubtful_page_gets_thirds_and_quarters_and_says_why() -> None:
    splash = draw_comic_page("splash", 2).image

    cut = cut_page(splash)

    tiles = [region.box for region in cut.regions if region.kind == "tile"]
    assert cut.doubts == ("one panel or none was found",)
    assert len(tiles) == 7
    assert all(box[2] - box[0] < splash.width or box[3] - box[1] < splash.height for box in tiles)


def test_a_picture_as_small_as_a_panel_gets_no_tiles() -> None:
    picture = Image.new("RGB", (300, 240), "white")
    ImageDraw.Draw(picture).ellipse((60, 40, 200, 200), fill="red")

    assert [region.kind for region in cut_page(picture).regions] == ["page"]


def test_an_edge_that_moves_by_a_pixel_moves_no_box() -> None:
    assert snapped((41, 50, 203, 299), (1000, 1000)) == snapped((42, 49, 202, 300), (1000, 1000)) == (40, 48, 204, 300)


def test_a_box_at_the_edge_of_an_odd_page_stays_within_it() -> None:
    assert snapped((0, 0, 1001, 1003), (1001, 1003)) == (0, 0, 1001, 1003)


def test_an_empty_page_has_one_region() -> None:
    assert [region.kind for region in cut_page(Image.new("RGB", (200, 300), "white")).regions] == ["page"]
