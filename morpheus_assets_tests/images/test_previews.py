import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.images import previews
from morpheus_assets.images.previews import MAX_PREVIEW_BYTES, as_markdown, contact_sheet


def noisy(size: tuple[int, int]) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_contact_sheet_of_the_noisiest_panels_still_fits_in_the_event_log() -> None:
    sheet = contact_sheet([(f"page{i}.png", noisy((300, 200))) for i in range(40)])
    assert len(sheet) <= MAX_PREVIEW_BYTES
    assert len(as_markdown(sheet, "panels")) < 60_000
    assert Image.open(io.BytesIO(sheet)).format == "JPEG"


def test_a_contact_sheet_shows_refused_images_as_grey_tiles() -> None:
    sheet = Image.open(io.BytesIO(contact_sheet([("good.png", noisy((100, 100))), ("bad.png", b"nothing")])))
    left, right = sheet.crop((20, 20, 100, 100)), sheet.crop((140, 20, 220, 100))
    assert np.asarray(left).std() > 30
    assert np.asarray(right).std() < 3


def test_a_contact_sheet_shows_strips_that_are_read_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "DEFAULT_MAX_PIXELS", 10_000)
    sheet = Image.open(io.BytesIO(contact_sheet([("strip.png", noisy((100, 300)))])))
    assert np.asarray(sheet.crop((50, 20, 70, 100))).std() > 10


def test_no_panels_make_no_sheet() -> None:
    assert contact_sheet([]) == b""
    assert as_markdown(b"", "none") == ""


def test_markdown_holds_the_picture_itself() -> None:
    page = io.BytesIO()
    Image.new("RGB", (400, 4000), "red").save(page, "PNG")
    small = contact_sheet([("a page", page.getvalue())])
    text = as_markdown(small, "a page")
    assert text.startswith("![a page](data:image/jpeg;base64,")
    assert base64.b64decode(text.split(",")[1][:-1]) == small
    assert Image.open(io.BytesIO(small)).width == 120


def test_the_sample_panels_make_a_small_sheet() -> None:
    folder = Path(__file__).resolve().parents[2] / "morpheus_assets" / "samples" / "panels" / "the-last-lamp"
    panels = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    assert len(panels) == 12
    assert 5_000 < len(contact_sheet(panels)) <= MAX_PREVIEW_BYTES
