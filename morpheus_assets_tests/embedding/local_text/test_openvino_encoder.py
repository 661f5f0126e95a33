import json
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from morpheus_assets.embedding.local_text.bert import read_bert
from morpheus_assets.embedding.local_text.loading import PACKAGED_MODEL, load_encoder, on_openvino, packaged_weights
from morpheus_assets.embedding.local_text.openvino_encoder import OpenVinoEncoder, has_native_bf16
from morpheus_assets.embedding.local_text.torch_encoder import TorchEncoder
from morpheus_assets.embedding.spaces import resolve_text_space


@pytest.fixture(scope="module")
def passages() -> list[str]:
    story = next((files("morpheus_assets") / "samples" / "novels").iterdir()).read_text("utf-8")
    words = story.split()
    lengths = [5, 12, 40, 90, 150, 150]
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    cut = [" ".join(words[start : start + length]) for start, length in zip(starts, lengths, strict=True)]
    return [*cut, "« Où vas-tu ? » demanda-t-elle.", "凡心所向，素履所往。"]


def test_the_packaged_model_runs_on_openvino_and_its_vectors_are_those_of_torch_in_fp32(passages: list[str]):
    from morpheus_assets.embedding.local_text.loading import load_sentence_transformer

    ours = load_encoder(PACKAGED_MODEL)
    theirs = TorchEncoder(load_sentence_transformer(PACKAGED_MODEL))

    cosines = (ours.encode(passages, "document") * theirs.encode(passages, "document")).sum(axis=1)

    assert ours.runtime.startswith("OpenVINO")
    assert (ours.dimensions, ours.max_tokens) == (theirs.dimensions, theirs.max_tokens) == (384, 256)
    assert ours.count_tokens(passages, "document") == theirs.count_tokens(passages, "document")
    assert cosines.min() >= 0.9999


def test_what_torch_embedded_before_is_of_the_same_space_and_is_not_embedded_again():
    # The fingerprint of every library that was embedded by sentence-transformers on torch.
    before = "739049e00c45809aa6cf030282c981e8197b9771ba941c2e04a13701963ae007"
    assert resolve_text_space(f"sentence-transformers/{PACKAGED_MODEL}").fingerprint == before


def test_the_vector_of_a_text_is_the_same_bit_by_bit_whatever_it_is_sent_along_with(passages: list[str]):
    alone = load_encoder(PACKAGED_MODEL, 1)
    together = load_encoder(PACKAGED_MODEL, 2)

    expected = together.encode(passages, "document")

    for number, passage in enumerate(passages):
        np.testing.assert_array_equal(alone.encode([passage], "query")[0], expected[number])


def test_neither_torch_nor_a_sender_of_statistics_is_imported_for_the_packaged_model():
    code = (
        "import sys\n"
        "from morpheus_assets.embedding.local_text.loading import load_encoder\n"
        "print(load_encoder('all-MiniLM-L6-v2').encode(['a text'], 'query').shape)\n"
        "heavy = ('torch', 'transformers', 'sentence_transformers', 'openvino_telemetry.main')\n"
        "print([name for name in heavy if sys.modules.get(name)], sys.modules['openvino_telemetry'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(1, 384)", "[] None"]


@pytest.mark.parametrize(
    ("offered", "flags", "native"),
    [
        (["FP32", "BF16"], "avx2 avx512f avx512_bf16", True),
        (["FP32", "BF16"], "avx512f amx_bf16 amx_tile", True),
        (["FP32", "BF16"], "avx2 avx512f avx512_vnni", False),
        (["FP32"], "avx512_bf16", False),
    ],
)
def test_bf16_is_used_only_where_the_processor_computes_it_itself(
    tmp_path: Path, offered: list[str], flags: str, native: bool
):
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            return offered if (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES") else []

    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : {flags}\n")
    assert has_native_bf16(Core(), cpuinfo) is native
    assert not has_native_bf16(Core(), tmp_path / "not there")


@pytest.fixture(scope="module")
def another_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT with other pooling and with prompts, saved by sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("bert")
    config = BertConfig(
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder / "encoder")
    AutoTokenizer.from_pretrained(packaged_weights(), model_max_length=64).save_pretrained(folder / "encoder")
    encoder = Transformer(str(folder / "encoder"), max_seq_length=64)
    prompts = {"query": "query: ", "passage": "passage: "}
    SentenceTransformer(modules=[encoder, Pooling(48, pooling_mode="cls")], prompts=prompts).save(str(folder / "whole"))
    return folder / "whole"


def test_another_bert_with_its_own_pooling_and_prompts_gives_what_sentence_transformers_gives(another_bert: Path):
    from sentence_transformers import SentenceTransformer

    model = read_bert(another_bert)
    assert model is not None
    assert (model.pooling, model.max_tokens) == ("cls", 64)
    ours, theirs = OpenVinoEncoder(model, 1), TorchEncoder(SentenceTransformer(str(another_bert), device="cpu"))

    for input_type in ("query", "document"):
        texts = ["A cat sleeps on the warm roof.", "Tax law."]
        assert ours.count_tokens(texts, input_type) == theirs.count_tokens(texts, input_type)
        cosines = (ours.encode(texts, input_type) * theirs.encode(texts, input_type)).sum(axis=1)
        assert cosines.min() >= 0.9999
    assert (ours.encode(["Tax law."], "query") @ ours.encode(["Tax law."], "document").T).item() < 0.9999


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "roberta"}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode": "max", "pooling_mode_cls_token": False}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
    ],
)
def test_a_folder_that_holds_anything_else_is_left_to_sentence_transformers(
    another_bert: Path, tmp_path: Path, file: str, change: dict[str, object]
):
    for source in another_bert.rglob("*"):
        if source.is_file():
            target = tmp_path / source.relative_to(another_bert)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(source)
    written = json.loads((tmp_path / file).read_text()) | change
    (tmp_path / file).unlink()
    (tmp_path / file).write_text(json.dumps(written))

    assert read_bert(another_bert) is not None
    assert read_bert(tmp_path) is None


def test_without_openvino_and_for_weights_of_another_shape_sentence_transformers_is_left_to_run_the_model(
    another_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from safetensors.numpy import load_file, save_file

    shutil.copytree(another_bert, tmp_path / "more")
    weights = load_file(another_bert / "model.safetensors")
    save_file(weights | {"adapter.weight": np.ones(3, np.float32)}, tmp_path / "more" / "model.safetensors")
    shutil.copytree(another_bert, tmp_path / "less")
    lacking = {name: array for name, array in weights.items() if "layer.2.output.dense.bias" not in name}
    save_file(lacking, tmp_path / "less" / "model.safetensors")

    assert on_openvino(another_bert, 1, "a model") is not None
    assert on_openvino(tmp_path / "more", 1, "a model") is None
    assert on_openvino(tmp_path / "less", 1, "a model") is None
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert on_openvino(another_bert, 1, "a model") is None
