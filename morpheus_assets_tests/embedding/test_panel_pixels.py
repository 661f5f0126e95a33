from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from morpheus_assets.embedding.panel_pixels import PanelPreparation
from morpheus_assets.embedding.torchvision_schemas import ensure_torchvision_imports

# the last one is more than Pillow keeps in one piece of memory
SIZES = [(1, 1), (3, 5), (224, 224), (225, 223), (333, 200), (37, 70), (500, 800), (2100, 2200)]


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
