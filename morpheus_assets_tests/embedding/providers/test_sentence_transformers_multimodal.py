"""A tiny CLIP with random weights, saved in a folder as sentence-transformers saves one."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.registry import open_provider
from morpheus_assets.embedding.spaces import parse_space_names, resolve_image_space

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    torch = pytest.importorskip("torch")
    made = tmp_path_factory.mktemp("models")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (made / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (made / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizerFast(str(made / "vocab.json"), str(made / "merges.txt"), model_max_length=32)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**size, "vocab_size": len(words), "max_position_embeddings": 32, "bos_token_id": 0, "eos_token_id": 1}
    torch.manual_seed(1)
    config = transformers.CLIPConfig(
        text_config=text, vision_config={**size, "image_size": 32, "patch_size": 8}, projection_dim=24
    )
    clip = made / "clip"
    transformers.CLIPModel(config).save_pretrained(clip)
    pictures = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    transformers.CLIPProcessor(pictures, tokenizer).save_pretrained(clip)
    saved = made / "saved@2"
    sentence_transformers.SentenceTransformer(str(clip), device="cpu").save_pretrained(str(saved))
    return saved


def options_for(folder: Path) -> ProviderOptions:
    return ProviderOptions(configured=tuple(names_of(folder)))


def names_of(folder: Path) -> Any:
    return parse_space_names(f"sentence-transformers/local:{folder}", variable="MORPHEUS_IMAGE_SPACES")


def space_of(folder: Path) -> Space:
    (name,) = names_of(folder)
    return resolve_image_space(name, ProviderOptions())


def embed(folder: Path, inputs: list[Any], input_type: Any = "document") -> np.ndarray:
    provider = open_provider(space_of(folder), options_for(folder))

    async def once() -> np.ndarray:
        try:
            return (await provider.embed(inputs, input_type)).embeddings
        finally:
            await provider.close()

    return asyncio.run(once())


def test_pictures_and_questions_get_unit_vectors_of_one_size(folder: Path):
    tall = Image.new("RGB", (200, 1000), "red")
    panels = embed(folder, [tall, lambda: Image.new("RGB", (300, 200), "blue")])
    question = embed(folder, ["a blue ship"], "query")
    assert (panels.shape, question.shape) == ((2, 24), (1, 24))
    assert space_of(folder).dimensions == 24
    np.testing.assert_allclose(np.linalg.norm(np.vstack([panels, question]), axis=1), 1, atol=1e-5)
    assert not np.allclose(panels[0], panels[1], atol=1e-3)


def test_a_strip_is_seen_whole_and_not_only_its_middle(folder: Path):
    strip = Image.new("RGB", (100, 900), "white")
    marked = strip.copy()
    marked.paste("black", (0, 0, 100, 200))
    plain, other = embed(folder, [strip, marked])
    assert not np.allclose(plain, other, atol=1e-3), "the mark lies outside of the centre's square"


def test_the_path_is_no_part_of_the_space_and_the_preprocessing_is(folder: Path, tmp_path: Path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert space_of(moved) == space_of(folder)
    file = next(each for each in moved.rglob("*processor_config.json"))
    file.write_text(file.read_text().replace("32", "16"))
    assert space_of(moved).fingerprint != space_of(folder).fingerprint


def test_a_picture_that_cannot_be_opened_is_refused_by_its_place(folder: Path):
    def broken() -> Image.Image:
        raise OSError("truncated")

    with pytest.raises(InputRefused, match="truncated") as refused:
        embed(folder, [Image.new("RGB", (8, 8)), broken])
    assert refused.value.index == 1


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="holds no multimodal model"):
        space_of(tmp_path)
    (name,) = parse_space_names("sentence-transformers/clip-ViT-B-32", variable="MORPHEUS_IMAGE_SPACES")
    with pytest.raises(ConfigurationError, match="local:FOLDER"):
        resolve_image_space(name, ProviderOptions())
