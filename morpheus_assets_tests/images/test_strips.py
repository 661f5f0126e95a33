"""Strips are cut at flat bands, nothing of them is dropped, and one of any height is read in bands."""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from morpheus_assets.images import page_pixels
from morpheus_assets.images import tiff_bands as tiff_bands_module
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.page_pixels import BandedPage, WholePage, look_at_page
from morpheus_assets.images.page_regions import regions_of
from morpheus_assets.images.pixels import to_rgb
from morpheus_assets.images.png_bands import PngBands
from morpheus_assets.images.scaled_decoding import is_held_whole
from morpheus_assets.images.strips import StripFile, edge_rows, joined_files, look_at_rows, pieces, strip_pieces
from morpheus_assets.images.tiff_bands import tiff_bands


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

    bands = [np.asarray(band) for _, band in PngBands(file.getvalue(), "strip.png", most_pixels=123 * 50).each()]

    assert len(bands) == 14
    assert np.array_equal(np.concatenate(bands), np.asarray(to_rgb(Image.open(file))[0]))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK"])
@pytest.mark.parametrize("packing", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_read_in_bands_has_the_pixels_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, mode: str, packing: str | None
) -> None:
    monkeypatch.setattr(tiff_bands_module, "_MOST_PIXELS", 123 * 100)
    file = io.BytesIO()
    noisy_strip().convert(mode).save(file, "TIFF", compression=packing, tiffinfo={278: 50})

    page, facts = look_at_page(file.getvalue(), "strip.tif", max_pixels=123 * 500)

    assert isinstance(page, BandedPage)
    assert (facts.format, facts.treatments) == ("TIFF", ("read in bands",))
    bands = [np.asarray(band) for band in page.bands()]
    whole = np.asarray(to_rgb(Image.open(file))[0])
    assert len(bands) == 7
    assert np.array_equal(np.concatenate(bands), whole)
    assert np.array_equal(np.asarray(page.crop((5, 333, 120, 512))), whole[333:512, 5:120])


def test_a_tiff_of_tiles_or_of_one_plain_strip_is_read_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_bands_module, "_MOST_PIXELS", 123 * 100)
    whole = np.asarray(noisy_strip())
    padded = np.pad(whole, ((0, 704 - 700), (0, 128 - 123), (0, 0)))
    tiles = [padded[y : y + 64, x : x + 64].tobytes() for y in range(0, 704, 64) for x in (0, 64)]

    for file in (tiff(tiles, {322: 64, 323: 64}, 324, 325), tiff([whole.tobytes()], {278: 700}, 273, 279)):
        page, _ = look_at_page(file, "strip.tif", max_pixels=123 * 500)

        assert isinstance(page, BandedPage)
        assert np.array_equal(np.concatenate([np.asarray(band) for band in page.bands()]), whole)
        assert np.array_equal(np.asarray(page.crop((5, 333, 120, 512))), whole[333:512, 5:120])


def test_a_tiff_whose_bands_end_early_says_so() -> None:
    file = io.BytesIO()
    noisy_strip().save(file, "TIFF", compression="tiff_lzw", tiffinfo={278: 50})
    bands = tiff_bands(file.getvalue(), "strip.tif")
    assert bands is not None

    with pytest.raises(RefusedImage, match=r"strip\.tif is a damaged TIFF"):
        list(replace(bands, data=file.getvalue()[:60_000]).each())


def noisy_strip() -> Image.Image:
    """123 × 700 pixels that no packing makes small, with a flat band."""
    pixels = np.random.default_rng(1).integers(0, 256, (700, 123, 3), dtype=np.uint8)
    pixels[300:400] = 255
    return Image.fromarray(pixels)


