import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.settings import PROJECT_FOLDER, Settings

HEAVY = (
    "torch", "openvino", "pandas", "openai", "voyageai", "open_clip", "sentence_transformers", "transformers",
    "pyarrow", "sqlalchemy", "psycopg", "psycopg2", "numpy", "PIL", "httpx", "tokenizers", "lxml", "cryptography",
    "aiohttp", "psutil", "celery", "kubernetes", "fsspec", "boto3", "redis", "fastapi",
    "morpheus_assets.store.database.engine", "morpheus_assets.text.chapters.find", "dagster._core.execution.backfill",
)  # fmt: skip


def settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(_env_file=None, **{"data_folder": tmp_path, "samples": False, **values})


def keys(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.get_repository_def().asset_graph.get_all_asset_keys()}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch):
    for name in list(os.environ):
        if name.startswith(("MORPHEUS_", "OPENAI_", "VOYAGE_")):
            monkeypatch.delenv(name)


def test_definitions_load_in_a_fresh_interpreter_without_a_database_or_a_heavy_import(tmp_path: Path):
    code = (
        "import sys, json, morpheus_assets.definitions as d;"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    environment = {"PATH": os.environ["PATH"], "MORPHEUS_DATA_FOLDER": str(tmp_path), "MORPHEUS_DOTENV": os.devnull}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_asset_keys_are_these(tmp_path: Path):
    found = keys(
        build_definitions(
            settings(
                tmp_path,
                text_spaces="openai/text-embedding-3-large, voyage/voyage-4@512",
                image_spaces="open_clip/ViT-B-32@laion2b_s34b_b79k",
            )
        )
    )
    [clip] = [key for key in found if key.startswith("clip_embeddings/")]
    assert clip.startswith("clip_embeddings/vit-b-32-laion2b-512-")
    assert found - {clip} == {
        "novels",
        "chapters",
        "chunks",
        "text_embeddings/openai-3-large-3072",
        "text_embeddings/voyage-4-512",
        "panel_images",
        "regions",
        "chapter_echoes",
        "characters",
        "character_sheets",
        "similar_novels",
        "training_pairs",
        "scene_sentences",
        "scene_panel_match",
        "character_panels",
        "retrieval_quality/openai-3-large-3072",
        "retrieval_quality/voyage-4-512",
        "content/novels",
        "content/panels",
        "search_index/text",
        "search_index/panels",
    }


def test_every_asset_has_a_group_kinds_owners_a_description_and_a_code_version(tmp_path: Path):
    graph = build_definitions(settings(tmp_path, image_spaces="open_clip/demo")).get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.kinds, key
        assert node.owners, key
        assert len(node.description or "") > 80, key
        if node.is_external:
            assert node.group_name in ("content", "search"), key
            continue
        assert node.group_name in ("text", "panels", "insight", "search"), key
        assert node.code_version, key
        assert "dagster/column_schema" in node.metadata or node.group_name == "insight", key


def test_the_demo_model_stands_beside_the_configured_one_only_while_there_are_samples(tmp_path: Path):
    with_samples = keys(build_definitions(settings(tmp_path, samples=True)))
    without = keys(build_definitions(settings(tmp_path, samples=False)))
    assert {key.split("/")[0] for key in with_samples - without} == {"clip_embeddings"}
    assert "demo" in next(iter(with_samples - without))


def test_a_space_that_cannot_take_the_largest_chunk_is_refused_with_the_numbers(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"254.*300|300.*254|256.*300|300.*256"):
        build_definitions(settings(tmp_path, chunk_tokens=300))


def test_an_unknown_model_is_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="text-embedding-3-large"):
        build_definitions(settings(tmp_path, text_spaces="openai/text-embedding-4"))


def test_sensors_and_schedules_are_on_by_default(tmp_path: Path):
    found = build_definitions(settings(tmp_path)).get_repository_def()
    for sensor in found.sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING, sensor.name
    for schedule in found.schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING, schedule.name
    assert {"new_novels_sensor", "new_panels_sensor"} <= {sensor.name for sensor in found.sensor_defs}


def test_no_secret_stands_in_what_the_ui_shows_of_a_resource(tmp_path: Path):
    definitions = build_definitions(settings(tmp_path, openai_api_key="sk-very-secret"))
    shown = repr(definitions.resources) + str(definitions.get_repository_def().get_top_level_resources())
    assert "very-secret" not in shown
