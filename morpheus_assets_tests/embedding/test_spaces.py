import subprocess
import sys

import pytest

from morpheus_assets.domain.spaces import SpaceName
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.local_text.loading import packaged_weights
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.spaces import (
    SpaceDescription,
    check_capacity,
    parse_space_names,
    resolve_described_space,
    resolve_image_space,
    resolve_text_space,
)


def test_names_are_read_in_order_with_dimensions_tags_and_paths():
    names = parse_space_names(
        " openai/text-embedding-3-large@1024, voyage/voyage-4 ,sentence_transformers/all-MiniLM-L6-v2,"
        "open_clip/ViT-B-32@laion2b_s34b_b79k, open_clip/local:/models/a@b/c.pt, open_clip/demo,"
    )
    assert names == [
        SpaceName("openai", "text-embedding-3-large", 1024),
        SpaceName("voyage", "voyage-4"),
        SpaceName("sentence-transformers", "all-MiniLM-L6-v2"),
        SpaceName("open_clip", "ViT-B-32", tag="laion2b_s34b_b79k"),
        SpaceName("open_clip", "local:/models/a@b/c.pt"),
        SpaceName("open_clip", "demo"),
    ]
    assert [str(name) for name in names][:2] == ["openai/text-embedding-3-large@1024", "voyage/voyage-4"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("openai/text-embedding-4", "voyage-3.5|text-embedding-3-large, openai/text-embedding-3-small"),
        ("openai/own-model@768", "unknown model openai/own-model@768"),
        ("voyage/voyage-9@1024", "voyage/voyage-3-large"),
        ("sentence-transformers/own-model", "sentence-transformers/NAME@DIMENSIONS"),
        ("gpt", "'gpt', which is no space"),
        ("nobody/embed", "openai/text-embedding-3-large"),
        ("voyage/voyage-3.5@1000", "256, 512, 1024, 2048"),
        ("voyage/voyage-law-2@512", "of 1024 dimensions"),
        ("openai/text-embedding-3-small@3072", "1 to 1536"),
        ("openai/text-embedding-3-small@many", "'many' is no number"),
        ("openai/text-embedding-3-small@0", "'0' is no number"),
        (" , ", "MORPHEUS_TEXT_SPACES is empty"),
        ("voyage/voyage-4,voyage/voyage-4", "names voyage/voyage-4 twice"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_what_would(text: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        parse_space_names(text)


def test_a_revision_is_a_space_of_its_own_and_written_behind_a_hash_sign():
    plain = resolve_text_space("openai/text-embedding-3-small@256")
    [name] = parse_space_names("openai/text-embedding-3-small@256#2")
    again = resolve_text_space(name)
    assert (str(name), again.revision) == ("openai/text-embedding-3-small@256#2", "2")
    assert again.key != plain.key
    assert again.fingerprint != plain.fingerprint
    assert again.key == resolve_text_space("openai/text-embedding-3-small@256#2").key
    with pytest.raises(ConfigurationError, match=r"'2 3' is no revision"):
        parse_space_names("openai/text-embedding-3-small#2 3")


def test_the_variable_that_was_read_is_named():
    with pytest.raises(ConfigurationError, match="MORPHEUS_IMAGE_SPACES"):
        parse_space_names("nonsense", variable="MORPHEUS_IMAGE_SPACES")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("openai/text-embedding-3-large", "openai-text-embedding-3-large-3072"),
        ("openai/text-embedding-3-large@1024", "openai-text-embedding-3-large-1024"),
        ("voyage/voyage-3.5", "voyage-voyage-3-5-1024"),
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers-all-minilm-l6-v2-384"),
        ("sentence-transformers/BAAI/bge-m3@1024", "sentence-transformers-baai-bge-m3-1024"),
    ],
)
def test_a_space_has_a_readable_key(name: str, key: str):
    assert resolve_text_space(name).key == key


def test_the_fingerprint_is_pinned_and_changes_with_what_makes_vectors_comparable():
    space = resolve_text_space("openai/text-embedding-3-large")
    assert space.fingerprint == resolve_text_space("openai/text-embedding-3-large@3072").fingerprint
    assert space.fingerprint != resolve_text_space("openai/text-embedding-3-large@1024").fingerprint
    # Moving this value makes every stored vector of the space stale.
    assert space.fingerprint == "38b2a76938ed8ac4ce5b9bb88ea99c63ce5688bb83e8179f1b223aebf8a47609"


def test_a_model_for_images_is_no_text_space():
    with pytest.raises(ConfigurationError, match="MORPHEUS_IMAGE_SPACES"):
        resolve_text_space("open_clip/demo")


def test_a_model_for_texts_is_no_image_space():
    options = ProviderOptions()
    for name in (SpaceName("openai", "text-embedding-3-small"), SpaceName("nobody", "x")):
        with pytest.raises(ConfigurationError, match=f"`{name}` is no image space: write .*open_clip"):
            resolve_image_space(name, options)


def test_a_server_of_ones_own_may_have_any_model_where_the_vendors_protocol_is_everybodys():
    assert parse_space_names("openai/own@768", own_endpoints={"openai"}) == [SpaceName("openai", "own", 768)]
    for text, own in (("openai/own@768", {"voyage"}), ("openai/own", {"openai"}), ("voyage/own@768", {"voyage"})):
        with pytest.raises(ConfigurationError, match="unknown model"):
            parse_space_names(text, own_endpoints=own)


def shortened(name: SpaceName, size: int) -> SpaceDescription:
    return SpaceDescription(name, shorten=size)


def test_only_a_model_that_was_trained_for_it_is_shortened_and_only_to_less():
    for name in (SpaceName("openai", "text-embedding-3-large"), SpaceName("voyage", "voyage-3.5")):
        assert resolve_described_space(shortened(name, 512), "spaces.toml").dimensions == 512
        assert resolve_described_space(shortened(name, 512), "x").fingerprint != resolve_text_space(name).fingerprint
        for size in (0, 4000):
            with pytest.raises(ConfigurationError, match=f"x: shorten is {size}, but"):
                resolve_described_space(shortened(name, size), "x")
    with pytest.raises(ConfigurationError, match="x: voyage-law-2 was not trained to be shortened"):
        resolve_described_space(shortened(SpaceName("voyage", "voyage-law-2"), 512), "x")


def test_a_folder_is_a_model_of_the_size_that_its_files_say():
    folder = f"sentence-transformers/local:{packaged_weights()}"
    assert [name.dimensions for name in parse_space_names(f"{folder}@384")] == [384]
    with pytest.raises(ConfigurationError, match="gives vectors of 384 dimensions: leave the number out"):
        parse_space_names(f"{folder}@512")


def test_a_model_that_cannot_take_the_largest_chunk_is_refused_with_the_numbers():
    check_capacity(resolve_text_space("sentence-transformers/all-MiniLM-L6-v2"), 254)
    check_capacity(resolve_text_space("openai/text-embedding-3-large"), 254)
    with pytest.raises(ConfigurationError, match=r"takes 254 tokens.*512 word pieces.*MORPHEUS_CHUNK_TOKENS"):
        check_capacity(resolve_text_space("sentence-transformers/all-MiniLM-L6-v2"), 512)
    with pytest.raises(ConfigurationError, match=r"takes 8192 tokens.*8000 word pieces may need 12000"):
        check_capacity(resolve_text_space("openai/text-embedding-3-large"), 8000)


def test_importing_the_embedding_floor_loads_no_model_library_and_no_sdk():
    code = (
        "import sys, morpheus_assets.embedding.stream, morpheus_assets.embedding.queries,"
        " morpheus_assets.embedding.models, morpheus_assets.embedding.providers.openai,"
        " morpheus_assets.embedding.providers.voyage, morpheus_assets.embedding.providers.sentence_transformers;"
        "print([m for m in ('torch', 'openai', 'voyageai', 'aiohttp', 'transformers', 'pandas', 'dagster',"
        " 'stamina', 'huggingface_hub', 'morpheus_assets.settings') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
