import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS, DecodedPanel, decode_panel, opener_of
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.scaled_decoding import Size, jpeg_scale

WIDTH, HEIGHT = 803, 1205


def keep(least: int) -> Any:
    """Asks for so many pixels across the shorter side."""

    def wanted(size: Size) -> Size:
        return (least, least)

    return wanted


def page(mode: str = "RGB") -> Image.Image:
    ramp = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    return Image.merge("RGB", (ramp, ramp.rotate(180), ramp.point(lambda v: v * 7 % 256))).convert(mode)


def saved(picture: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    body = io.BytesIO()
    picture.save(body, form, **options)
    return body.getvalue()


def decoded(data: bytes, least: Any = None) -> DecodedPanel:
    return decode_panel(data, "page.jpg", max_pixels=DEFAULT_MAX_PIXELS, least=least)


def turned(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize(
    ("least", "scale"), [(WIDTH, 1), (403, 1), (402, 2), (202, 2), (201, 4), (10, 4)], ids=lambda value: str(value)
)
def test_a_jpeg_comes_as_small_as_is_enough_and_no_smaller(least: int, scale: int) -> None:
    assert decoded(saved(page()), keep(least)).image.size == (-(-WIDTH // scale), -(-HEIGHT // scale))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_scaled_jpeg_shows_what_the_whole_one_shows(mode: str, orientation: int) -> None:
    data = saved(page(mode), exif=turned(orientation), quality=95)
    whole, scaled = decoded(data), decoded(data, keep(201))
    assert (scaled.mode, scaled.format, scaled.treatments) == (whole.mode, whole.format, whole.treatments)
    assert scaled.image.size == tuple(-(-side // 4) for side in whole.image.size)
    reduced = ImageOps.fit(whole.image, scaled.image.size, Image.Resampling.BOX)
    apart = np.abs(np.asarray(reduced, dtype=int) - np.asarray(scaled.image, dtype=int))
    assert apart.mean() < 2


def test_what_is_asked_for_is_asked_of_the_upright_panel() -> None:
    asked = []

    def wanted(size: Size) -> Size:
        asked.append(size)
        return (1, 1)

    assert decoded(saved(page(), exif=turned(6)), wanted).image.size == (302, 201)
    assert asked == [(HEIGHT, WIDTH), (302, 201)]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_other_formats_are_decoded_whole(form: str) -> None:
    data = saved(page(), form)
    assert decoded(data, keep(10)).image.tobytes() == decoded(data).image.tobytes()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_decoded_panel_is_opened_as_its_file_would_be(form: str) -> None:
    data = saved(page(), form)
    opened = opener_of(decoded(data), data, "page")
    for least in (None, keep(402), keep(10)):
        assert opened(least).tobytes() == decoded(data, least).image.tobytes()


def test_a_cut_jpeg_is_refused_with_the_same_sentence_however_small_it_may_come() -> None:
    data = saved(page(), quality=90)
    for share in (0.02, 0.2, 0.5, 0.9, 0.99):
        sentences = []
        for least in (None, keep(402), keep(10)):
            with pytest.raises(RefusedImage) as refused:
                decoded(data[: int(len(data) * share)], least)
            sentences.append(str(refused.value))
        assert len(set(sentences)) == 1, sentences


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_hard_image_is_decoded_or_refused_alike_however_small_it_may_come(shared_data: Path) -> None:
    def outcome(data: bytes, least: Any) -> str:
        try:
            panel = decoded(data, least)
        except RefusedImage as error:
            return str(error)
        return f"{panel.format} {panel.mode} {panel.treatments}"

    for path in sorted((shared_data / "hard_images").iterdir()):
        data = path.read_bytes()
        assert outcome(data, keep(10)) == outcome(data, None), path.name


@given(st.tuples(st.integers(1, 9000), st.integers(1, 9000)))
def test_a_scale_never_turns_a_strip_into_a_page_nor_a_page_into_a_strip(size: Size) -> None:
    def wanted(given: Size) -> Size:
        strip = max(given) > 2 * min(given)
        return (1, 3) if strip else (4, 4)

    scale = jpeg_scale(size, wanted)
    assert wanted((-(-size[0] // scale), -(-size[1] // scale))) == wanted(size)


def test_a_page_that_would_round_out_of_a_strip_is_decoded_whole() -> None:
    def wanted(given: Size) -> Size:
        return (1, 3) if max(given) > 2 * min(given) else (4, 4)

    assert jpeg_scale((1003, 2007), wanted) == 1
    assert jpeg_scale((1000, 2008), wanted) == 4
