import pytest

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.registry import PROVIDERS
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.services.asset_names import LONGEST, asset_name, space_asset
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.settings import Settings


def text(name: str) -> Space:
    return resolve_text_space(name, own_endpoints=["openai"])


def image(name: str) -> Space:
    [space] = configured_image_spaces(Settings(_env_file=None, image_spaces=name))
    return space


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "all-minilm-l6-v2-384"),
        ("openai/text-embedding-3-large", "openai-3-large-3072"),
        ("openai/text-embedding-3-small@256", "openai-3-small-256"),
        ("voyage/voyage-4@512", "voyage-4-512"),
        ("cohere/embed-v4.0", "cohere-embed-v4-0-1536"),
        ("jina/jina-embeddings-v3", "jina-embeddings-v3-1024"),
        # fits as it is
        ("openai/BAAI/bge-m3@1024", "openai-baai-bge-m3-1024"),
    ],
)
def test_a_name_is_the_key_without_what_is_said_twice(space: str, name: str):
    assert asset_name(text(space)) == name


@pytest.mark.parametrize(
    ("space", "begins"),
    [
        ("open_clip/ViT-B-32@laion2b_s34b_b79k", "vit-b-32-laion2b-512-"),
        ("open_clip/ViT-L-14@openai", "vit-l-14-openai-768-"),
        ("remote_clip/ViT-L-14", "vit-l-14-768-regions-2-"),
        ("open_clip/xlm-roberta-base-ViT-B-32@laion5b_s13b_b90k", "xlm-roberta-base-512-"),
    ],
)
def test_the_name_of_an_image_space_keeps_model_dimensions_and_what_tells_its_weights_apart(space: str, begins: str):
    name = asset_name(image(space))
    assert name.startswith(begins)
    assert len(name) == len(begins) + 4


def test_all_known_models_have_short_names_of_their_own():
    spaces = [
        text(f"{spec.name}/{model.name}@{dimensions}")
        for spec in PROVIDERS.values() if spec.purpose == "text"
        for model in spec.models
        for dimensions in (model.dimensions, *model.other_dimensions)
    ]  # fmt: skip
    names = {asset_name(space): space.key for space in spaces}
    assert len(names) == len({space.key for space in spaces}) > 50
    assert max(map(len, names)) <= LONGEST


def test_models_that_are_not_known_are_told_apart_where_their_names_are_cut():
    twins = [
        text("openai/one-publisher/some-long-model-name-v2@768"),
        text("openai/another-publisher/some-long-model-name-v2@768"),
    ]
    one, other = map(asset_name, twins)
    assert one != other
    assert one[:-4] == other[:-4] == "long-model-name-v2-768-"
    assert max(len(one), len(other)) <= LONGEST


def test_a_key_of_one_endless_word_is_cut_too():
    space = Space("x" * 60, "text", "openai", "x" * 60, "", 8, "", None)
    assert len(asset_name(space)) <= LONGEST


def test_the_prefix_says_what_is_embedded():
    assert space_asset(text("voyage/voyage-4"))[0] == "text_embeddings"
    assert space_asset(image("remote_clip/ViT-L-14"))[0] == "clip_embeddings"
