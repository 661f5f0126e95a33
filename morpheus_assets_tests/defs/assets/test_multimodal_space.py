"""Panels embedded by a vendor's multimodal model and found by a question to the same model, end to end."""

from pathlib import Path

import dagster as dg
from PIL import Image
from sqlalchemy import Engine

from morpheus_assets.cli.search import Searching
from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.partitions import PANELS
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets_tests.defs.model_change import make_settings
from morpheus_assets_tests.fixtures.native_servers import KEY, running_native


def test_panels_are_found_by_a_description_through_a_multimodal_model(
    engine: Engine, instance: dg.DagsterInstance, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "content" / "panels" / "colours"
    folder.mkdir(parents=True)
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (400, 300), colour).save(folder / f"{colour}.png")
    with running_native("voyage_multimodal") as server:
        settings = make_settings(
            database_url, "http://127.0.0.1:9/v1", tmp_path, image_spaces="voyage/voyage-multimodal-3.5@256",
            voyage_api_key=KEY, voyage_base_url=server.url,
        )  # fmt: skip
        (space,) = configured_image_spaces(settings)
        instance.add_dynamic_partitions(PANELS.name or "panels", ["colours"])
        assets = [
            key
            for key in build_definitions(settings).get_repository_def().asset_graph.get_all_asset_keys()
            if key.path[0] in ("panel_images", "regions") or key.path == space_asset(space)
        ]
        job = build_definitions(settings).get_repository_def().get_job("__ASSET_JOB")
        assert job.execute_in_process(instance=instance, partition_key="colours", asset_selection=assets).success

        found = Searching(settings, engine).panels("blue", k=3)

    assert found.space == space.key
    assert found.hits[0].path.endswith("blue.png")
    assert found.hits[0].similarity > 0.99 > found.hits[1].similarity
    kinds = {body["input_type"] for _, _, body in server.asked}
    assert kinds == {"document", "query"}
