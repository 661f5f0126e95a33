from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from morpheus_assets.embedding.clip.preprocessing import PanelPreparation
from morpheus_assets.embedding.local_models import ensure_torchvision_imports

SIZES = [(1, 1), (3, 5), (224, 224), (225, 223), (333, 200), (37, 70), (500, 800)]


@pytest.fixture(scope="module", autouse=True)
def torchvision() -> None:
    ensure_torchvision_imports()


def drawn(size: tuple[int, int]) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (ramp, ramp.rotate(180), Image.effect_noise(size, 60)))


@pytest.mark.parametrize(
    ("mode", "interpolation", "size"),
    [
        ("shortest", "bicubic", 224),
        ("shortest", "bilinear", (224, 160)),
        ("longest", "bicubic", 96),
        ("longest", "bilinear", (224, 160)),
        ("squash", "bicubic", (224, 160)),
    ],
)
def test_panels_are_prepared_as_open_clip_prepares_them(mode: str, interpolation: str, size: Any) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    preprocess = PreprocessCfg(size=size, resize_mode=mode, interpolation=interpolation, fill_color=255)
    theirs, ours = image_transform_v2(preprocess, is_train=False), PanelPreparation(preprocess)
    for panel in map(drawn, SIZES):
        expected, found = theirs(panel), ours.batch([ours.pixels(panel)], "cpu")[0]
        assert found.shape == expected.shape
        levels = ((found - expected).abs() * channels(preprocess.std) * 255).round()
        # torch and Pillow round the sums of the same filter differently
        assert levels.max() <= 2
        assert levels.mean() < 0.1


@pytest.mark.parametrize(
    "size", [(600, 900), (2100, 2200)], ids=["in one piece", "in several pieces of Pillow's memory"]
)
def test_a_page_is_resized_as_its_copy_would_be(size: tuple[int, int]) -> None:
    import numpy as np
    import torch
    from open_clip.transform import PreprocessCfg

    page = drawn((300, 450)).resize(size)
    copied = torch.from_numpy(np.array(page)).permute(2, 0, 1).unsqueeze(0)
    expected = torch.nn.functional.interpolate(copied, size=(224, 224), mode="bicubic", antialias=True)[0]
    preparation = PanelPreparation(PreprocessCfg(size=(224, 224), resize_mode="squash"))
    assert torch.equal(preparation.pixels(page), expected)


@pytest.mark.parametrize(
    ("mode", "size", "panel", "least"),
    [
        ("shortest", 224, (1600, 2400), (672, 1008)),
        ("shortest", 224, (2400, 1600), (1008, 672)),
        ("squash", (256, 256), (1600, 2400), (768, 768)),
        ("longest", 96, (1600, 2400), (280, 420)),
        ("shortest", 224, (800, 8000), (132, 1344)),
        ("longest", 96, (800, 8000), (60, 576)),
        ("shortest", 224, (100, 100), (672, 672)),
    ],
)
def test_a_model_asks_for_three_times_what_it_sees_of_a_page_and_six_times_of_a_strip(
    mode: str, size: Any, panel: tuple[int, int], least: tuple[int, int]
) -> None:
    from open_clip.transform import PreprocessCfg

    assert PanelPreparation(PreprocessCfg(size=size, resize_mode=mode)).least_size(panel) == least


def test_a_batch_holds_each_panel_as_it_would_be_alone() -> None:
    import torch
    from open_clip.transform import PreprocessCfg

    preparation = PanelPreparation(PreprocessCfg(size=(224, 224)))
    pixels = [preparation.pixels(drawn(size)) for size in SIZES]
    assert {each.dtype for each in pixels} == {torch.uint8}
    batch = preparation.batch(pixels, "cpu")
    assert (batch.dtype, tuple(batch.shape)) == (torch.float32, (len(SIZES), 3, 224, 224))
    for each, row in zip(pixels, batch, strict=True):
        assert torch.equal(preparation.batch([each], "cpu")[0], row)


def channels(values: Sequence[float]) -> Any:
    import torch

    return torch.tensor(values).view(3, 1, 1)
