"""Addresses that studios have: names with capitals and dashes, service files, passwords in the environment."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from morpheus_assets.services.connections import running_database
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.engine import open_engine

NAME = f"Studio-Novels {os.getpid()}"


@pytest.fixture
def named(server_url: str) -> Iterator[URL]:
    """An empty database whose name needs quotes."""
    address = make_url(server_url)
    url = address.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{NAME}"'.encode())
        yield address.set(drivername="postgresql", database=NAME)
        for name in (NAME, f"{NAME}_dagster"):
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def begun(tmp_path: Path, address: str) -> tuple[list[str], str, str]:
    """What a start says, and the databases that its content and Dagster then use."""
    settings = Settings(_env_file=None, data_folder=tmp_path, database_url=address)
    said: list[str] = []
    with running_database(settings, said.append) as databases:
        names = []
        for url in (databases.content, databases.dagster):
            engine = open_engine(url)
            with engine.connect() as connection:
                names.append(connection.exec_driver_sql("SELECT current_database()").scalar_one())
            engine.dispose()
    return said, names[0], names[1]


def test_a_database_whose_name_needs_quotes_is_used_with_one_for_dagster(named: URL, tmp_path: Path):
    said, content, dagster = begun(tmp_path, named.render_as_string(hide_password=False))
    assert (content, dagster) == (NAME, f"{NAME}_dagster")
    assert said[-1].startswith("Schema: ")
    again, *_ = begun(tmp_path, named.render_as_string(hide_password=False))
    assert again == []


def test_an_address_that_only_names_a_service_is_enough(named: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = {"host": named.query.get("host", named.host), "port": named.port or named.query.get("port"),
             "user": named.username, "password": named.password, "dbname": NAME}  # fmt: skip
    lines = [f"{key}={value}" for key, value in place.items() if value]
    (tmp_path / "services").write_text("\n".join(["[studio]", *lines, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    _, content, dagster = begun(tmp_path, "postgresql:///?service=studio")
    assert (content, dagster) == (NAME, f"{NAME}_dagster")
