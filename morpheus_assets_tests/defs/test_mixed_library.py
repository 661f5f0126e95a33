"""A library of novels with and without pictures, pictures without a text, and files that cannot be read."""

import os
import shutil

import dagster as dg
import pytest
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView

from morpheus_assets.defs.partitions import partition_set
from morpheus_assets.defs.sensors.new_content import new_novels_sensor, new_panels_sensor
from morpheus_assets.services.novels import SourcesStillThere, removable, remove_stored
from morpheus_assets_tests.defs.sensors.test_new_content import LONG_AGO, Watcher, drop, drop_panels
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.remembered import Remember


class Library:
    """A deployment whose two content sensors are ticked as the daemon does, and whose runs are executed."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.novels, self.panels = Watcher(deployment, new_novels_sensor), Watcher(deployment, new_panels_sensor)

    def settle(self) -> None:
        """Tick twice, and run what is asked for."""
        for _ in range(2):
            for watcher, job in ((self.novels, "ingest_novels"), (self.panels, "ingest_panels")):
                for novel in watcher.asked_for():
                    self.deployment.run(job, novel)

    def partitions(self, name: str) -> set[str]:
        return set(self.deployment.instance.get_dynamic_partitions(name))

    @property
    def assets(self) -> dict[str, str]:
        """The partition set of each asset that can be materialized."""
        graph = self.deployment.definitions.resolve_asset_graph()
        return {key.to_user_string(): partition_set(graph.get(key).partitions_def)
                for key in graph.materializable_asset_keys if graph.get(key).partitions_def}  # fmt: skip


@pytest.fixture
def library(deployment: Deployment, remember: Remember) -> Library:
    """A novel with a text and pictures, and one with pictures alone."""
    made = Library(deployment)

    def settle() -> tuple[str | None, str | None]:
        drop(deployment, "emma.txt", story(chapters=1))
        for novel in ("emma", "storyboard"):
            drop_panels(deployment, novel, 2)
        made.settle()
        return made.novels.cursor, made.panels.cursor

    made.novels.cursor, made.panels.cursor = remember("library", deployment, settle)
    return made


@pytest.fixture
def mixed(library: Library, remember: Remember) -> Library:
    """Beside them texts without pictures, texts that cannot be read, now or ever, and pictures that cannot."""
    deployment = library.deployment

    def settle() -> tuple[str | None, str | None]:
        torn = drop(deployment, "torn.txt", story(chapters=1, seed=2))
        drop(deployment, "broken.epub", "PK torn")
        folder = deployment.settings.panels_folder / "sketches"
        folder.mkdir()
        (folder / "one.png").write_bytes(b"no picture")
        os.utime(folder / "one.png", (LONG_AGO, LONG_AGO))
        library.settle()
        torn.write_bytes(b"")
        os.utime(torn, (LONG_AGO + 9, LONG_AGO + 9))
        library.settle()
        return library.novels.cursor, library.panels.cursor

    library.novels.cursor, library.panels.cursor = remember("mixed library", deployment, settle)
    return library


@pytest.mark.slow  # every asset of the graph
def test_all_of_every_asset_ends_green_and_leaves_nothing_missing(mixed: Library):
    assert mixed.partitions("novels") == {"emma", "torn"}
    assert mixed.partitions("panels") == {"emma", "storyboard", "sketches"}
    assert mixed.partitions("novels_with_panels") == {"emma"}
    deployment = mixed.deployment
    paid = deployment.inputs
    assert len(mixed.assets) >= 7
    for asset, name in mixed.assets.items():
        result = deployment.materialize(asset, *deployment.instance.get_dynamic_partitions(name))
        assert result.success, (asset, sentences(result))
        assert not missing(mixed, asset, name), asset
    assert deployment.inputs == paid
    stored = deployment.rows("SELECT refused_reason IS NOT NULL, body_length > 0 FROM novels WHERE novel = 'torn'")
    assert stored == [(True, True)]


def test_no_partition_waits_for_one_that_never_comes(mixed: Library):
    """The daemon fails a whole backfill over one: pictures without a text kept every novel from its insight."""
    view = AssetGraphView.for_test(mixed.deployment.definitions, mixed.deployment.instance)
    looked_at = 0
    for asset in mixed.assets:
        key = dg.AssetKey(asset.split("/"))
        for parent in view.asset_graph.get(key).parent_keys:
            _, absent = view.compute_parent_subset_and_required_but_nonexistent_subset(
                parent, view.get_full_subset(key=key)
            )
            assert absent.is_empty, (asset, parent, absent)
            looked_at += 1
    assert looked_at > 10


def missing(library: Library, asset: str, name: str) -> list[str]:
    done = library.deployment.instance.get_materialized_partitions(dg.AssetKey(asset.split("/")))
    return sorted(library.partitions(name) - set(done))


def test_a_refused_file_fails_the_run_that_meets_it_first_and_no_other(deployment: Deployment):
    drop(deployment, "emma.txt", story())
    assert deployment.ingest("emma").success
    drop(deployment, "emma.txt", "", at=LONG_AGO + 1)
    first, second = deployment.ingest("emma"), deployment.ingest("emma")
    assert (first.success, second.success) == (False, True)
    drop(deployment, "emma.txt", "\n \n", at=LONG_AGO + 2)
    assert not deployment.ingest("emma").success, "other bytes are a failure of their own"


def test_the_one_partition_set_of_an_earlier_version_becomes_two_within_two_ticks(library: Library):
    """All keys stood in `novels`, those of panels too, and the sensors kept their cursors."""
    instance = library.deployment.instance
    for novel in library.partitions("panels"):
        instance.delete_dynamic_partition("panels", novel)
    instance.add_dynamic_partitions("novels", ["storyboard"])
    novels, panels = library.novels.cursor, library.panels.cursor
    library.novels, library.panels = (
        Watcher(library.deployment, new_novels_sensor), Watcher(library.deployment, new_panels_sensor)
    )  # fmt: skip
    library.novels.cursor, library.panels.cursor = novels, panels
    asked = [watcher.asked_for() for _ in range(2) for watcher in (library.novels, library.panels)]
    assert asked == [[], [], [], []]
    assert library.partitions("novels") == {"emma"}
    assert library.partitions("panels") == {"emma", "storyboard"}


def test_a_partition_that_a_run_is_over_stays_until_it_has_ended(library: Library):
    instance = library.deployment.instance
    instance.add_dynamic_partitions("novels", ["broken"])
    job = library.deployment.definitions.resolve_job_def("ingest_novels")
    run = instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "broken", "morpheus/kind": "ingest"}
    )
    library.novels.tick()
    assert "broken" in library.partitions("novels")
    instance.report_run_canceled(run)
    library.novels.tick()
    assert "broken" not in library.partitions("novels")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", None], ids=["nobody answers", "none runs"])
def test_removing_a_novel_takes_its_partitions_away_without_dagster_at_the_next_tick(
    library: Library, address: str | None
):
    settings = library.deployment.settings.model_copy(update={"dagster_url": address} if address else {})
    (settings.novels_folder / "emma.txt").unlink()
    shutil.rmtree(settings.panels_folder / "emma")
    said = remove_stored(settings, removable(settings, "emma"))
    assert said.startswith("emma is deleted. Dagster does not answer")
    library.settle()
    assert "emma" not in library.partitions("novels") | library.partitions("panels")


def test_the_panels_of_a_novel_are_removed_alone_when_only_they_are_gone(library: Library):
    settings = library.deployment.settings.model_copy(update={"dagster_url": "http://127.0.0.1:9"})
    with pytest.raises(SourcesStillThere, match=r"emma\.txt and 2 more"):
        removable(settings, "emma")
    shutil.rmtree(settings.panels_folder / "emma")
    plan = removable(settings, "emma")
    assert plan.question == "Delete the 2 panels of emma, whose files are gone? Its text stays."
    remove_stored(settings, plan)
    library.settle()
    assert library.partitions("panels") == {"storyboard"}
    assert "emma" in library.partitions("novels")
    assert library.deployment.rows("SELECT count(*) FROM chunks JOIN novels n ON n.id = novel_id WHERE novel = 'emma'"
                                   ) != [(0,)]  # fmt: skip


def test_the_text_of_a_novel_is_removed_alone_with_all_that_was_made_of_it_when_only_its_file_is_gone(library: Library):
    deployment = library.deployment
    settings = deployment.settings.model_copy(update={"dagster_url": "http://127.0.0.1:9"})
    pages = "SELECT p.path, p.content_hash, p.cut_of, r.content_hash FROM pages p JOIN novels n ON n.id = p.novel_id"
    pages += " LEFT JOIN regions r ON r.page_id = p.id WHERE n.novel = 'emma' ORDER BY 1, 4"
    before = deployment.rows(pages)
    (settings.novels_folder / "emma.txt").unlink()
    library.settle()
    plan = removable(settings, "emma")
    assert plan.question.startswith("Delete the text of emma, whose file is gone: ")
    assert plan.question.endswith("Its 2 panels stay.")
    remove_stored(settings, plan)
    library.settle()
    assert (library.partitions("novels"), "emma" in library.partitions("panels")) == (set(), True)
    assert deployment.rows(pages) == before
    [(number, *stored)] = deployment.rows("SELECT id, body, source_digest, title, language FROM novels"
                                          " WHERE novel = 'emma'")  # fmt: skip
    assert stored == [None, None, None, "und"]
    hanging = deployment.rows(
        "SELECT conrelid::regclass::text, attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid"
        " AND attnum = conkey[1] WHERE contype = 'f' AND confrelid = 'novels'::regclass"
    )
    left = {table for table, column in hanging if deployment.rows(f"SELECT 1 FROM {table} WHERE {column} = {number}")}
    assert left == {"pages"}
    assert not deployment.rows("SELECT 1 FROM novels WHERE strpos(novel, chr(10)) > 0")
    # with the pictures gone too, nothing is left of it
    shutil.rmtree(settings.panels_folder / "emma")
    remove_stored(settings, removable(settings, "emma"))
    assert not deployment.rows("SELECT 1 FROM novels WHERE novel = 'emma'")


def test_a_panel_that_was_taken_out_of_its_folder_is_not_warned_of_for_ever(library: Library):
    folder = library.deployment.settings.panels_folder / "emma"
    sorted(folder.iterdir())[0].unlink()
    library.settle()
    checks = library.deployment.ingest_panels("emma").get_asset_check_evaluations()
    [gone] = [check for check in checks if check.check_name == "no_file_is_gone"]
    assert gone.passed


def test_pictures_that_are_gone_are_said_to_be_so_without_a_word_of_removing_the_novel(deployment: Deployment):
    result = deployment.ingest_panels("dracula")
    assert not result.success
    assert "holds no pictures of the novel 'dracula'" in "\n".join(sentences(result))
    assert "morpheus remove" not in "\n".join(sentences(result))


def sentences(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the steps of a run that failed say."""
    failed = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return [(each.description or "") if each else "" for each in failed]
