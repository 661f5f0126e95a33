import os
from pathlib import Path

import pytest
from pydantic import AliasChoices, ValidationError

from morpheus_assets.settings import PROJECT_FOLDER, Settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch):
    for name in list(os.environ):
        if name.startswith(("MORPHEUS_", "OPENAI_", "VOYAGE_")):
            monkeypatch.delenv(name)


def variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"MORPHEUS_{name.upper()}"


def test_every_setting_stands_in_the_example_file_with_its_default():
    lines = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8").splitlines()
    examples = dict(line.removeprefix("#").split("=", 1) for line in lines if "=" in line and not line.startswith("# "))
    assert set(examples) == {variable(name) for name in Settings.model_fields}


def test_every_setting_stands_in_the_readme():
    readme = (PROJECT_FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{variable(name)}`" not in readme] == []


def test_the_example_file_is_a_valid_environment_and_changes_nothing(tmp_path: Path):
    example = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8")
    dotenv = tmp_path / ".env"
    dotenv.write_text("\n".join(line.removeprefix("#") for line in example.splitlines() if not line.startswith("# ")))
    assert Settings(_env_file=dotenv) == Settings(_env_file=None)


def test_a_relative_folder_means_the_same_from_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MORPHEUS_CONTENT", "books")
    monkeypatch.chdir(tmp_path)
    assert Settings(_env_file=None).novels_folder == PROJECT_FOLDER / "books" / "novels"


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_content_may_be_an_address(monkeypatch: pytest.MonkeyPatch, scheme: str):
    monkeypatch.setenv("MORPHEUS_CONTENT", f"{scheme}://books/shelf/")
    assert Settings(_env_file=None).content == f"{scheme}://books/shelf"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ftp://books", "begins with s3://, gs:// or az://"),
        ("s3://", "write s3://BUCKET"),
        ("s3://AKIA:very-secret@books/shelf", "holds credentials"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, written: str, said: str
):
    monkeypatch.setenv("MORPHEUS_CONTENT", written)
    with pytest.raises(ValidationError, match="content") as told:
        Settings(_env_file=None)
    assert said in str(told.value)
    assert "very-secret" not in str(told.value)


def test_a_value_out_of_range_is_refused_by_the_variables_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MORPHEUS_REQUESTS_IN_FLIGHT", "0")
    with pytest.raises(ValidationError, match="requests_in_flight"):
        Settings(_env_file=None)


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    settings = Settings(_env_file=None)
    assert "very-secret" not in repr(settings) + str(settings)
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-very-secret"
