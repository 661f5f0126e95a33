import csv
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS, DecodedPanel, decode_panel
from morpheus_assets.images.errors import RefusedImage

ALLOWED = DEFAULT_MAX_PIXELS


def decode(data: bytes, name: str = "page.png", max_pixels: int = ALLOWED) -> DecodedPanel:
    return decode_panel(data, name, max_pixels=max_pixels)


def refusal(data: bytes, name: str = "page.png", max_pixels: int = ALLOWED) -> str:
    with pytest.raises(RefusedImage) as refused:
        decode(data, name, max_pixels)
    return str(refused.value)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_that_declares(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def left_half_red() -> Image.Image:
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 32))
    return image


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_hard_image_is_decoded_or_refused_as_its_manifest_says(shared_data: Path) -> None:
    folder = shared_data / "hard_images"
    rows = list(csv.DictReader((folder / "MANIFEST.tsv").open(encoding="utf-8"), delimiter="\t"))
    assert len(rows) > 30
    wrong = []
    for row in rows:
        try:
            panel = decode((folder / row["file"]).read_bytes(), row["file"])
            outcome = "decodes"
            assert panel.image.mode == "RGB"
            assert panel.image.size == (panel.width, panel.height)
        except RefusedImage as error:
            outcome = "fails"
            sentence = str(error)
            assert row["file"] in sentence
            assert "0x" not in sentence
            assert sentence.endswith(".")
            assert ": " in sentence
        if outcome != row["pillow_13_0_0"]:
            wrong.append(row["file"])
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "treatment"),
    [
        ("hopper_orientation_6.jpg", "turned by 90°"),
        ("hopper_orientation_8.webp", "turned by 270°"),
        ("g4_orientation_5.tif", "mirrored and turned by 270°"),
        ("xmp_tags_orientation.png", "turned by 180°"),
        ("transparent.webp", "transparency laid on white"),
        ("iss634.apng", "first frame taken"),
        ("sugarshack.mpo", "first frame taken"),
        ("tiff_strip_cmyk_jpeg.tif", "CMYK converted to RGB"),
        ("hopper.Lab.tif", "LAB converted to RGB"),
        ("hopper_16bit.pgm", "16-bit greyscale scaled"),
        ("10ct_32bit_128.tiff", "floating-point greyscale stretched"),
    ],
)
def test_what_was_done_to_an_image_is_told(shared_data: Path, name: str, treatment: str) -> None:
    panel = decode((shared_data / "hard_images" / name).read_bytes(), name)
    assert any(each.startswith(treatment) for each in panel.treatments), panel.treatments


def test_a_lab_image_keeps_its_colours(shared_data: Path) -> None:
    folder = shared_data / "hard_images"
    lab = decode((folder / "hopper.Lab.tif").read_bytes(), "hopper.Lab.tif").image
    rgb = decode((folder / "hopper_idat_after_image_end.png").read_bytes(), "hopper.png").image
    difference = np.abs(np.asarray(lab, float) - np.asarray(rgb, float)).mean()
    assert difference < 6


def test_a_photograph_turned_by_its_camera_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    panel = decode(encoded(left_half_red(), "JPEG", exif=exif), "photo.jpg")
    assert (panel.width, panel.height) == (32, 64)
    assert panel.image.getpixel((16, 5))[0] > 200
    assert panel.image.getpixel((16, 60))[2] > 200


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert decode(encoded(image)).image.getpixel((1, 1)) == (255, 255, 255)
    grey = Image.new("LA", (4, 4), (0, 128))
    assert decode(encoded(grey)).image.getpixel((1, 1)) == (127, 127, 127)
    palette = Image.new("P", (4, 4), 3)
    palette.putpalette([0, 0, 0] * 4)
    assert decode(encoded(palette, transparency=3)).image.getpixel((1, 1)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_and_not_clipped_to_white() -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    values = np.asarray(decode(encoded(Image.fromarray(ramp), "TIFF"), "scan.tif").image)[:, :, 0].ravel()
    assert (np.diff(values.astype(int)) >= 0).all()
    assert len(set(values.tolist())) == 256


def test_grey_of_twelve_bits_stored_in_sixteen_does_not_turn_black() -> None:
    ramp = np.linspace(0, 4095, 256, dtype=np.uint16).reshape(16, 16)
    assert decode(encoded(Image.fromarray(ramp), "TIFF"), "scan.tif").image.getextrema()[0] == (0, 255)


def test_floats_with_holes_are_still_an_image() -> None:
    values = np.linspace(-5, 5, 64, dtype=np.float32).reshape(8, 8)
    values[0, 0], values[1, 1] = np.nan, np.inf
    panel = decode(encoded(Image.fromarray(values), "TIFF"), "field.tif")
    assert panel.image.getextrema()[0] == (0, 255)


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    panel = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "a.gif")
    assert panel.image.getpixel((3, 3)) == (255, 0, 0)
    assert "first frame taken" in panel.treatments


