import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.defs.sensors.new_content import Position, new_novels_sensor, new_panels_sensor
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.store.content.source_files import tombstones
from morpheus_assets_tests.fixtures.deployment import RANGE_END, RANGE_START, Deployment, story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.s3 import Bucket

LONG_AGO = 1_600_000_000


class Watcher:
    """Ticks one sensor as the daemon does: adds the partitions, records the events, keeps the cursor."""

    def __init__(self, deployment: Deployment, sensor: dg.SensorDefinition) -> None:
        self.deployment = deployment
        self.sensor = sensor
        self.cursor: str | None = None

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(
            instance=self.deployment.instance,
            cursor=self.cursor,
            resources={
                "database": DatabaseResource(self.deployment.settings),
                "content_folder": ContentFolderResource(self.deployment.settings),
            },
        )
        result = self.sensor(context)
        if isinstance(result, dg.SensorResult):
            assert not context.cursor_updated, "the daemon refuses a cursor that is given twice"
            self.cursor = result.cursor
            for event in result.asset_events:
                self.deployment.instance.report_runless_asset_event(event)
            for request in result.dynamic_partitions_requests or []:
                self._change(request)
        else:
            self.cursor = context.cursor
        return result

    def _change(self, request: dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest) -> None:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            self.deployment.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        for key in request.partition_keys if isinstance(request, dg.DeleteDynamicPartitionsRequest) else ():
            self.deployment.instance.delete_dynamic_partition(request.partitions_def_name, key)

    def asked_for(self) -> list[str | None]:
        """The partitions that one tick launches runs for."""
        result = self.tick()
        return [run.partition_key for run in result.run_requests or []] if isinstance(result, dg.SensorResult) else []

    def skipped(self) -> str:
        """Why one tick launches nothing."""
        result = self.tick()
        said = result.skip_reason if isinstance(result, dg.SensorResult) else result
        assert said is not None
        return said.skip_message or ""


@pytest.fixture
def novels(deployment: Deployment) -> Watcher:
    return Watcher(deployment, new_novels_sensor)


@pytest.fixture
def panels(deployment: Deployment) -> Watcher:
    return Watcher(deployment, new_panels_sensor)


def drop(deployment: Deployment, name: str, text: str, *, at: int = LONG_AGO) -> Path:
    path = deployment.drop(name, text)
    os.utime(path, (at, at))
    return path


def drop_panels(deployment: Deployment, novel: str, count: int) -> Path:
    folder = deployment.settings.panels_folder / novel
    folder.mkdir()
    pictures = sorted((Path(str(SAMPLES)) / "panels" / "the-last-lamp").iterdir())
    for picture in pictures[:count]:
        shutil.copy2(picture, folder)
    return folder


def test_a_new_file_makes_its_partition_and_a_run_and_only_one(deployment: Deployment, novels: Watcher):
    drop(deployment, "Emma.txt", story())
    assert novels.asked_for() == ["emma"]
    assert deployment.instance.get_dynamic_partitions("novels") == ["emma"]
    assert novels.asked_for() == []
    assert deployment.ingest("emma").success
    assert "nothing new" in novels.skipped()


def test_a_touched_but_identical_file_does_not_run_again(deployment: Deployment, novels: Watcher):
    path = drop(deployment, "emma.txt", story())
    novels.tick()
    deployment.ingest("emma")
    os.utime(path, (LONG_AGO + 99, LONG_AGO + 99))
    assert novels.asked_for() == []


def test_changed_content_runs_the_partition_again_also_back_to_what_it_was(deployment: Deployment, novels: Watcher):
    keys = []
    for number, seed in enumerate([1, 2, 1]):
        drop(deployment, "emma.txt", story(seed=seed), at=LONG_AGO + number)
        result = novels.tick()
        assert isinstance(result, dg.SensorResult)
        keys += [run.run_key for run in result.run_requests or []]
        deployment.ingest("emma")
    assert len(set(keys)) == 3


def test_a_refused_file_is_asked_for_once_and_again_when_it_changes(deployment: Deployment, novels: Watcher):
    drop(deployment, "emma.txt", "")
    assert novels.asked_for() == ["emma"]
    assert not deployment.ingest("emma").success
    assert novels.asked_for() == []
    drop(deployment, "emma.txt", story(), at=LONG_AGO + 1)
    assert novels.asked_for() == ["emma"]


@pytest.mark.slow
def test_a_thousand_new_novels_are_taken_in_one_tick_and_share_runs(deployment: Deployment, novels: Watcher):
    names = [f"novel-{number:04}" for number in range(1000)]
    for name in names:
        drop(deployment, f"{name}.txt", f"CHAPTER 1\n\n{name}\n")
    result = novels.tick()
    assert isinstance(result, dg.SensorResult)
    runs = result.run_requests or []
    assert sorted(deployment.instance.get_dynamic_partitions("novels")) == names
    assert len(runs) == 20
    starts = sorted((run.tags[RANGE_START], run.tags[RANGE_END]) for run in runs)
    assert starts[0] == ("novel-0000", "novel-0049")
    assert starts[-1] == ("novel-0950", "novel-0999")
    assert novels.asked_for() == []


