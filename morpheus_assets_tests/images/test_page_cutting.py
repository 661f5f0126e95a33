"""A page becomes the page itself, its panels in reading order, and tiles where the cut is doubtful."""

import itertools
import random
import warnings
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from bench.comic_pages import draw_comic_page
from bench.panel_cutting import match, usable
from bench.printed_pages import draw_printed_page
from morpheus_assets.images.page_cutting import PageCut, cut_page, snapped, uncut_page
from morpheus_assets.images.page_pixels import WholePage
from morpheus_assets.images.page_regions import regions_of
from morpheus_assets.images.reading_order import Direction

SAMPLES = Path(__file__).resolve().parents[2] / "morpheus_assets" / "samples" / "panels" / "the-last-lamp"


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


@pytest.mark.parametrize(
    "kind",
    [
        *("a frame around the page", "askew on the scanner", "captions outside", "dusty gutters", "gutters of 3-6 px"),
        *("halftone print", "screentones", "straight lines in panels", "night on black"),
    ],
)
def test_the_panels_of_a_printed_or_scanned_page_are_found(kind: str) -> None:
    page = draw_printed_page(kind, 5)

    found = panels_of(cut_page(page.image, page.direction))

    matched = match(page.panels, found, 0.8)
    assert len(matched) >= 0.85 * len(page.panels)
    assert len(matched) >= 0.8 * len(found)


@pytest.mark.parametrize("seed", [0, 3])
def test_panels_that_share_one_line_are_told_apart(seed: int) -> None:
    page = draw_comic_page("lines only", seed)

    matched = match(page.panels, panels_of(cut_page(page.image)), 0.8)

    assert len(matched) >= 0.85 * len(page.panels)


def test_a_floor_from_edge_to_edge_parts_no_panel_of_a_page_with_gutters() -> None:
    page = Image.new("RGB", (900, 1300), "white")
    draw = ImageDraw.Draw(page)
    for top in (50, 460, 870):
        draw.rectangle((50, top, 850, top + 380), fill="lightblue", outline="black", width=4)
        draw.rectangle((50, top + 250, 850, top + 380), fill="darkgreen", outline="black", width=3)
        draw.polygon([(300, top + 380), (420, top + 380), (360, top + 120)], fill="orange", outline="black")

    assert len(panels_of(cut_page(page))) == 3


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.png")))
def test_a_picture_in_a_dark_frame_is_one_panel_whatever_stands_in_it(name: str) -> None:
    picture = Image.open(SAMPLES / name).convert("RGB")

    assert [region.kind for region in cut_page(picture).regions] == ["page"]


def test_figures_on_white_in_a_black_frame_are_cut_doubtfully_if_at_all() -> None:
    picture = Image.new("RGB", (700, 900), "white")
    draw = ImageDraw.Draw(picture)
    for left, top in ((120, 150), (420, 130), (130, 560), (430, 580)):
        draw.ellipse((left, top, left + 170, top + 200), fill="tomato", outline="black", width=4)
    draw.rectangle((0, 0, 699, 899), outline="black", width=8)

    assert cut_page(picture).doubts


@pytest.mark.parametrize(("size", "step"), [(15, 20), (22, 26)])
def test_a_drawing_without_a_frame_is_not_torn_into_its_lines_of_text_and_figures(size: int, step: int) -> None:
    page = Image.new("RGB", (740, 9 * step + 124), "white")
    draw = ImageDraw.Draw(page)
    for left in (10, 256, 502):
        for line in range(5):
            words = "HMHE LAMP BURNS WHEN NOBODY IS THERE"[line : line + round(308 / size)]
            draw.text((left, 8 + step * line), words, fill="black", font_size=size, stroke_width=1)
        top = 14 + step * 5
        for at in (left + 56, left + 148):
            draw.ellipse((at - 14, top, at + 14, top + 28), outline="black", width=2)
            draw.line((at, top + 28, at, top + 80), fill="black", width=2)
            draw.line((at - 15, top + 110, at, top + 80, at + 15, top + 110), fill="black", width=2)

    found = panels_of(cut_page(page))

    assert [round((box[0] - 10) / 246) for box in found] == [0, 1, 2]
    assert all(box[1] <= 16 and box[3] >= top + 108 for box in found)


