import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from morpheus_assets.embedding.local_models import without_optional


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
        "left_out = ('timm', 'torch._dynamo', 'sympy', 'transformers')\n"
        "print(vectors.shape, [name for name in left_out if name in sys.modules])\n"
        "timm, hf = {'timm_model_name': 'vit_tiny_patch16_224'}, {'hf_model_name': 'roberta-base'}\n"
        "_open_clip(replace(source, model_config={'vision_cfg': timm, 'text_cfg': hf}))\n"
        "import torch\n"
        "from open_clip.model import TimmModel\n"
        "tower = TimmModel('vit_tiny_patch16_224', 8)\n"
        "print(tuple(tower(torch.zeros(1, 3, 224, 224)).shape))\n"
        "from transformers import BertConfig\n"
        "from open_clip.hf_model import HFTextEncoder\n"
        "tiny = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)\n"
        "words = HFTextEncoder('', 4, config=tiny, proj_type='linear')\n"
        "print(tuple(words(torch.ones(2, 3, dtype=torch.long)).shape))\n"
        "from torch._dynamo.utils import is_compile_supported\n"
        "asked = sys.modules['torchvision.ops.roi_align'].is_compile_supported\n"
        "print(is_compile_supported.__module__, asked('cpu') == is_compile_supported('cpu'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["(1, 128) []", "(1, 8)", "(2, 4)", "torch._dynamo.utils True"]


def test_a_library_is_left_out_for_the_thread_that_imports_without_it_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_out_here.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    with without_optional("left_out_here"), ThreadPoolExecutor(1) as other:
        with pytest.raises(ModuleNotFoundError, match="left_out_here"):
            importlib.import_module("left_out_here")
        assert other.submit(importlib.import_module, "left_out_here").result().answer == 42
    monkeypatch.delitem(sys.modules, "left_out_here")
    assert importlib.import_module("left_out_here").answer == 42
