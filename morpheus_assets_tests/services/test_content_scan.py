"""The sensors and runs of a deployment whose content lies in a bucket of a real S3 server."""

import json
from pathlib import Path

import pytest

from morpheus_assets.defs.sensors.new_content import new_novels_sensor, new_panels_sensor
from morpheus_assets.services.content_scan import Look, look_at_objects, panels_at_address
from morpheus_assets.services.novels import SourcesStillThere, removable
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.sources.names import object_folders, take_panel
from morpheus_assets.sources.objects import ObjectPlace
from morpheus_assets.sources.panel_files import read_panel
from morpheus_assets.store.content.source_files import changed_panel_sets, load_source_files, tombstones
from morpheus_assets_tests.defs.sensors.test_new_content import Watcher
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, story
from morpheus_assets_tests.fixtures.s3 import Bucket, S3Process

PICTURES = sorted((Path(str(SAMPLES)) / "panels" / "the-last-lamp").iterdir())


@pytest.fixture
def in_bucket(deployment: Deployment, bucket: Bucket) -> Deployment:
    return deployment.with_settings(content=bucket.url)


@pytest.fixture
def novels(in_bucket: Deployment) -> Watcher:
    return Watcher(in_bucket, new_novels_sensor)


@pytest.fixture
def panels(in_bucket: Deployment) -> Watcher:
    return Watcher(in_bucket, new_panels_sensor)


def put_panels(bucket: Bucket, folder: str, first: int, end: int) -> None:
    for picture in PICTURES[first:end]:
        bucket.put(f"panels/{folder}/{picture.name}", picture.read_bytes())


def test_a_new_novel_in_a_bucket_is_noticed_ingested_and_left_alone_until_it_changes(
    in_bucket: Deployment, bucket: Bucket, novels: Watcher
):
    bucket.put("novels/Emma.txt", story())
    bucket.put("novels/scan.djvu", "x")
    bucket.put("novels/deep/er.txt", "x")
    bucket.put("novels/.hidden.txt", "x")
    assert novels.asked_for() == ["emma"]
    assert in_bucket.ingest("emma").success
    assert in_bucket.rows("SELECT count(*) > 0 FROM chunks") == [(True,)]
    reason = novels.skipped()
    assert "1 objects on 1 pages, nothing new" in reason
    assert "scan.djvu is not one of" in reason
    assert "deep is not a file" in reason
    bucket.put("novels/Emma.txt", story())
    assert novels.asked_for() == []
    bucket.put("novels/Emma.txt", story(seed=2))
    bucket.requests()
    assert novels.asked_for() == ["emma"]
    assert set(bucket.requests()) == {"LIST"}
    assert in_bucket.ingest("emma").success
    bucket.requests()
    assert in_bucket.ingest("emma").success
    assert set(bucket.requests()) == {"LIST"}
    bucket.put("novels/emma.md", story())
    assert "would all become the novel 'emma'" in novels.skipped()
    assert "would all become the novel 'emma'" in failure_of(in_bucket.ingest("emma"))


def test_panels_in_a_bucket_become_rows_vectors_and_pictures(in_bucket: Deployment, bucket: Bucket, panels: Watcher):
    put_panels(bucket, "Emma", 0, 3)
    bucket.put("panels/Emma/broken.png", "no picture")
    bucket.put("panels/loose.png", "x")
    assert panels.asked_for() == ["emma"]
    assert in_bucket.ingest_panels("emma").success
    assert in_bucket.rows("SELECT state, count(*) FROM panels GROUP BY 1 ORDER BY 1") == [("refused", 1), ("stored", 3)]
    reason = panels.skipped()
    assert "nothing new" in reason
    assert "loose.png lies beside the novels' folders" in reason
    first = in_bucket.rows("SELECT content_hash, xmin::text FROM embeddings_1")
    put_panels(bucket, "Emma", 3, 4)
    assert panels.asked_for() == ["emma"]
    assert in_bucket.ingest_panels("emma").success
    after = in_bucket.rows("SELECT content_hash, xmin::text FROM embeddings_1")
    assert (len(first), len(after), set(first) < set(after)) == (3, 4, True)
    [(path, value)] = in_bucket.rows("SELECT path, content_hash FROM panels WHERE state = 'stored' LIMIT 1")
    shown = read_panel(ObjectPlace(f"{bucket.url}/panels"), "emma", path, bytes(value), 10**6)
    assert shown in [picture.read_bytes() for picture in PICTURES[:4]]
    with pytest.raises(SourcesStillThere, match=r"s3://.*panels/Emma/broken\.png and 4 more"):
        removable(in_bucket.settings, "emma")


