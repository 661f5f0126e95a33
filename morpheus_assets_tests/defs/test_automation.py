from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.automation import insight_sensor
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.settings import Settings

KEY = "text_embeddings/all-minilm-l6-v2-384"


@pytest.fixture
def definitions(tmp_path: Path) -> dg.Definitions:
    return build_definitions(Settings(_env_file=None, data_folder=tmp_path, samples=False))


def made(instance: dg.DagsterInstance, asset: str, novel: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(asset.split("/"), partition=novel))


def test_insight_of_a_novel_is_made_anew_once_its_vectors_were_and_of_no_other(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions(NOVELS.name or "novels", ["emma", "dracula"])
    cursor = None

    def requested() -> set[str]:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            definitions, instance, dg.AssetSelection.groups("insight"), cursor=cursor
        )
        cursor = result.cursor
        return set(result.get_requested_partitions(dg.AssetKey("chapter_echoes")))

    assert requested() == set(), "nothing is there to read"
    for asset in ("chunks", KEY):
        made(instance, asset, "emma")
    assert requested() == {"emma"}
    made(instance, "chapter_echoes", "emma")
    assert requested() == set()
    made(instance, KEY, "emma")
    assert requested() == {"emma"}


def test_nothing_that_costs_money_or_reads_files_has_a_condition(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    automatic = {key for key in graph.get_all_asset_keys() if graph.get(key).automation_condition}
    assert {graph.get(key).group_name for key in automatic} == {"insight"}
    assert insight_sensor.default_status == dg.DefaultSensorStatus.RUNNING