def test_figures_of_loose_strokes_on_a_page_without_frames_are_one_picture() -> None:
    page = Image.new("RGB", (900, 1300), "white")
    draw = ImageDraw.Draw(page)
    chance = random.Random(1)
    for left, top, width, height in ((40, 60, 380, 560), (450, 40, 400, 590), (60, 660, 780, 560)):
        for _ in range(9):
            stroke = [(left + chance.randrange(width), top + chance.randrange(height)) for _ in range(3)]
            draw.line(stroke, fill="black", width=7)
        draw.line([(left, top), (left + width, top + height)], fill="black", width=12)
        draw.line([(left + width, top), (left, top + height)], fill="black", width=12)

    cut = cut_page(page)

    assert len(panels_of(cut)) <= 1
    assert cut.doubts == ("one panel or none was found",)


@pytest.mark.parametrize("over", [10, 55])
def test_panels_that_stand_in_no_rows_and_lie_over_each_other_s_corners_are_found(over: int) -> None:
    page = Image.new("RGB", (900, 1300), "white")
    draw = ImageDraw.Draw(page)
    left = [(50, 50 + 245 * at, 545 + over, 245 + 245 * at) for at in range(5)]
    right = [(545, 205 + 245 * at, 850, 340 + 245 * at) for at in range(4)]
    for at, box in enumerate([*left, *right]):
        draw.rectangle(box, fill=("brown", "steelblue", "seagreen")[at % 3], outline="black", width=3)

    found = panels_of(cut_page(page))

    assert len(match([*left, *right], found, 0.8)) == len(found) == 9


@pytest.mark.parametrize("seed", [0, 3, 6, 8])
def test_light_that_falls_through_a_splash_is_no_gutter_and_a_face_in_it_no_panel(seed: int) -> None:
    splash = draw_printed_page("a splash of rays", seed)

    cut = cut_page(splash.image)

    assert panels_of(cut) == []
    assert cut.doubts == ("one panel or none was found",)


@pytest.mark.parametrize("seed", range(4))
def test_a_block_of_panels_with_black_gutters_on_a_white_page_is_cut_into_them(seed: int) -> None:
    page = draw_printed_page("a black block on white", seed)

    found = panels_of(cut_page(page.image))

    matched = match(page.panels, found, 0.8)
    assert len(matched) == len(page.panels) == len(found)
    assert [matched[i] for i in range(len(page.panels))] == list(range(len(found)))


def test_a_large_panel_gets_quarters_of_its_own_on_a_page_without_a_doubt() -> None:
    page = Image.new("RGB", (900, 1300), "white")
    draw = ImageDraw.Draw(page)
    for box in ((40, 40, 860, 680), (40, 720, 440, 1260), (460, 720, 860, 1260)):
        draw.rectangle(box, fill="lightblue", outline="black", width=4)

    cut = cut_page(page)

    tiles = [region.box for region in cut.regions if region.kind == "tile"]
    assert not cut.doubts
    assert len(tiles) == 4
    assert all(min(x0, y0) >= 36 and x1 <= 864 and y1 <= 684 for x0, y0, x1, y1 in tiles)
    assert usable((480, 400, 800, 660), tiles)


def test_a_large_panel_of_a_small_page_gets_no_quarters_that_would_show_nothing_new() -> None:
    page = Image.new("RGB", (450, 650), "white")
    draw = ImageDraw.Draw(page)
    for box in ((20, 20, 430, 340), (20, 360, 220, 630), (230, 360, 430, 630)):
        draw.rectangle(box, fill="lightblue", outline="black", width=3)

    assert [region.kind for region in cut_page(page).regions] == ["page", "panel", "panel", "panel"]


def spread_of(*panels: tuple[int, int, int, int]) -> Image.Image:
    spread = Image.new("RGB", (1600, 1100), "white")
    draw = ImageDraw.Draw(spread)
    for at, box in enumerate(panels):
        draw.rectangle(box, fill=("tan", "steelblue", "seagreen", "plum")[at % 4], outline="black", width=4)
    return spread


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_panel_over_the_fold_of_a_spread_stays_whole(direction: Direction) -> None:
    over = (40, 40, 1560, 520)
    below = [(40, 560, 780, 1060), (820, 560, 1560, 1060)]

    cut, _ = regions_of(WholePage(spread_of(over, *below)), direction)

    ordered = [over, *(below if direction == "ltr" else reversed(below))]
    halves = [region.box for region in cut.regions if region.kind == "piece"]
    assert match(ordered, panels_of(cut), 0.9) == {0: 0, 1: 1, 2: 2}
    assert halves == sorted([(0, 0, 800, 1100), (800, 0, 1600, 1100)], reverse=direction == "rtl")


