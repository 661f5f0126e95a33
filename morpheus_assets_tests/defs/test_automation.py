from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.automation import insight_sensor
from morpheus_assets.defs.partitions import NOVELS, NOVELS_WITH_PANELS, PANELS
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


def test_scenes_are_matched_where_either_of_several_image_spaces_has_the_panels_and_again_after_a_new_text(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    made_with = Settings(_env_file=None, data_folder=tmp_path, samples=True)
    definitions = build_definitions(made_with)
    graph = definitions.resolve_asset_graph()
    [demo] = [key for key in graph.get_all_asset_keys() if "demo" in key.to_user_string()]
    instance.add_dynamic_partitions(NOVELS.name or "novels", ["emma"])
    instance.add_dynamic_partitions(PANELS.name or "panels", ["emma", "pictures-alone"])
    instance.add_dynamic_partitions(NOVELS_WITH_PANELS.name or "novels_with_panels", ["emma"])
    cursor = None

    def requested() -> dict[str, set[str]]:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            definitions, instance, dg.AssetSelection.groups("insight"), cursor=cursor
        )
        cursor = result.cursor
        names = ("scene_sentences", "scene_panel_match", "character_panels")
        found = {name: set(result.get_requested_partitions(dg.AssetKey(name))) for name in names}
        return {name: novels for name, novels in found.items() if novels}

    assert requested() == {}, "nothing is there to read"
    for novel in ("emma", "pictures-alone"):
        made(instance, demo.to_user_string(), novel)
    assets = ("scene_sentences", "scene_panel_match", "character_panels")
    assert requested() == {asset: {"emma"} for asset in assets}
    for asset in assets:
        made(instance, asset, "emma")
    assert requested() == {}
    made(instance, "chapters", "emma")
    assert requested() == {"scene_sentences": {"emma"}, "scene_panel_match": {"emma"}}
    made(instance, "scene_sentences", "emma")
    made(instance, "scene_panel_match", "emma")
    made(instance, "characters", "emma")
    assert requested() == {"character_panels": {"emma"}}


def test_only_insight_has_a_condition_and_of_it_only_sentences_ask_a_provider(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    automatic = {key for key in graph.get_all_asset_keys() if graph.get(key).automation_condition}
    assert {graph.get(key).group_name for key in automatic} == {"insight"}
    paying = {
        key.to_user_string()
        for key in automatic
        if "providers" in definitions.resolve_assets_def(key).required_resource_keys
    }
    assert paying == {"scene_sentences"}
    assert insight_sensor.default_status == dg.DefaultSensorStatus.RUNNING