def test_a_folder_that_cannot_be_read_skips_with_its_reason_and_marks_nothing_as_gone(
    deployment: Deployment, novels: Watcher, fault_row: FaultRow
):
    drop(deployment, "emma.txt", story())
    novels.tick()
    folder = deployment.settings.novels_folder
    folder.rename(folder.with_name("away"))
    said = novels.skipped()
    assert "cannot be read" in said
    folder.mkdir()
    empty = novels.skipped()
    assert "unmounted" in empty
    gone = tombstones(deployment.engine)
    assert gone == []
    fault_row("the content folder is not there", sentence=said, lost=len(gone))
    fault_row("the content folder is empty, for its disk is not mounted", sentence=empty, lost=len(gone))


def test_a_database_that_is_down_skips_with_one_sentence(deployment: Deployment, novels: Watcher, fault_row: FaultRow):
    drop(deployment, "emma.txt", story())
    deployment.settings.database_url = type(deployment.settings.openai_api_key)("postgresql://u:p4ss@127.0.0.1:1/x")
    reason = novels.skipped()
    assert "No Postgres answers" in reason
    assert "p4ss" not in reason
    fault_row("the database is away at a sensor's tick", sentence=reason)


def test_a_removed_file_leaves_a_tombstone_and_everything_that_is_stored(deployment: Deployment, novels: Watcher):
    path = drop(deployment, "emma.txt", story())
    drop(deployment, "dracula.txt", story(seed=2))
    novels.tick()
    deployment.ingest("emma")
    path.unlink()
    novels.tick()
    assert [(stone.novel, stone.path) for stone in tombstones(deployment.engine)] == [("emma", "emma.txt")]
    assert deployment.rows("SELECT count(*) > 0 FROM chunks") == [(True,)]
    drop(deployment, "emma.txt", story())
    assert novels.asked_for() == []
    assert tombstones(deployment.engine) == []


def test_a_removed_file_shows_in_the_check_of_the_asset(deployment: Deployment, novels: Watcher):
    path = drop(deployment, "emma.txt", story())
    drop(deployment, "dracula.txt", story(seed=2))
    novels.tick()
    deployment.ingest("emma")
    path.unlink()
    novels.tick()
    result = deployment.ingest("dracula")
    [check] = [found for found in result.get_asset_check_evaluations() if found.check_name == "no_file_is_gone"]
    assert not check.passed
    assert "morpheus remove emma" in str(check.metadata["list"].records)


def test_one_more_panel_runs_the_panels_of_its_novel_and_embeds_only_the_new_one(
    deployment: Deployment, panels: Watcher
):
    folder = drop_panels(deployment, "emma", 3)
    assert panels.asked_for() == ["emma"]
    assert deployment.ingest_panels("emma").success
    assert "nothing new" in panels.skipped()
    first = deployment.rows("SELECT content_hash, xmin::text FROM embeddings_1 ORDER BY 1")
    shutil.copy2(Path(str(SAMPLES)) / "panels" / "the-last-lamp" / "chapter6-panel2.png", folder)
    assert panels.asked_for() == ["emma"]
    assert deployment.ingest_panels("emma").success
    assert len(first) == 3
    after = deployment.rows("SELECT content_hash, xmin::text FROM embeddings_1 ORDER BY 1")
    assert set(first) < set(after)
    assert len(after) == 4


def test_a_novel_may_have_panels_only(deployment: Deployment, panels: Watcher, novels: Watcher):
    drop_panels(deployment, "storyboard", 2)
    assert panels.asked_for() == ["storyboard"]
    assert deployment.ingest_panels("storyboard").success
    assert novels.asked_for() == []


def test_a_file_that_is_not_read_is_warned_of_once_and_named_at_each_tick(
    deployment: Deployment, novels: Watcher, panels: Watcher
):
    deployment.drop("scan.djvu", "x")
    folder = drop_panels(deployment, "emma", 1)
    (folder / "notes.docx").write_bytes(b"x")
    assert "scan.djvu" in novels.skipped()
    panels.tick()
    told = [Position.read(watcher.cursor).told for watcher in (novels, panels)]
    assert all(told)
    assert "scan.djvu" in novels.skipped()
    panels.tick()
    assert [Position.read(watcher.cursor).told for watcher in (novels, panels)] == told
    deployment.drop("more.djvu", "x")
    novels.tick()
    assert Position.read(novels.cursor).told != told[0]


# What sensors stored before there was one form for folder and bucket. LAMP is the text, FOLDERS its version by sha256
# and time, as a local folder has it.
LAMP = "CHAPTER 1\n\nThe lamp went out.\n"
FOLDERS = "f9f793587a084c59:1600000000000000000"


