"""What others build on: commands, HTTP API, settings, names in Dagster, tables. A change of it is made knowingly.

`UPDATE_SNAPSHOTS=1 make test ARGS="-k public_surface"` writes what is found; the difference is then read in the commit.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest
from pydantic import AliasChoices, SecretStr
from sqlalchemy import Engine, text

from morpheus_assets.api.app import build_app
from morpheus_assets.cli.main import main
from morpheus_assets.definitions import build_definitions
from morpheus_assets.settings import PROJECT_FOLDER, Settings

SNAPSHOTS = Path(__file__).parent / "public_surface"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch):
    for name in list(os.environ):
        if name.startswith(("MORPHEUS_", "OPENAI_", "VOYAGE_")):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_folder=tmp_path,
        text_spaces="sentence-transformers/all-MiniLM-L6-v2, openai/text-embedding-3-large, voyage/voyage-4@512",
        image_spaces="open_clip/ViT-B-32@laion2b_s34b_b79k, remote_clip/ViT-L-14",
    )


def compare(name: str, found: Any) -> None:
    file = SNAPSHOTS / f"{name}.json"
    written = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(written, encoding="utf-8")
    assert json.loads(written) == json.loads(file.read_text(encoding="utf-8"))


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def test_the_commands_and_their_help():
    helped = {
        name: command.get_help(click.Context(command, info_name=name, terminal_width=100)).splitlines()
        for name, command in [("morpheus", main), *commands(main, "morpheus")]
    }
    compare("commands", helped)


def test_the_http_api(settings: Settings):
    compare("http_api", build_app(settings).openapi())


def test_the_settings_with_their_defaults():
    found = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"MORPHEUS_{name.upper()}"
        default = field.default
        if isinstance(default, Path):
            default = default.relative_to(PROJECT_FOLDER).as_posix()
        found[variable] = {"default": default, "secret": SecretStr in getattr(field.annotation, "__args__", ())}
    compare("settings", found)


def test_the_names_in_dagster(settings: Settings):
    repository = build_definitions(settings).get_repository_def()
    graph = repository.asset_graph
    compare(
        "dagster",
        {
            "assets": {
                key.to_user_string(): {
                    "group": graph.get(key).group_name,
                    "partitions": getattr(graph.get(key).partitions_def, "name", None),
                    "parents": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
                    "table": graph.get(key).metadata.get("dagster/table_name"),
                    "pools": sorted(graph.get(key).pools or ()),
                }
                for key in graph.get_all_asset_keys()
            },
            "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys),
            "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
            "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
            "schedules": {schedule.name: str(schedule.cron_schedule) for schedule in repository.schedule_defs},
            "resources": sorted(repository.get_top_level_resources()),
            "job_config": {
                job.name: sorted(job.run_config_schema.config_type.fields) if job.run_config_schema else []
                for job in repository.get_all_jobs()
                if isinstance(job, dg.JobDefinition) and not job.name.startswith("__")
            },
        },
    )


def test_the_tables(engine: Engine):
    with engine.connect() as connection:
        columns = connection.execute(
            text(
                "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
                " WHERE table_schema = 'public' ORDER BY table_name, column_name"
            )
        )
        found: dict[str, dict[str, str]] = {}
        for table, column, kind, nullable in columns:
            found.setdefault(table, {})[column] = kind + (" or null" if nullable == "YES" else "")
    compare("tables", found)
