import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.defs.assets.text import read_novel
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource, ProvidersResource, SourceMissing
from morpheus_assets_tests.fixtures.deployment import Deployment, story


def put(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)


def test_a_novels_folder_that_cannot_be_listed_is_that_novels_fault_alone(deployment: Deployment):
    put(deployment.settings.panels_folder, "emma/p1.png", "dracula/p1.png")
    content = ContentFolderResource(deployment.settings).in_one_step()
    assert [entry.path for entry in content.panels_of("emma")] == ["emma/p1.png"]
    shutil.rmtree(deployment.settings.panels_folder / "dracula")
    with pytest.raises(SourceMissing, match="dracula cannot be listed"):
        content.panels_of("dracula")


def test_a_novel_without_a_file_says_why_there_is_none(deployment: Deployment):
    put(deployment.settings.novels_folder, "emma.txt", "Emma.md", "scan.djvu")
    content = ContentFolderResource(deployment.settings)
    with pytest.raises(SourceMissing, match="would all become the novel 'emma'"):
        content.novel_files("emma")
    with pytest.raises(SourceMissing, match=r"scan\.djvu is not one of"):
        content.novel_files("scan")
    with pytest.raises(SourceMissing, match="holds no text of the novel 'dracula'"):
        content.novel_files("dracula")


def test_a_file_that_was_filled_after_it_was_listed_is_read_as_it_is(deployment: Deployment):
    file = deployment.drop("emma.txt", "")
    looked_at = read_novel(ContentFolderResource(deployment.settings), "emma")
    file.write_text(story())
    read = looked_at.read()
    assert read.document.text
    assert read.source_digest != looked_at.source_digest
    os.utime(file)
    assert read_novel(ContentFolderResource(deployment.settings), "emma").source_digest == read.source_digest


def test_a_run_may_take_other_values_of_documented_settings_and_others_stay_as_they_are(deployment: Deployment):
    @dg.op
    def look(database: dg.ResourceParam[DatabaseResource], providers: dg.ResourceParam[ProvidersResource]) -> None:
        seen.append((database.settings.reembed_max_cost, providers.settings.requests_in_flight, database.engine))

    @dg.job
    def looking() -> None:
        look()

    seen: list[tuple] = []
    resources = deployment.definitions.resources
    config = {"resources": {"database": {"config": {"reembed_max_cost": 2.5}}}}
    bound = dg.Definitions(jobs=[looking], resources=resources).resolve_job_def("looking")
    assert bound.execute_in_process(run_config=config).success
    assert bound.execute_in_process().success
    assert [each[:2] for each in seen] == [(2.5, 8), (10.0, 8)]
