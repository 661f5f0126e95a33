import stat
from pathlib import Path

import pytest

from morpheus_assets.cli.environment import BLOCK_START, child_environment, remember_in_dotenv
from morpheus_assets.services.connections import (
    DatabaseNotRunning,
    dagster_database_url,
    database_url,
)
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import DatabaseUnusable

SOCKET = "postgresql+psycopg://postgres@/morpheus?host=%2Fdata%2Fpgdata&port=5432"


def test_dagster_gets_a_database_of_its_own_on_the_same_server():
    found = dagster_database_url("postgresql+psycopg://user:secret@db.example:5432/morpheus")
    assert found == "postgresql+psycopg2://user:secret@db.example:5432/dagster"
    assert dagster_database_url(SOCKET).startswith("postgresql+psycopg2://postgres@/dagster?host=")


def test_children_find_the_databases_and_a_value_that_was_set_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://mine/dagster")
    environment = child_environment(SOCKET)
    assert environment["MORPHEUS_DATABASE_URL"] == SOCKET
    assert environment["DAGSTER_PG_URL"] == "postgresql://mine/dagster"


def test_the_dotenv_block_is_written_once_and_leaves_a_persons_lines_alone(tmp_path: Path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=sk-mine\nDAGSTER_HOME=/mine\n")
    remember_in_dotenv(dotenv, SOCKET)
    first = dotenv.read_text()
    remember_in_dotenv(dotenv, SOCKET)
    assert dotenv.read_text() == first
    assert first.startswith("OPENAI_API_KEY=sk-mine\nDAGSTER_HOME=/mine\n")
    assert first.count("DAGSTER_HOME=") == 1
    assert first.count(BLOCK_START) == 1
    assert "DAGSTER_PG_URL=postgresql+psycopg2://" in first


def test_the_dotenv_file_is_readable_by_its_owner_alone(tmp_path: Path):
    dotenv = tmp_path / ".env"
    remember_in_dotenv(dotenv, SOCKET)
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