def test_a_long_strip_is_accepted() -> None:
    panel = decode(encoded(Image.new("RGB", (400, 30_000), "pink")))
    assert (panel.width, panel.height) == (400, 30_000)


def test_too_many_pixels_are_refused_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ImageFile.ImageFile) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    sentence = refusal(png_that_declares(9_000, 9_000))
    assert "81,000,000 pixels" in sentence
    assert f"{ALLOWED:,}" in sentence
    assert "pixels" in refusal(png_that_declares(60_000, 60_000))


def test_the_largest_allowed_image_is_decoded_and_one_row_more_is_not() -> None:
    assert decode(encoded(Image.new("L", (100, 100))), max_pixels=10_000).width == 100
    assert "10,100 pixels" in refusal(encoded(Image.new("L", (100, 101))), max_pixels=10_000)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_bound_that_was_set_holds_and_not_that_of_pillow(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    data = encoded(Image.new("L", (100, 100)), form)
    assert decode(data, max_pixels=10_000).width == 100
    assert "more than the 9,999 allowed" in refusal(data, max_pixels=9_999)


def test_an_icon_cannot_hide_a_gigantic_picture() -> None:
    inside = png_that_declares(30_000, 30_000)
    icon = struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22) + inside
    assert "900,000,000 pixels" in refusal(icon, "icon.ico")


def test_a_small_tiff_cannot_declare_gigantic_tiles() -> None:
    entries = [
        (256, 16),
        (257, 16),
        (258, 8),
        (259, 1),
        (262, 1),
        (277, 1),
        (322, 65536),
        (323, 65536),
        (324, 8),
        (325, 8),
    ]
    body = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    body += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries) + b"\0\0\0\0"
    assert "4,294,967,296 pixels" in refusal(body, "tiles.tif")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty (0 bytes)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>503</html>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', "SVG"),
        (b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heic" + b"\0" * 20, "HEIC"),
        (b"\x00\x00\x00\x1cftypisom\x00\x00\x00\x00isomavc1" + b"\0" * 20, "video"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"\x00\x05\x16\x07rest", "resource fork"),
        (b"just some words", "no image of a known format"),
        (b"\x89PNG\r\n\x1a\n", "begins as a PNG"),
        (encoded(Image.new("RGB", (300, 300), "red"), "JPEG")[:900], "incomplete JPEG"),
    ],
)
def test_what_is_no_image_is_named_for_what_it_is(data: bytes, words: str) -> None:
    sentence = refusal(data)
    assert words in sentence
    assert sentence.startswith("page.png ")


def test_a_wrong_extension_does_not_matter() -> None:
    assert decode(encoded(Image.new("RGB", (8, 8)), "WEBP"), "page.jpg").format == "WEBP"


def test_a_hostile_name_is_made_fit_for_a_sentence() -> None:
    sentence = refusal(b"", "evil\nname\x1b[31m" + "x" * 300 + ".png")
    assert "\n" not in sentence
    assert "\x1b" not in sentence
    assert len(sentence) < 250


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_are_either_an_image_or_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO", "JPEG2000", "PPM"]))
    body = bytearray(_SEEDS.setdefault(kind, encoded(left_half_red(), kind)))
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    try:
        panel = decode(bytes(body), max_pixels=1_000_000)
    except RefusedImage:
        return
    assert panel.image.mode == "RGB"
    assert panel.width * panel.height <= 1_000_000


_SEEDS: dict[str, bytes] = {}