def test_what_is_deleted_leaves_tombstones_and_an_empty_bucket_leaves_nothing_marked(
    in_bucket: Deployment, bucket: Bucket, novels: Watcher
):
    for name in ("emma", "dracula"):
        bucket.put(f"novels/{name}.txt", story())
    novels.tick()
    bucket.delete("novels/emma.txt")
    novels.tick()
    assert [stone.path for stone in tombstones(in_bucket.engine)] == ["emma.txt"]
    bucket.put("novels/emma.txt", story())
    novels.tick()
    assert tombstones(in_bucket.engine) == []
    bucket.delete("novels/emma.txt")
    bucket.delete("novels/dracula.txt")
    assert "is empty although" in novels.skipped()
    assert tombstones(in_bucket.engine) == []
    assert len(load_source_files(in_bucket.engine, "text")) == 2


def test_a_listing_that_comes_back_short_marks_and_removes_nothing(
    in_bucket: Deployment, bucket: Bucket, panels: Watcher, s3_process: S3Process
):
    put_panels(bucket, "emma", 0, 3)
    assert panels.asked_for() == ["emma"]
    assert in_bucket.materialize("panel_images", "emma").success
    lost = f"library/panels/emma/{PICTURES[1].name}"
    for counted in ("", "1"):
        s3_process.tell("lose", prefix=lost, counted=counted)
        assert "came back short" in panels.skipped()
        result = in_bucket.materialize("panel_images", "emma")
        assert "came back short" in failure_of(result)
        s3_process.tell("reset")
    assert tombstones(in_bucket.engine) == []
    assert in_bucket.rows("SELECT count(*) FROM panels") == [(3,)]
    assert "nothing new" in panels.skipped()


def test_a_store_that_is_down_is_one_sentence_and_the_next_tick_goes_on(
    in_bucket: Deployment, bucket: Bucket, novels: Watcher, s3_process: S3Process, monkeypatch: pytest.MonkeyPatch
):
    from s3fs import S3FileSystem

    bucket.put("novels/emma.txt", story())
    novels.tick()
    assert in_bucket.ingest("emma").success
    cursor = novels.cursor
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    S3FileSystem.clear_instance_cache()
    reason = novels.skipped()
    assert "does not answer" in reason
    assert "AWS_ENDPOINT_URL_S3" in reason
    assert "not-a-secret" not in reason
    assert novels.cursor == cursor
    assert "AWS_ENDPOINT_URL_S3" in failure_of(in_bucket.ingest("emma"))
    assert in_bucket.rows("SELECT count(*) > 0, max(refused_reason) FROM chunks, novels") == [(True, None)]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_process.url)
    S3FileSystem.clear_instance_cache()
    assert "nothing new" in novels.skipped()
    assert tombstones(in_bucket.engine) == []


def test_a_folder_for_a_key_that_another_has_is_named_and_marks_nothing_as_lost(
    in_bucket: Deployment, bucket: Bucket, panels: Watcher
):
    bucket.put("panels/Emma/p1.png", "x")
    assert panels.asked_for() == ["emma"]
    bucket.put("panels/emma/p1.png", "x")
    assert "emma and Emma would both become the novel 'emma'" in panels.skipped()
    assert tombstones(in_bucket.engine) == []


