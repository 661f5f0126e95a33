from pathlib import Path

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.local_text.loading import packaged_weights
from morpheus_assets.embedding.preparation import read_preparation
from morpheus_assets.services.configured_spaces import configured_text_spaces, open_provider
from morpheus_assets.settings import Settings
from morpheus_assets_tests.embedding.helpers import ask, run


def settings_for(folder: Path, text_spaces: str, tables: str = "") -> Settings:
    (folder / "spaces.toml").write_text(tables)
    return Settings(
        spaces_file=folder / "spaces.toml", text_spaces=text_spaces, data_folder=folder / "data", _env_file=None
    )  # type: ignore[call-arg]


def copy_of_the_packaged_model(folder: Path) -> Path:
    packaged = packaged_weights()
    for source in packaged.rglob("*"):
        if source.is_file():
            target = folder / source.relative_to(packaged)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return copy_of_the_packaged_model(tmp_path / "at@home" / "some-model")


def test_a_model_in_a_folder_is_a_space_by_its_weights_and_embeds(model: Path, tmp_path: Path):
    settings = settings_for(tmp_path, f"sentence-transformers/local:{model}")
    (space,) = configured_text_spaces(settings)

    vectors, _, error = run(open_provider(settings, space), ["The ship came home in the evening."])

    assert error is None
    assert (space.dimensions, space.max_input_tokens, space.model) == (384, 254, "local")
    assert space.revision.startswith("sha256:53aa51172d142c89")
    assert str(model) not in space.key + space.fingerprint + space.preparation
    assert np.linalg.norm(next(iter(vectors.values()))) == pytest.approx(1, abs=1e-5)


def test_weights_that_are_moved_are_the_same_space(model: Path, tmp_path: Path):
    before = configured_text_spaces(settings_for(tmp_path, f"sentence-transformers/local:{model}"))[0]
    moved = copy_of_the_packaged_model(tmp_path / "elsewhere")
    settings = settings_for(tmp_path, f"sentence-transformers/local:{moved}@384")
    assert configured_text_spaces(settings)[0] == before
    assert ask(open_provider(settings, before), "Who came home?").shape == (384,)


def test_a_folder_called_like_a_known_model_has_its_prefixes_and_a_table_may_give_others(tmp_path: Path):
    model = copy_of_the_packaged_model(tmp_path / "multilingual-e5-small")
    (space,) = configured_text_spaces(settings_for(tmp_path, f"sentence-transformers/local:{model}"))
    preparation = read_preparation(space.preparation)
    assert (preparation.query_prefix, preparation.document_prefix) == ("query: ", "passage: ")
    table = f'[own]\nprovider = "sentence-transformers"\nmodel = "local:{model}"\nquery_prefix = "Find: "\n'
    (other,) = configured_text_spaces(settings_for(tmp_path, "own", table))
    assert read_preparation(other.preparation).query_prefix == "Find: "
    assert other.key != space.key


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("local:{folder}/nowhere", "nowhere holds no text model"),
        ("local:{model}@512", "gives vectors of 384 dimensions: leave the number out"),
    ],
)
def test_a_folder_without_a_model_and_a_wrong_size_are_one_sentence(model: Path, tmp_path: Path, name: str, says: str):
    written = name.format(folder=tmp_path, model=model)
    with pytest.raises(ConfigurationError, match=says):
        configured_text_spaces(settings_for(tmp_path, f"sentence-transformers/{written}"))


def test_weights_that_are_gone_are_told_with_the_folders_that_were_looked_at(model: Path, tmp_path: Path):
    (space,) = configured_text_spaces(settings_for(tmp_path, f"sentence-transformers/local:{model}"))
    later = settings_for(tmp_path, "sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(ConfigurationError, match=r"53aa51172d14.* lie in none of the folders"):
        open_provider(later, space)