def tiff(parts: list[bytes], tags: dict[int, int], offsets: int, sizes: int) -> bytes:
    """A TIFF of 123 × 700 RGB pixels, not packed, of strips or tiles."""
    long = {256: 123, 257: 700, 259: 1, 262: 2, 277: 3, 284: 1, **tags}
    fields = {tag: struct.pack("<I", value) for tag, value in long.items()}
    fields[258] = struct.pack("<3I", 8, 8, 8)
    fields[sizes] = struct.pack(f"<{len(parts)}I", *map(len, parts))
    places = list(itertools.accumulate(map(len, parts[:-1]), initial=8))
    fields[offsets] = struct.pack(f"<{len(parts)}I", *places)
    body = b"".join(parts)
    entries, behind = b"", 8 + len(body) + 2 + 12 * len(fields) + 4
    beside = b""
    for tag, value in sorted(fields.items()):
        at = value if len(value) == 4 else struct.pack("<I", behind + len(beside))
        beside += b"" if len(value) == 4 else value
        entries += struct.pack("<HHI", tag, 4, len(value) // 4) + at
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    return head + body + struct.pack("<H", len(fields)) + entries + b"\0\0\0\0" + beside


def test_parts_of_a_banded_strip_are_read_in_any_order_and_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image = strip(120, 6000, [(top + 10, top + 180) for top in range(0, 6000, 200)])
    file = io.BytesIO()
    image.save(file, "PNG")
    page, facts = look_at_page(file.getvalue(), "strip.png", max_pixels=120 * 1000)
    assert isinstance(page, BandedPage)
    bands = PngBands(file.getvalue(), "strip.png", most_pixels=120 * 100)
    page = BandedPage(bands)
    decoded: list[int] = []
    one = PngBands._band
    monkeypatch.setattr(PngBands, "_band", lambda self, *given: (decoded.append(given[2]), one(self, *given))[1])

    for top in (5700, 300, 2450, 5600):
        assert page.crop((10, top, 110, top + 90)).tobytes() == image.crop((10, top, 110, top + 90)).tobytes()

    assert facts.treatments == ("read in bands",)
    assert len(decoded) <= 60 + 2 + 2 + 2


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 92}), ("WEBP", {"lossless": True}), ("BMP", {})])
def test_a_strip_over_the_bound_is_held_smaller_and_cut_at_the_same_places(form: str, options: dict[str, Any]) -> None:
    image = strip(200, 1600, [(20, 280), (340, 600), (660, 960), (1040, 1560)])
    file = io.BytesIO()
    image.save(file, form, **options)

    page, facts = look_at_page(file.getvalue(), "strip", max_pixels=200 * 1000)

    assert (page.size, facts.width, facts.height) == ((200, 1600), 200, 1600)
    assert "held at 1/2 of its size" in facts.treatments
    found, wanted = regions_of(page)[0].regions, regions_of(WholePage(image))[0].regions
    assert len(found) == len(wanted) > 3
    for one, other in zip(found[1:], wanted[1:], strict=True):
        assert max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) <= 8
        part = page.crop(one.box)
        assert part.size == (one.box[2] - one.box[0], one.box[3] - one.box[1])
        difference = np.asarray(part, dtype=int) - np.asarray(image.crop(one.box), dtype=int)
        assert np.abs(difference).mean() < 12


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_large_part_of_a_strip_over_the_bound_comes_smaller(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(page_pixels, "_MOST_OF_A_PART", 9_000)
    image = strip(200, 1600, [(20, 280), (340, 600), (660, 960), (1040, 1560)])
    file = io.BytesIO()
    image.save(file, form)

    page, _ = look_at_page(file.getvalue(), "strip", max_pixels=100_000)

    part = page.crop((10, 301, 190, 661))
    assert part.size == (60, 120)
    wanted = np.asarray(image.crop((10, 301, 190, 661)).resize(part.size, Image.Resampling.BOX), dtype=int)
    assert np.abs(np.asarray(part, dtype=int) - wanted).mean() < 20


def test_a_jpeg_strip_that_lies_on_its_side_is_held_smaller_too() -> None:
    image = strip(200, 1600, [(20, 280), (340, 600)]).rotate(90, expand=True)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(file, "JPEG", exif=exif)

    page, facts = look_at_page(file.getvalue(), "strip.jpg", max_pixels=200 * 1000)

    assert (page.size, facts.width, facts.height) == ((200, 1600), 200, 1600)


def test_a_strip_of_many_times_the_bound_says_what_to_do() -> None:
    file = io.BytesIO()
    Image.new("RGB", (100, 2000)).save(file, "WEBP")

    said = r"is a strip of 200,000 pixels, more than the 80,000 allowed for its format: cut it into files"
    with pytest.raises(RefusedImage, match=said):
        look_at_page(file.getvalue(), "strip.webp", max_pixels=40_000)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": 6}], ids=["baseline", "progressive", "turned"])
def test_a_jpeg_strip_of_more_pixels_than_pillow_opens_is_read(
    monkeypatch: pytest.MonkeyPatch, mode: str, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)
    image = strip(100, 2000, [(20, 180), (240, 400), (460, 1900)]).convert(mode)
    file = io.BytesIO()
    if "exif" in options:
        turned = Image.Exif()
        turned[0x0112] = options["exif"]
        options, image = {"exif": turned}, image.rotate(90, expand=True)
    image.save(file, "JPEG", **options)

    page, facts = look_at_page(file.getvalue(), "strip.jpg", max_pixels=60_000)

    assert page.size == (100, 2000)
    assert facts.treatments[-1] == "held at 1/2 of its size"
    with pytest.raises(Image.DecompressionBombError):
        Image.open(file)


def test_a_strip_that_is_held_whole_while_it_is_decoded_may_be_less_large() -> None:
    def saved(**options: Any) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (100, 3000), "teal").save(file, "JPEG", **options)
        return file.getvalue()

    look_at_page(saved(), "strip.jpg", max_pixels=60_000)
    with pytest.raises(RefusedImage, match="more than the 240,000 allowed for its format"):
        look_at_page(saved(progressive=True), "strip.jpg", max_pixels=60_000)
    assert [is_held_whole(data) for data in (saved(), saved(progressive=True), one_scan_a_colour(saved()))] == [
        False,
        True,
        True,
    ]


def one_scan_a_colour(jpeg: bytes) -> bytes:
    """The same headers, but a first scan that has one colour of three."""
    at = jpeg.index(b"\xff\xda")
    return jpeg[:at] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


def test_a_png_strip_of_sixteen_bits_a_colour_is_held_smaller() -> None:
    rows = np.random.default_rng(3).integers(0, 256, (1500, 1 + 100 * 6), dtype=np.uint8)
    rows[:, 0] = 2
    body = io.BytesIO()
    Image.new("RGB", (1, 1)).save(body, "PNG")
    head = struct.pack(">IIBBBBB", 100, 1500, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    data = body.getvalue()[:8] + b"".join(
        struct.pack(">I", len(chunk)) + kind + chunk + struct.pack(">I", zlib.crc32(kind + chunk))
        for kind, chunk in chunks
    )

    page, facts = look_at_page(data, "strip.png", max_pixels=100_000)

    assert page.size == (100, 1500)
    assert facts.treatments[-1] == "held at 1/2 of its size"
    assert len(regions_of(page)[0].regions) > 5


def test_a_png_that_ends_early_says_after_which_row() -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (500, 100, 3), dtype=np.uint8)).save(file, "PNG")

    with pytest.raises(RefusedImage, match=r"strip\.png ends after \d+ of its rows: copy it again"):
        list(PngBands(file.getvalue()[: len(file.getvalue()) // 2], "strip.png", most_pixels=1000).each())


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