def look(deployment: Deployment, place: ObjectPlace, after: str | None = None, seconds: float = 60) -> Look:
    owners, _ = object_folders(place)
    return look_at_objects(
        deployment.engine, place, "panel", lambda entry: take_panel(entry, owners), after=after, seconds=seconds
    )


def test_many_panels_are_taken_page_by_page_over_several_looks_and_ten_new_ones_are_found(
    in_bucket: Deployment, bucket: Bucket, s3_process: S3Process
):
    s3_process.tell("seed", bucket=bucket.name, prefix="library/panels", novels=5, panels=500)
    place = ObjectPlace(f"{bucket.url}/panels", page_size=250)
    after: str | None = None
    looks = 0
    while looks == 0 or after is not None:
        seen = look(in_bucket, place, after, seconds=0)
        assert seen.pages * 250 == seen.objects == seen.changed
        after, looks = seen.after, looks + 1
    assert looks > 1
    bucket.requests()
    idle = look(in_bucket, place)
    assert (idle.objects, idle.changed, idle.gone, idle.after) == (2500, 0, 0, None)
    s3_process.tell("seed", bucket=bucket.name, prefix="library/panels", novels=5, panels=2, start=500)
    bucket.delete("panels/novel-002/page-0100.png")
    bucket.requests()
    found = look(in_bucket, place)
    assert (found.objects, found.changed, found.gone) == (2509, 10, 1)
    asked = bucket.requests()
    assert asked.get("GET", 0) == 0
    assert asked["HEAD"] == 1
    assert asked["LIST"] <= 22
    assert len(tombstones(in_bucket.engine)) == 1


def test_the_servers_digest_of_a_novels_panels_is_the_one_that_runs_store(in_bucket: Deployment, bucket: Bucket):
    from morpheus_assets.services.ingest_plan import panels_digest

    for name in ("b é.png", "a/2.png", "a/10.png", "Z.png"):
        bucket.put(f"panels/emma/{name}", name)
    look(in_bucket, ObjectPlace(f"{bucket.url}/panels"))
    files = load_source_files(in_bucket.engine, "panel").values()
    expected = panels_digest((file.path, file.digest or "") for file in files)
    [(novel, digest, latest)] = changed_panel_sets(in_bucket.engine)
    assert (novel, digest, latest) == ("emma", expected, max(file.mtime_ns for file in files))


def test_a_novel_is_not_asked_for_while_a_look_has_seen_half_of_its_folder(in_bucket: Deployment, bucket: Bucket):
    for folder, names in {"alpha": "ab", "beta": "abc"}.items():
        for name in names:
            bucket.put(f"panels/{folder}/{name}.png", name)
    place = ObjectPlace(f"{bucket.url}/panels", page_size=2)
    asked: list[list[str]] = []
    after: str | None = None
    for _ in range(3):
        seen, stale = panels_at_address(place, in_bucket.engine, after, seconds=0)
        asked.append([item.novel for item in stale])
        after = seen.after
    assert asked == [[], ["alpha"], ["alpha", "beta"]]


def test_the_cursor_of_a_sensor_stays_small_and_survives_a_move_from_a_local_folder(
    in_bucket: Deployment, bucket: Bucket, novels: Watcher
):
    novels.cursor = json.dumps({"emma": "a:1"})
    bucket.put("novels/emma.txt", story())
    assert novels.asked_for() == ["emma"]
    position = json.loads(novels.cursor)
    assert set(position) == {"asked", "after"}
    assert position["after"] is None
    assert len(novels.cursor) < 100
    local = Watcher(
        in_bucket.with_settings(content=Path(in_bucket.settings.data_folder).parent / "content"), novels.sensor
    )
    local.cursor = novels.cursor
    assert "is empty although" in local.skipped()