def test_a_spread_whose_panels_stay_on_their_pages_is_read_page_by_page() -> None:
    left = [(40, 40, 760, 520), (40, 560, 760, 1060)]
    right = [(840, 40, 1560, 520), (840, 560, 1560, 1060)]

    cut, _ = regions_of(WholePage(spread_of(*left, *right)))

    assert match([*left, *right], panels_of(cut), 0.9) == {0: 0, 1: 1, 2: 2, 3: 3}


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


@pytest.mark.parametrize("height", [300, 600])
def test_a_wide_scroll_gets_columns_in_reading_order(height: int) -> None:
    scroll = Image.effect_noise((4000, height), 90).convert("RGB")

    cut = cut_page(scroll, "rtl")

    tiles = [region.box for region in cut.regions if region.kind == "tile"]
    assert all(box[2] - box[0] <= 2 * (box[3] - box[1]) for box in tiles)
    assert [box[0] for box in tiles] == sorted((box[0] for box in tiles), reverse=True)
    assert (tiles[-1][0], tiles[0][2]) == (0, 4000)
    assert all(before[0] < after[2] for before, after in itertools.pairwise(tiles))


def test_a_picture_as_small_as_a_panel_gets_no_tiles() -> None:
    picture = Image.new("RGB", (300, 240), "white")
    ImageDraw.Draw(picture).ellipse((60, 40, 200, 200), fill="red")

    assert [region.kind for region in cut_page(picture).regions] == ["page"]


def test_an_edge_that_moves_by_a_pixel_moves_no_box() -> None:
    assert snapped((41, 50, 203, 299), (1000, 1000)) == snapped((42, 49, 202, 300), (1000, 1000)) == (40, 48, 204, 300)


def test_a_box_at_the_edge_of_an_odd_page_stays_within_it() -> None:
    assert snapped((0, 0, 1001, 1003), (1001, 1003)) == (0, 0, 1001, 1003)


@pytest.mark.parametrize("size", [(901, 1300), (902, 1301), (903, 1303)])
def test_a_panel_that_leaves_two_pixels_of_paper_at_the_edge_of_an_odd_page_is_cut(size: tuple[int, int]) -> None:
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, size[0] - 3, 400), fill="teal")
    draw.rectangle((40, 440, size[0] - 40, size[1] - 3), fill="navy")

    for turned in (page, page.transpose(Image.Transpose.ROTATE_90)):
        assert len(panels_of(cut_page(turned))) == 2


@pytest.mark.parametrize("size", [(800, 20_000), (900, 1300), (4000, 600)])
def test_a_page_that_could_not_be_cut_has_tiles_that_a_model_can_see(size: tuple[int, int]) -> None:
    cut = uncut_page(size, "ltr", "the cutter failed")

    whole, *tiles = (region.box for region in cut.regions)
    assert (whole, cut.doubts) == ((0, 0, *size), ("the cutter failed",))
    assert all(0.5 <= (x1 - x0) / (y1 - y0) <= 2.5 for x0, y0, x1, y1 in tiles)
    assert (min(box[1] for box in tiles), max(box[3] for box in tiles)) == (0, size[1])
    assert all(after[0] <= before[2] and after[1] <= before[3] for before, after in itertools.pairwise(tiles))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (3, 450), (450, 2), (63, 40)])
def test_the_smallest_page_has_one_region_also_where_it_is_named_a_spread(size: tuple[int, int]) -> None:
    with warnings.catch_warnings(action="error"):
        for colour in ("white", "black"):
            cut, _ = regions_of(WholePage(Image.new("RGB", size, colour)), spread=True)

            assert cut.regions[0].box == (0, 0, *size)
            assert all(left < right and top < bottom for left, top, right, bottom in (each.box for each in cut.regions))


def test_an_empty_page_has_one_region() -> None:
    assert [region.kind for region in cut_page(Image.new("RGB", (200, 300), "white")).regions] == ["page"]
