import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from morpheus_assets.services.space_tables import SpaceOptions
from morpheus_assets.settings import PROJECT_FOLDER, Settings, load_settings, unknown_variables, variable_of


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch):
    for name in list(os.environ):
        if name.startswith(("MORPHEUS_", "OPENAI_", "VOYAGE_")):
            monkeypatch.delenv(name)


def documents(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = PROJECT_FOLDER / ".ci" / "settings_docs.py"
    return subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """A folder with the two documents as they are committed."""
    (tmp_path / "deploy").mkdir()
    for name in ("deploy/settings.md", ".env.example"):
        shutil.copy(PROJECT_FOLDER / name, tmp_path / name)
    return tmp_path


def test_the_documents_say_what_settings_py_says():
    done = documents("--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["deploy/settings.md", ".env.example"])
def test_a_document_that_says_something_else_is_named_with_the_remedy_and_make_docs_mends_it(copies: Path, name: str):
    before = (copies / name).read_text(encoding="utf-8")
    (copies / name).write_text(before.replace("Requests per minute to", "Requests per hour to"), encoding="utf-8")
    done = documents("--check", copies)
    assert done.returncode == 1
    assert Path(name).name in done.stderr
    assert "make docs" in done.stderr
    assert documents(copies).returncode == 0
    assert (copies / name).read_text(encoding="utf-8") == before


def test_every_setting_has_a_meaning_and_stands_in_a_section():
    fields = list(Settings.model_fields.values())
    assert all(field.description for field in fields)
    assert isinstance(fields[0].json_schema_extra, dict)
    assert fields[0].json_schema_extra["section"]


def test_every_setting_stands_in_the_example_file_with_its_default():
    lines = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8").splitlines()
    examples = dict(line.removeprefix("#").split("=", 1) for line in lines if "=" in line and not line.startswith("# "))
    assert set(examples) == {variable_of(name) for name in Settings.model_fields}


def test_every_option_of_a_space_stands_in_the_list():
    page = (PROJECT_FOLDER / "deploy" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page.partition("## Options of a space")[2], re.MULTILINE))
    assert rows == {name: field.description for name, field in SpaceOptions.model_fields.items()}


def test_every_setting_stands_in_the_list():
    page = (PROJECT_FOLDER / "deploy" / "settings.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{variable_of(name)}`" not in page] == []


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


@pytest.fixture
def fresh() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("MORPHEUS_CHUNKTOKENS", "MORPHEUS_CHUNKTOKENS is no setting: did you mean MORPHEUS_CHUNK_TOKENS?"),
        ("MORPHEUS_TEXT_SPACE", "MORPHEUS_TEXT_SPACE is no setting: did you mean MORPHEUS_TEXT_SPACES?"),
        ("morpheus_chunktokens", "morpheus_chunktokens is no setting: did you mean MORPHEUS_CHUNK_TOKENS?"),
        ("MORPHEUS_OPENAI_APIKEY", "MORPHEUS_OPENAI_APIKEY is no setting: did you mean OPENAI_API_KEY?"),
        ("MORPHEUS_QQ", "MORPHEUS_QQ is no setting: .env.example lists them all."),
    ],
)
def test_a_variable_that_no_setting_has_is_one_sentence_with_the_nearest_name(name: str, sentence: str):
    assert unknown_variables([name]) == {name: sentence}


def test_a_variable_of_dotenv_is_said_to_stand_there_and_one_of_both_is_one():
    found = unknown_variables(["MORPHEUS_CHUNKTOKENS"], ["MORPHEUS_CHUNKTOKENS", "OPENAI_API_KEY"])
    assert found == {
        "MORPHEUS_CHUNKTOKENS": "MORPHEUS_CHUNKTOKENS in .env is no setting: did you mean MORPHEUS_CHUNK_TOKENS?"
    }


@pytest.mark.parametrize(
    "name",
    [
        "morpheus_chunk_tokens",
        "MORPHEUS_OPENAI_API_KEY",
        "OPENAI_API_KEY",
        "OPENAI_ORGANIZATION",
        "MORPHEUS_TEST_DATABASE_URL",
        "MORPHEUS_QUEUE_SERVICE_HOST",
        "MORPHEUS_QUEUE_SERVICE_PORT_REDIS",
        "MORPHEUS_QUEUE_PORT_6379_TCP_ADDR",
    ],
)
def test_what_is_read_or_belongs_to_others_is_no_unknown_variable(name: str):
    assert unknown_variables([name]) == {}


def test_the_port_of_a_service_is_known_by_what_stands_beside_it():
    assert unknown_variables(["MORPHEUS_QUEUE_PORT", "MORPHEUS_QUEUE_PORT_6379_TCP"]) == {}
    assert set(unknown_variables(["MORPHEUS_DAGSTER_PORT", "MORPHEUS_QUEUE_PORT_6379_TCP"])) == {
        "MORPHEUS_DAGSTER_PORT"
    }


def test_every_variable_that_the_project_names_is_a_setting_or_declared_to_be_none():
    folders = ("morpheus_assets", "morpheus_assets_tests", "bench", "deploy", ".ci")
    files = [path for name in folders for path in (PROJECT_FOLDER / name).rglob("*") if path.is_file()]
    files += [PROJECT_FOLDER / name for name in ("Makefile", "README.md", "CONTRIBUTING.md", "dagster.yaml")]
    about_typos = {Path(__file__).name, "test_clean_checkout.py", "test_up.py"}
    texts = [
        path.read_text(encoding="utf-8")
        for path in files
        if path.suffix in {".py", ".md", ".yaml", ""} and path.name not in about_typos
    ]
    named = set(re.findall(r"\bMORPHEUS_[A-Z_]*[A-Z]\b(?!_)", "\n".join(texts)))
    assert "MORPHEUS_TEXT_SPACES" in named
    assert unknown_variables(named) == {}


@pytest.mark.usefixtures("fresh")
def test_a_process_warns_once_without_the_value_and_its_children_do_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("MORPHEUS_CHUNKTOKENS", "hunter2")
    monkeypatch.setenv("MORPHEUS_TEXTSPACES", "")
    monkeypatch.setenv("MORPHEUS_WARNED_VARIABLES", "")
    with caplog.at_level(logging.WARNING):
        load_settings()
        load_settings()
        load_settings.cache_clear()
        load_settings()
    assert [record.getMessage() for record in caplog.records] == [
        "MORPHEUS_CHUNKTOKENS is no setting: did you mean MORPHEUS_CHUNK_TOKENS?"
    ]
    monkeypatch.setenv("MORPHEUS_CHUNKOVERLAP", "3")
    load_settings.cache_clear()
    load_settings()
    assert "MORPHEUS_CHUNKOVERLAP" in caplog.records[-1].getMessage()
    assert len(caplog.records) == 2


@pytest.mark.usefixtures("fresh")
def test_a_typo_is_told_beside_a_value_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("MORPHEUS_CHUNKTOKENS", "100")
    monkeypatch.setenv("MORPHEUS_WARNED_VARIABLES", "")
    monkeypatch.setenv("MORPHEUS_API_PORT", "tcp://10.0.0.1:80")
    with pytest.raises(ValidationError, match="api_port"):
        load_settings()
    assert "MORPHEUS_CHUNKTOKENS" in caplog.text
