import subprocess
import sys

import pytest


@pytest.mark.slow(6)
def test_a_model_is_loaded_without_what_it_has_no_part_of_and_one_that_has_finds_it() -> None:
    code = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from morpheus_assets.embedding.clip.model import _open_clip, load_clip\n"
        "from morpheus_assets.embedding.clip.sources import find_clip_source\n"
        "from morpheus_assets.embedding.spaces import SpaceName\n"
        "source = find_clip_source(SpaceName('open_clip', 'demo'))\n"
        "vectors, _ = load_clip(source, 'fp32', 1).embed_texts(['a cat'])\n"
        "print(vectors.shape, [name for name in ('timm', 'torch._dynamo', 'sympy') if name in sys.modules])\n"
        "_open_clip(replace(source, model_config={'vision_cfg': {'timm_model_name': 'vit_tiny_patch16_224'}}))\n"
        "import torch\n"
        "from open_clip.model import TimmModel\n"
        "tower = TimmModel('vit_tiny_patch16_224', 8)\n"
        "print(tuple(tower(torch.zeros(1, 3, 224, 224)).shape))\n"
        "from torch._dynamo.utils import is_compile_supported\n"
        "asked = sys.modules['torchvision.ops.roi_align'].is_compile_supported\n"
        "print(is_compile_supported.__module__, asked('cpu') == is_compile_supported('cpu'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["(1, 128) []", "(1, 8)", "torch._dynamo.utils True"]
