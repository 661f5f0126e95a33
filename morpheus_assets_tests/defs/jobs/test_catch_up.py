import shutil
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.defs.jobs.catch_up import choose, launch
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.defs.sensors.new_content import new_panels_sensor
from morpheus_assets.domain.content import SourceFile
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.store.content.novels import ingested_digests, refuse_novel
from morpheus_assets.store.content.source_files import forget_source_files, save_source_files
from morpheus_assets_tests.defs.model_change import count_runs
from morpheus_assets_tests.fixtures.deployment import Deployment, story


def library(deployment: Deployment, count: int) -> list[str]:
    """Small novels, ingested and known to the sensor."""
    names = [f"novel-{number:02}" for number in range(count)]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(chapters=1, paragraphs=2, seed=number))
    assert deployment.ingest(*names).success
    digests = ingested_digests(deployment.engine)
    files = [SourceFile("text", f"{name}.txt", name, 1, 1, digests[name].text) for name in names]
    save_source_files(deployment.engine, files)
    return names


def lose_vectors(deployment: Deployment, *novels: str) -> None:
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM embeddings_1 WHERE content_hash IN (SELECT content_hash FROM chunks c"
            " JOIN novels n ON n.id = c.novel_id WHERE n.novel = ANY(%s))",
            (list(novels),),
        )


def say_launch(deployment: Deployment) -> str:
    graph = deployment.definitions.resolve_asset_graph()
    return launch(deployment.instance, graph, DatabaseResource(deployment.settings))


def test_scattered_novels_that_lack_something_make_few_runs_with_whole_ones_taken_along(deployment: Deployment):
    names = library(deployment, 9)
    lose_vectors(deployment, *names[::2])
    wanted, taken = choose(DatabaseResource(deployment.settings), names, busy=(), most_runs=2)
    assert wanted == names[::2]
    assert set(wanted) <= set(taken)
    assert (count_runs(wanted, names), count_runs(taken, names)) == (5, 2)


def test_a_novel_that_is_refused_gone_or_at_work_is_never_taken_along(deployment: Deployment):
    names = library(deployment, 9)
    lose_vectors(deployment, *names[::2])
    refused, gone, busy = names[1], names[3], names[5]
    refuse_novel(deployment.engine, refused, f"{refused}.txt", "0" * 64, "It cannot be read.")
    save_source_files(deployment.engine, [SourceFile("text", f"{refused}.txt", refused, 2, 2, "0" * 64)])
    forget_source_files(deployment.engine, "text", [f"{gone}.txt"])
    wanted, taken = choose(DatabaseResource(deployment.settings), names, busy={busy}, most_runs=1)
    assert set(taken) - set(wanted) == {names[7]}


def test_one_backfill_of_the_whole_chain_is_launched_and_none_beside_it(deployment: Deployment):
    names = library(deployment, 3)
    lose_vectors(deployment, names[0], names[2])
    said = [say_launch(deployment), say_launch(deployment)]
    [backfill] = deployment.instance.get_backfills()
    assert backfill.title == "2 novels that are not whole"
    assert backfill.asset_selection is not None
    assert {key.path[0] for key in backfill.asset_selection} == {"novels", "chapters", "chunks", "text_embeddings"}
    assert said[0] == f"2 novels are not whole: backfill {backfill.backfill_id}."
    assert said[1] == f"The backfill {backfill.backfill_id} is still running, so none is added."


def test_nothing_is_launched_when_every_novel_is_whole(deployment: Deployment):
    library(deployment, 2)
    assert say_launch(deployment) == "Every novel is whole, refused, or at work."
    assert not deployment.instance.get_backfills()


@pytest.fixture
def lamp(deployment: Deployment) -> Deployment:
    """One novel with one picture, ingested and known to the sensor."""
    folder = Path(str(deployment.settings.content)) / "panels" / "lamp"
    folder.mkdir()
    shutil.copy2(Path(str(SAMPLES)) / "panels" / "the-last-lamp" / "chapter1-panel1.png", folder)
    assert deployment.ingest_panels("lamp").success
    resources = {
        "database": DatabaseResource(deployment.settings),
        "content_folder": ContentFolderResource(deployment.settings),
    }
    new_panels_sensor(dg.build_sensor_context(instance=deployment.instance, resources=resources))
    assert say_launch(deployment) == "Every novel is whole, refused, or at work."
    return deployment


def test_panels_whose_run_was_cancelled_before_their_vectors_came_are_taken_up(lamp: Deployment):
    [(table,)] = lamp.rows("SELECT 'embeddings_' || id FROM embedding_spaces WHERE purpose = 'image'")
    with lamp.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {table}")
    said = [say_launch(lamp), say_launch(lamp)]
    [backfill] = lamp.instance.get_backfills()
    assert {key.path[0] for key in backfill.asset_selection} == {"panel_images", "regions", "clip_embeddings"}
    assert said == [
        f"Panels: 1 novel is not whole: backfill {backfill.backfill_id}.",
        f"Panels: The backfill {backfill.backfill_id} is still running, so none is added.",
    ]
    assert choose(DatabaseResource(lamp.settings), ["lamp"], busy={"lamp"}, purpose="image") == ([], [])


def test_panels_that_are_gone_or_still_copied_are_never_taken_along(lamp: Deployment):
    folder = Path(str(lamp.settings.content)) / "panels"
    for number in (1, 2):
        shutil.copytree(folder / "lamp", folder / f"lamp-{number}")
    names = ["lamp-1", "lamp", "lamp-2"]
    save_source_files(lamp.engine, _pictures_of(lamp, "lamp-1", "lamp-2"))
    database = DatabaseResource(lamp.settings)
    assert choose(database, names, (), purpose="image", most_runs=1) == (["lamp-1", "lamp-2"], names)
    [known] = _pictures_of(lamp, "lamp")
    save_source_files(lamp.engine, [SourceFile("panel", known.path, "lamp", 2, 2, None)])
    assert choose(database, names, (), purpose="image", most_runs=1)[1] == ["lamp-1", "lamp-2"]
    forget_source_files(lamp.engine, "panel", [known.path])
    assert choose(database, names, (), purpose="image", most_runs=1)[1] == ["lamp-1", "lamp-2"]


def _pictures_of(deployment: Deployment, *novels: str) -> list[SourceFile]:
    [(path, digest)] = deployment.rows("SELECT path, digest FROM source_files WHERE novel = 'lamp' AND kind = 'panel'")
    return [SourceFile("panel", path.replace("lamp/", f"{novel}/", 1), novel, 1, 1, digest) for novel in novels]
