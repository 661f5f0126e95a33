import stat
from pathlib import Path

import pytest

from morpheus_assets.cli.environment import (
    BLOCK_START,
    child_environment,
    dagster_home,
    decided_by_dotenv,
    forget_in_dotenv,
    remember_in_dotenv,
)
from morpheus_assets.services.connections import DatabaseNotRunning, Databases, database_url
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.store.database.errors import DatabaseUnusable

DATABASES = Databases(
    "postgresql+psycopg://postgres@/morpheus?host=%2Fdata%2Fpgdata&port=5432",
    "postgresql+psycopg2://postgres@/dagster?host=%2Fdata%2Fpgdata&port=5432",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_folder=tmp_path / "data")


def test_children_find_the_databases_and_a_value_that_was_set_wins(monkeypatch: pytest.MonkeyPatch, settings: Settings):
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://mine/dagster")
    monkeypatch.setenv("DAGSTER_HOME", "/mine")
    environment = child_environment(settings, DATABASES)
    assert environment["MORPHEUS_DATABASE_URL"] == DATABASES.content
    assert environment["DAGSTER_PG_URL"] == "postgresql://mine/dagster"
    assert environment["DAGSTER_HOME"] == "/mine"
    assert not settings.data_folder.exists()


def test_dagster_lives_in_the_data_folder_with_the_projects_configuration(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = Path(child_environment(settings, DATABASES)["DAGSTER_HOME"])
    assert home == settings.data_folder / "dagster"
    assert (home / "dagster.yaml").resolve() == PROJECT_FOLDER / "dagster.yaml"


def test_dagsters_folder_follows_a_project_that_was_moved_and_leaves_a_file_of_ones_own(settings: Settings):
    configuration = dagster_home(settings.data_folder) / "dagster.yaml"
    configuration.unlink()
    configuration.symlink_to("/where/it/was/dagster.yaml")
    dagster_home(settings.data_folder)
    assert configuration.resolve() == PROJECT_FOLDER / "dagster.yaml"
    configuration.unlink()
    configuration.write_text("telemetry: {enabled: false}\n")
    dagster_home(settings.data_folder)
    assert configuration.read_text() == "telemetry: {enabled: false}\n"
    assert [path.name for path in configuration.parent.iterdir()] == ["dagster.yaml"]


def test_the_dotenv_block_is_written_once_and_leaves_a_persons_lines_alone(tmp_path: Path, settings: Settings):
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=sk-mine\nDAGSTER_HOME=/mine\n")
    remember_in_dotenv(dotenv, settings, DATABASES)
    first = dotenv.read_text()
    remember_in_dotenv(dotenv, settings, DATABASES)
    assert dotenv.read_text() == first
    assert first.startswith("OPENAI_API_KEY=sk-mine\nDAGSTER_HOME=/mine\n")
    assert first.count("DAGSTER_HOME=") == 1
    assert first.count(BLOCK_START) == 1
    assert "DAGSTER_PG_URL=postgresql+psycopg2://" in first


def test_the_dotenv_block_goes_again_and_leaves_a_persons_lines_alone(tmp_path: Path, settings: Settings):
    dotenv = tmp_path / ".env"
    forget_in_dotenv(dotenv)
    remember_in_dotenv(dotenv, settings, DATABASES)
    forget_in_dotenv(dotenv)
    assert not dotenv.exists()
    dotenv.write_text("OPENAI_API_KEY=sk-mine\n")
    forget_in_dotenv(dotenv)
    remember_in_dotenv(dotenv, settings, DATABASES)
    forget_in_dotenv(dotenv)
    assert dotenv.read_text() == "OPENAI_API_KEY=sk-mine\n"


def test_the_dotenv_file_is_readable_by_its_owner_alone(tmp_path: Path, settings: Settings):
    dotenv = tmp_path / ".env"
    remember_in_dotenv(dotenv, settings, DATABASES)
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600


def test_a_database_that_does_not_run_is_one_sentence_with_the_way_out(tmp_path: Path):
    settings = Settings(_env_file=None, data_folder=tmp_path, database_url=None)
    with pytest.raises(DatabaseNotRunning, match="make up"):
        database_url(settings)


def test_an_address_that_is_no_url_is_one_sentence_that_does_not_repeat_it(tmp_path: Path):
    settings = Settings(_env_file=None, data_folder=tmp_path, database_url="me:s3cret@host")
    with pytest.raises(DatabaseUnusable, match="MORPHEUS_DATABASE_URL looks like") as caught:
        database_url(settings)
    assert "s3cret" not in str(caught.value)


def test_it_is_said_when_dagster_will_take_another_value_from_dotenv_than_the_environment_has(tmp_path: Path):
    dotenv = tmp_path / ".env"
    assert decided_by_dotenv(dotenv, {"DAGSTER_PG_URL": "mine"}) == []
    dotenv.write_text("DAGSTER_PG_URL=postgresql://other:secret@host/dagster\nDAGSTER_HOME=/same\nONLY_THERE=1\n")
    [said] = decided_by_dotenv(dotenv, {"DAGSTER_PG_URL": "mine", "DAGSTER_HOME": "/same"})
    assert said.startswith(f"{dotenv} decides over the environment here")
    assert "DAGSTER_PG_URL." in said
    assert "secret" not in said
    assert "HOME" not in said
