import shutil
from importlib.resources import as_file
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.cli.search import Searching
from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.partitions import PANELS
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.defs.model_change import make_settings, switch_tick

QUERY = "a sleeping orange cat in the desert"


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    """The demo model, and the same with weights that differ in their last bit."""
    with as_file(SAMPLES) as samples:
        old, new = tmp_path / "old", tmp_path / "new"
        shutil.copytree(samples / "tiny_clip", old)
        shutil.copytree(samples / "panels", tmp_path / "content" / "panels")
    shutil.copytree(old, new)
    weights = new / "open_clip_model.safetensors"
    body = bytearray(weights.read_bytes())
    body[-1] ^= 1
    weights.write_bytes(body)
    return old, new


def run(settings: Settings, instance: dg.DagsterInstance, novel: str, *assets: str | Space) -> bool:
    keys = [dg.AssetKey(each if isinstance(each, str) else space_asset(each)) for each in assets]
    job = build_definitions(settings).get_repository_def().get_job("__ASSET_JOB")
    return job.execute_in_process(instance=instance, partition_key=novel, asset_selection=keys).success


@pytest.mark.slow
def test_changed_weights_are_a_new_space_and_the_old_ones_answer_until_it_is_whole(
    engine, database_url: str, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = checkpoints
    [novel] = [folder.name for folder in (tmp_path / "content" / "panels").iterdir()]
    before = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, image_spaces=f"open_clip/local:{old}")
    after = before.model_copy(update={"image_spaces": f"open_clip/local:{new}"})
    [first], [second] = configured_image_spaces(before), configured_image_spaces(after)
    assert first.key != second.key
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(PANELS.name or "panels", [novel])
        assert run(before, instance, novel, "panel_images", "regions", first)
        found = Searching(before, engine).panels(QUERY, k=3)
        assert found.space == first.key
        switch_tick(after, instance)
        meanwhile = Searching(after, engine).panels(QUERY, k=3)
        assert meanwhile.space == first.key, "its weights are found though no setting names them"
        assert [hit.path for hit in meanwhile.hits] == [hit.path for hit in found.hits]
        assert run(after, instance, novel, second)
        for _ in range(2):
            switch_tick(after, instance)
        switched = Searching(after, engine).panels(QUERY, k=3)
        assert switched.space == second.key
        assert switched.hits[0].path == found.hits[0].path
        assert spaces.get_space(engine, first.key).state == "retired"
