import shutil
from pathlib import Path

import dagster as dg
from PIL import Image

from morpheus_assets.defs.jobs.ingest import INGEST_PANELS
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets_tests.fixtures.deployment import Deployment, metadata_of

MANY = 60


def draw_panels(deployment: Deployment, novel: str) -> Path:
    folder = deployment.settings.panels_folder / novel
    folder.mkdir()
    samples = sorted((Path(str(SAMPLES)) / "panels" / "the-last-lamp").glob("*.png"))
    for sample in samples:
        shutil.copy2(sample, folder)
    for number in range(MANY):
        Image.new("RGB", (16, 16), (number * 4, 255 - number, number)).save(folder / f"plain{number}.png")
    return folder


def run(deployment: Deployment, *assets: str) -> dg.ExecuteInProcessResult:
    keys = [key for key in deployment.definitions.resolve_asset_graph().get_all_asset_keys() if key.path[0] in assets]
    deployment.instance.add_dynamic_partitions("panels", ["lamp"])
    job = deployment.definitions.resolve_job_def(INGEST_PANELS.name)
    return job.execute_in_process(
        instance=deployment.instance, partition_key="lamp", asset_selection=keys, raise_on_error=False
    )


def check_of(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    [found] = [each for each in result.get_asset_check_evaluations() if each.check_name == name]
    return found


def test_a_panel_that_cannot_be_embedded_loses_none_of_its_siblings(deployment: Deployment):
    folder = draw_panels(deployment, "lamp")
    assert run(deployment, "panel_images", "regions").success
    # Listed as a picture, and no longer one when it is to be embedded.
    (folder / "plain7.png").write_bytes(b"no picture any more")

    result = run(deployment, "clip_embeddings")

    assert result.success
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM panels WHERE shaping = 2")[0][0]
    assert needed > MANY
    assert deployment.rows("SELECT count(*) FROM embeddings_1") == [(needed - 1,)]
    assert metadata_of(result, "clip_embeddings")["refused"] == 1
    [(path, reason)] = deployment.rows("SELECT path, r.reason FROM refused_inputs r JOIN panels USING (content_hash)")
    assert path == "lamp/plain7.png"
    assert "changed since it was listed" in reason
    assert check_of(result, "coverage").passed
    warned = check_of(result, "nothing_refused")
    assert not warned.passed
    assert "lamp/plain7.png" in str(warned.metadata["list"].records)

    again = run(deployment, "clip_embeddings")
    assert again.success
    assert metadata_of(again, "clip_embeddings")["embedded"] == 0

    # Its next run lists it as what it is now, and nothing is left to warn of here.
    whole = deployment.ingest_panels("lamp")
    assert whole.success
    assert metadata_of(whole, "panel_images")["refused"] == 1
    assert metadata_of(whole, "clip_embeddings")["embedded"] == 0
    assert check_of(whole, "nothing_refused").passed