@pytest.mark.parametrize(
    ("stored", "position"),
    [
        (None, Position()),
        ("", Position()),
        ("{}", Position()),
        ('{"emma": "f9f793587a084c59:16"}', Position({"emma": "f9f793587a084c59:16"})),
        ('{"asked": "f9f793587a084c59:16"}', Position({"asked": "f9f793587a084c59:16"})),
        ('{"asked": {"emma": "a:1"}, "after": null}', Position({"emma": "a:1"})),
        ('{"asked": {"emma": "a:1"}, "after": "emma/p1.png"}', Position({"emma": "a:1"}, "emma/p1.png")),
        ('{"asked": {"after": "a:1"}, "after": "b"}', Position({"after": "a:1"}, "b")),
    ],
)
def test_the_cursors_of_all_former_forms_are_read(stored: str | None, position: Position):
    assert Position.read(stored) == position
    assert Position.read(position.written()) == position


def test_what_a_local_folder_asked_for_before_is_not_asked_for_again(deployment: Deployment, novels: Watcher):
    drop(deployment, "emma.txt", LAMP)
    novels.cursor = f'{{"emma": "{FOLDERS}"}}'
    assert "1 file, nothing new; 1 novel asked for earlier" in novels.skipped()
    drop(deployment, "dracula.txt", LAMP)
    assert novels.asked_for() == ["dracula"]


def test_a_local_folder_goes_on_with_the_cursor_of_a_bucket_and_lists_all_of_it(
    deployment: Deployment, novels: Watcher
):
    drop(deployment, "emma.txt", LAMP)
    drop(deployment, "alpha.txt", LAMP)
    novels.cursor = f'{{"asked": {{"emma": "{FOLDERS}"}}, "after": "dracula.txt"}}'
    assert novels.asked_for() == ["alpha"]


def test_a_bucket_goes_on_with_the_cursor_of_a_local_folder(deployment: Deployment, bucket: Bucket):
    novels = Watcher(deployment.with_settings(content=bucket.url), new_novels_sensor)
    bucket.put("novels/emma.txt", LAMP)
    assert novels.asked_for() == ["emma"]
    version = Position.read(novels.cursor).asked["emma"]
    novels.cursor = f'{{"emma": "{version}"}}'
    assert novels.asked_for() == []
    novels.cursor = f'{{"emma": "{FOLDERS}"}}'
    assert novels.asked_for() == ["emma"]


def test_a_bucket_goes_on_behind_the_path_where_the_last_tick_stopped(deployment: Deployment, bucket: Bucket):
    novels = Watcher(deployment.with_settings(content=bucket.url), new_novels_sensor)
    for name in ("alpha", "dracula", "emma"):
        bucket.put(f"novels/{name}.txt", LAMP)
    novels.cursor = '{"asked": {}, "after": "dracula.txt"}'
    assert novels.asked_for() == ["emma"]
    assert novels.asked_for() == ["alpha", "dracula"]


def test_a_deployment_that_moves_from_a_bucket_to_an_empty_folder_marks_nothing(
    deployment: Deployment, bucket: Bucket, novels: Watcher
):
    there = Watcher(deployment.with_settings(content=bucket.url), new_novels_sensor)
    bucket.put("novels/emma.txt", LAMP)
    assert there.asked_for() == ["emma"]
    novels.cursor = there.cursor
    assert "is empty although" in novels.skipped()
    assert tombstones(deployment.engine) == []


def test_after_a_loss_of_dagsters_database_partitions_come_back_and_nothing_is_paid_again(
    deployment: Deployment, novels: Watcher, fault_row: FaultRow
):
    for name in ("emma", "dracula", "carmilla"):
        drop(deployment, f"{name}.txt", story(seed=len(name)))
    for novel in sorted(filter(None, novels.asked_for())):
        assert deployment.ingest(novel).success
    paid = deployment.inputs
    with dg.DagsterInstance.ephemeral() as fresh:
        after = Deployment(deployment.settings, deployment.engine, fresh, deployment.server)
        watcher = Watcher(after, new_novels_sensor)
        assert watcher.asked_for() == []
        assert sorted(fresh.get_dynamic_partitions("novels")) == ["carmilla", "dracula", "emma"]
        assert watcher.asked_for() == []
        said = watcher.skipped()
        assert "nothing new" in said
        assert deployment.inputs == paid
        lost = 3 - len(fresh.get_dynamic_partitions("novels"))
        paid_twice = deployment.inputs - paid
        fault_row("Dagster's database is lost", sentence=said, lost=lost, paid_twice=paid_twice)

        moved = after.with_settings(text_spaces="openai/text-embedding-3-small@128")
        assert moved.ingest(*sorted(fresh.get_dynamic_partitions("novels"))).success
        assert deployment.inputs == 2 * paid
        # a novel whose file changed meanwhile runs once
        drop(deployment, "emma.txt", story(seed=99), at=LONG_AGO + 60)
        assert Watcher(moved, new_novels_sensor).asked_for() == ["emma"]
