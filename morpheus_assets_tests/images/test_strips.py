"""Strips are cut at flat bands, nothing of them is dropped, and one of any height is read in bands."""

import io
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw

from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.pixels import to_rgb
from morpheus_assets.images.png_bands import png_bands
from morpheus_assets.images.strips import StripFile, edge_rows, joined_files, look_at_rows, pieces, strip_pieces


def strip(width: int, height: int, pictures: list[tuple[int, int]]) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for top, bottom in pictures:
        draw.rectangle((10, top, width - 10, bottom), fill="teal", outline="black", width=4)
        draw.ellipse((30, top + 10, width // 2, bottom - 10), fill="orange")
    return image


def covered(boxes: list[tuple[int, int, int, int]], height: int) -> bool:
    ends = [0, *(box[3] for box in boxes)]
    return all(box[1] <= end for box, end in zip(boxes, ends, strict=False)) and boxes[-1][3] == height


def test_a_strip_is_cut_in_the_flat_bands_between_its_pictures() -> None:
    image = strip(200, 1000, [(20, 280), (340, 600), (660, 960)])

    boxes = pieces(look_at_rows([image]))

    assert [300 <= box[3] <= 330 for box in boxes[:1]] == [True]
    assert len(boxes) == 3
    assert covered(boxes, 1000)


def test_what_has_no_flat_band_is_seen_in_windows_that_overlap() -> None:
    chance = np.random.default_rng(1)
    image = Image.fromarray(chance.integers(0, 256, (1500, 150, 3), dtype=np.uint8))

    boxes = pieces(look_at_rows([image]))

    assert covered(boxes, 1500)
    assert all(after[1] < before[3] for before, after in itertools.pairwise(boxes))


@pytest.mark.parametrize("height", [401, 700, 999, 3333])
def test_no_piece_is_higher_than_twice_its_width_and_none_is_a_crumb(height: int) -> None:
    image = strip(200, height, [(10, height // 2), (height // 2 + 20, height - 45)])

    boxes = pieces(look_at_rows([image]))

    assert covered(boxes, height)
    assert all(0.35 * 200 <= box[3] - box[1] <= 400 for box in boxes)


def test_bands_give_the_same_pieces_as_the_whole() -> None:
    image = strip(200, 1000, [(20, 280), (340, 600), (660, 960)])

    def bands() -> Iterator[Image.Image]:
        for top in range(0, 1000, 130):
            yield image.crop((0, top, 200, min(1000, top + 130)))

    assert pieces(look_at_rows(bands())) == pieces(look_at_rows([image]))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_a_png_read_in_bands_has_the_pixels_of_the_whole(mode: str) -> None:
    image = strip(123, 700, [(20, 280), (340, 600)]).convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")

    bands = [np.asarray(band) for _, band in png_bands(file.getvalue(), "strip.png", most_pixels=123 * 50)]

    assert len(bands) == 14
    assert np.array_equal(np.concatenate(bands), np.asarray(to_rgb(Image.open(file))[0]))


def test_a_png_that_ends_early_says_after_which_row() -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (500, 100, 3), dtype=np.uint8)).save(file, "PNG")

    with pytest.raises(RefusedImage, match=r"strip\.png ends after \d+ of its rows: copy it again"):
        list(png_bands(file.getvalue()[: len(file.getvalue()) // 2], "strip.png", most_pixels=1000))


def sizes(*given: tuple[int, int]) -> list[StripFile]:
    return [StripFile(size) for size in given]


def test_files_of_one_width_that_follow_each_other_are_one_strip() -> None:
    files = sizes((800, 1200), (700, 3000), (700, 2900), (700, 900), (640, 960))

    assert joined_files(files) == [range(0, 1), range(1, 4), range(4, 5)]


def test_ordinary_pages_of_one_width_stay_pages() -> None:
    assert joined_files(sizes(*[(800, 1200)] * 3)) == [range(at, at + 1) for at in range(3)]


def cut_up(image: Image.Image, height: int) -> list[Image.Image]:
    return [
        image.crop((0, top, image.width, min(image.height, top + height))) for top in range(0, image.height, height)
    ]


def as_files(pages: list[Image.Image]) -> list[StripFile]:
    return [StripFile(page.size, edge_rows(page)) for page in pages]


def test_a_strip_that_was_cut_anywhere_into_files_as_high_as_pages_is_one_again() -> None:
    image = strip(200, 1500, [(20, 380), (420, 900), (960, 1460)])

    assert joined_files(as_files(cut_up(image, 300))) == [range(0, 5)]


def test_pages_that_run_to_their_edges_are_parted_where_another_picture_begins() -> None:
    chance = np.random.default_rng(3)
    pages = [Image.fromarray(chance.integers(0, 256, (300, 200), dtype=np.uint8)).resize((200, 300)) for _ in range(3)]

    assert joined_files(as_files(pages)) == [range(at, at + 1) for at in range(3)]


def test_pieces_of_a_joined_strip_are_those_of_the_whole_and_go_on_over_the_ends_of_files() -> None:
    image = strip(200, 1500, [(20, 380), (420, 780), (960, 1460)])
    pages = cut_up(image, 400)
    heights = [page.height for page in pages]

    found = strip_pieces(heights, look_at_rows(pages))

    whole = [
        (left, top + sum(heights[:at]), right, bottom + sum(heights[:at]))
        for at, boxes in enumerate(found)
        for left, top, right, bottom in boxes
    ]
    assert whole == pieces(look_at_rows([image]))
    assert any(box[3] > heights[at] for at, boxes in enumerate(found) for box in boxes)
