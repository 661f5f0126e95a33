"""Scans, sensors and runs over content in a bucket of a real S3 server; scans of a local folder beside it."""

import json
import os
from pathlib import Path

import pytest

from morpheus_assets.defs.sensors.new_content import new_novels_sensor, new_panels_sensor
from morpheus_assets.domain.content import SourceFile
from morpheus_assets.images.page_version import CUT_VERSION
from morpheus_assets.services.content_location import novels_source, panels_source
from morpheus_assets.services.content_scan import Scan, scan_novels, scan_panels, scan_source
from morpheus_assets.services.ingest_plan import stale_panels, unfinished
from morpheus_assets.services.novels import SourcesStillThere, removable
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.sources.base import ContentUnreadable, Source
from morpheus_assets.sources.listing import panel_owners, read_panel
from morpheus_assets.sources.local import LocalSource
from morpheus_assets.sources.names import files_digest, take_panel
from morpheus_assets.sources.objects import ObjectSource
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.content.source_files import (
    changed_panel_sets,
    load_source_files,
    save_source_files,
    tombstones,
)
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
    bucket.put("novels/deep/er.mobi", "x")
    bucket.put("novels/.hidden.txt", "x")
    assert novels.asked_for() == ["emma"]
    assert in_bucket.ingest("emma").success
    assert in_bucket.rows("SELECT count(*) > 0 FROM chunks") == [(True,)]
    reason = novels.skipped()
    assert "1 file, nothing new" in reason
    assert "scan.djvu is not one of" in reason
    assert "deep/er.mobi is not one of" in reason
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
    assert in_bucket.rows("SELECT state, count(*) FROM pages GROUP BY 1 ORDER BY 1") == [("refused", 1), ("stored", 3)]
    reason = panels.skipped()
    assert "nothing new" in reason
    assert "loose.png lies beside the novels' folders" in reason
    first = in_bucket.rows("SELECT content_hash, xmin::text FROM embeddings_1")
    put_panels(bucket, "Emma", 3, 4)
    assert panels.asked_for() == ["emma"]
    assert in_bucket.ingest_panels("emma").success
    after = in_bucket.rows("SELECT content_hash, xmin::text FROM embeddings_1")
    assert (len(first), len(after), set(first) < set(after)) == (3, 4, True)
    [(path, value)] = in_bucket.rows("SELECT path, content_hash FROM pages WHERE state = 'stored' LIMIT 1")
    shown = read_panel(ObjectSource(f"{bucket.url}/panels"), "emma", path, bytes(value), 10**6)
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
    assert in_bucket.rows("SELECT count(*) FROM pages") == [(3,)]
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


def scan(deployment: Deployment, source: Source, after: str | None = None, seconds: float = 60) -> Scan:
    owners, _ = panel_owners(source)
    return scan_source(
        deployment.engine, source, "panel", lambda entry: take_panel(entry, owners), after, seconds=seconds
    )


def test_a_folder_of_chapters_in_a_bucket_is_read_like_any_novel(
    in_bucket: Deployment, bucket: Bucket, novels: Watcher
):
    first, second, third = (story(chapters=1, seed=seed) for seed in (1, 2, 3))
    for name, text in (("1", first), ("2", second), ("10", third)):
        bucket.put(f"novels/Emma Two/{name}.txt", text)
    assert novels.asked_for() == ["emma-two"]
    assert in_bucket.ingest("emma-two").success
    [(body, title, path)] = in_bucket.rows("SELECT body, title, source_path FROM novels")
    assert [body.index(text[:40]) for text in (first, second, third)] == sorted(
        body.index(text[:40]) for text in (first, second, third)
    )
    assert (title, path) == ("Emma Two", "Emma Two/")
    assert in_bucket.rows("SELECT count(*) FROM chapters") == [(3,)]
    assert novels.asked_for() == []
    bucket.requests()
    assert in_bucket.ingest("emma-two").success
    assert set(bucket.requests()) == {"LIST"}
    bucket.put("novels/Emma Two/3.txt", "")
    assert novels.asked_for() == ["emma-two"]
    assert "3.txt is empty (0 bytes)" in failure_of(in_bucket.ingest("emma-two"))
    assert in_bucket.rows("SELECT count(*) FROM chapters") == [(3,)]
    # asked for once, until something changes
    assert novels.asked_for() == []
    bucket.delete("novels/Emma Two/3.txt")
    assert in_bucket.ingest("emma-two").success


def test_many_panels_are_taken_page_by_page_over_several_scans_and_ten_new_ones_are_found(
    in_bucket: Deployment, bucket: Bucket, s3_process: S3Process
):
    s3_process.tell("seed", bucket=bucket.name, prefix="library/panels", novels=5, panels=500)
    source = ObjectSource(f"{bucket.url}/panels", page_size=250)
    after: str | None = None
    scans = 0
    while scans == 0 or after is not None:
        seen = scan(in_bucket, source, after, seconds=0)
        assert seen.pages * 250 == seen.files == seen.changed
        after, scans = seen.after, scans + 1
    assert scans > 1
    bucket.requests()
    idle = scan(in_bucket, source)
    assert (idle.files, idle.changed, idle.gone, idle.after) == (2500, 0, 0, None)
    s3_process.tell("seed", bucket=bucket.name, prefix="library/panels", novels=5, panels=2, start=500)
    bucket.delete("panels/novel-002/page-0100.png")
    bucket.requests()
    found = scan(in_bucket, source)
    assert (found.files, found.changed, found.gone) == (2509, 10, 1)
    asked = bucket.requests()
    assert asked.get("GET", 0) == 0
    assert asked["HEAD"] == 1
    assert asked["LIST"] <= 22
    assert len(tombstones(in_bucket.engine)) == 1


def test_the_servers_digest_of_a_novels_panels_is_the_one_that_runs_store(in_bucket: Deployment, bucket: Bucket):
    for name in ("b é.png", "a/2.png", "a/10.png", "Z.png"):
        bucket.put(f"panels/emma/{name}", name)
    scan(in_bucket, ObjectSource(f"{bucket.url}/panels"))
    files = load_source_files(in_bucket.engine, "panel").values()
    expected = files_digest((file.path, file.digest or "") for file in files)
    [(novel, digest, latest, _)] = changed_panel_sets(in_bucket.engine, CUT_VERSION)
    assert (novel, digest, latest) == ("emma", expected, max(file.mtime_ns for file in files))


def test_a_novel_is_not_asked_for_while_a_scan_has_seen_half_of_its_folder(in_bucket: Deployment, bucket: Bucket):
    for folder, names in {"alpha": "ab", "beta": "abc"}.items():
        for name in names:
            bucket.put(f"panels/{folder}/{name}.png", name)
    source = ObjectSource(f"{bucket.url}/panels", page_size=2)
    asked: list[list[str]] = []
    after: str | None = None
    for _ in range(3):
        seen = scan_panels(in_bucket.engine, source, after, seconds=0)
        asked.append([item.novel for item in seen.stale])
        after = seen.after
    assert asked == [[], ["alpha"], ["alpha", "beta"]]


def test_the_cursor_of_a_sensor_stays_small(in_bucket: Deployment, bucket: Bucket, novels: Watcher):
    bucket.put("novels/emma.txt", story())
    assert novels.asked_for() == ["emma"]
    position = json.loads(novels.cursor or "")
    assert set(position) == {"asked", "after", "recorded"}
    assert position["after"] is None
    assert len(novels.cursor or "") - len(position["recorded"]) < 100


def test_a_novel_is_stale_whose_panels_are_others_than_ingested_whatever_their_order(in_bucket: Deployment):
    def panel(novel: str, name: str, digest: str | None) -> SourceFile:
        return SourceFile("panel", f"{novel}/{name}", novel, 10, 1, digest)

    files = [panel("emma", "2.png", "b"), panel("emma", "1.png", "a")]
    digest = files_digest((file.path, file.digest or "") for file in reversed(files))
    replace_panels(in_bucket.engine, "emma", [], panels_digest=digest)
    save_source_files(in_bucket.engine, files)
    assert stale_panels(in_bucket.engine) == []
    save_source_files(in_bucket.engine, [panel("emma", "3.png", "c"), panel("dracula", "1.png", "a")])
    assert [item.novel for item in stale_panels(in_bucket.engine)] == ["dracula", "emma"]
    save_source_files(in_bucket.engine, [panel("emma", "4.png", None)])
    assert [item.novel for item in stale_panels(in_bucket.engine)] == ["dracula"]


class Content:
    """What lies in a deployment's content, put there and deleted by hand."""

    def __init__(self, deployment: Deployment, bucket: Bucket | None) -> None:
        self.deployment, self.bucket = deployment, bucket

    def put(self, path: str, text: str) -> None:
        if self.bucket:
            self.bucket.put(path, text)
            return
        file = Path(self.deployment.settings.content) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (1_600_000_000, 1_600_000_000))

    def delete(self, path: str) -> None:
        if self.bucket:
            self.bucket.delete(path)
        else:
            (Path(self.deployment.settings.content) / path).unlink()

    def novels(self) -> Scan:
        return scan_novels(self.deployment.engine, novels_source(self.deployment.settings))

    def panels(self) -> Scan:
        return scan_panels(self.deployment.engine, panels_source(self.deployment.settings))

    def lost(self) -> list[str]:
        return [stone.path for stone in tombstones(self.deployment.engine)]


@pytest.fixture(params=["folder", "bucket"])
def content(request: pytest.FixtureRequest, deployment: Deployment) -> Content:
    if request.param == "folder":
        return Content(deployment, None)
    bucket = request.getfixturevalue("bucket")
    return Content(deployment.with_settings(content=bucket.url), bucket)


def test_a_scan_counts_what_is_new_changed_and_gone_in_folder_and_bucket_alike(content: Content):
    for name in ("emma", "dracula", "ulysses"):
        content.put(f"novels/{name}.txt", "one")
    first = content.novels()
    assert (first.files, first.changed, first.gone) == (3, 3, 0)
    assert [item.novel for item in first.stale] == ["dracula", "emma", "ulysses"]
    assert (content.novels().changed, content.lost()) == (0, [])
    content.put("novels/emma.txt", "second")
    content.delete("novels/dracula.txt")
    second = content.novels()
    assert (second.files, second.changed, second.gone, second.after) == (2, 1, 1, None)
    assert content.lost() == ["dracula.txt"]
    content.put("novels/dracula.txt", "one")
    assert content.novels().changed == 1
    assert content.lost() == []


def test_nothing_is_read_by_a_scan_that_finds_nothing_new(content: Content):
    for name in ("p1.png", "p2.png"):
        content.put(f"panels/emma/{name}", name)
    assert content.panels().changed == 2
    if content.bucket:
        content.bucket.requests()
    else:
        # other bytes of the same size and time: a scan that read the file would see them
        content.put("panels/emma/p1.png", "P1.PNG")
    assert content.panels().changed == 0
    assert set(content.bucket.requests() if content.bucket else {"LIST"}) == {"LIST"}


def test_two_files_for_one_key_are_named_and_neither_is_stale_until_one_of_them_goes(content: Content):
    content.put("novels/emma.txt", "one")
    assert [item.novel for item in content.novels().stale] == ["emma"]
    content.put("novels/Emma.md", "other")
    scan = content.novels()
    assert set(scan.problems) == {"emma.txt", "Emma.md"}
    assert scan.stale == []
    assert unfinished(content.deployment.engine, content.deployment.settings, "text", ["emma"]) == set()
    content.delete("novels/Emma.md")
    scan = content.novels()
    assert (scan.problems, [item.novel for item in scan.stale]) == ({}, ["emma"])
    assert content.lost() == []


def test_a_novel_in_another_format_has_lost_nothing(content: Content):
    content.put("novels/emma.txt", "one")
    content.novels()
    content.delete("novels/emma.txt")
    content.put("novels/emma.md", "one")
    assert content.novels().gone == 1
    assert content.lost() == []
    content.put("novels/dracula.txt", "one")
    content.delete("novels/emma.md")
    content.novels()
    assert content.lost() == ["emma.md"]


def test_a_folder_of_chapters_is_one_novel_from_its_first_file_to_its_tombstone(content: Content):
    for number in (1, 2, 10):
        content.put(f"novels/Emma/{number}.txt", "one")
    content.put("novels/Emma/cover.jpg", "picture")
    content.put("novels/dracula.txt", "one")
    first = content.novels()
    assert (first.files, [item.novel for item in first.stale], first.problems) == (4, ["emma", "dracula"], {})
    before = first.stale[0].version
    content.put("novels/Emma/2.txt", "another")
    changed = content.novels()
    assert (changed.changed, [item.novel for item in changed.stale]) == (1, ["emma", "dracula"])
    content.delete("novels/Emma/10.txt")
    content.put("novels/Emma/03.txt", "one")
    renamed = content.novels()
    assert content.lost() == []
    assert len({before, changed.stale[0].version, renamed.stale[0].version}) == 3
    for number in ("1", "2", "03"):
        content.delete(f"novels/Emma/{number}.txt")
    content.novels()
    assert content.lost() == ["Emma/"]
    content.put("novels/Emma/1.txt", "one")
    content.novels()
    assert content.lost() == []


def test_a_folder_of_chapters_is_not_asked_for_while_a_scan_has_seen_half_of_it(in_bucket: Deployment, bucket: Bucket):
    for number in range(8):
        bucket.put(f"novels/emma/{number}.txt", "x")
    bucket.put("novels/dracula.txt", "x")
    source = ObjectSource(f"{bucket.url}/novels", page_size=4)
    half = scan_novels(in_bucket.engine, source, seconds=0)
    assert (half.held, [item.novel for item in half.stale]) == ("emma", ["dracula"])
    whole = scan_novels(in_bucket.engine, source, half.after)
    assert (whole.held, [item.novel for item in whole.stale]) == (None, ["dracula", "emma"])


def test_an_emptied_source_is_an_error_in_folder_and_bucket_alike(content: Content):
    content.put("panels/emma/p1.png", "x")
    content.panels()
    content.delete("panels/emma/p1.png")
    content.put("panels/.keep", "")
    with pytest.raises(ContentUnreadable, match="is empty although at least 1 files were known; an unmounted volume"):
        content.panels()
    assert content.lost() == []
    assert len(load_source_files(content.deployment.engine, "panel")) == 1


def test_a_panel_that_is_there_and_no_longer_taken_is_no_lost_file(content: Content):
    content.put("panels/emma/p1.png", "x")
    content.put("panels/dracula/p1.png", "x")
    content.panels()
    content.put("panels/Emma/p1.png", "x")
    scan = content.panels()
    assert scan.problems == {"emma": "emma and Emma would both become the novel 'emma'; merge the two folders."}
    assert content.lost() == []
    assert set(load_source_files(content.deployment.engine, "panel")) == {"Emma/p1.png", "dracula/p1.png"}


def test_a_link_that_now_leads_out_is_named_and_no_lost_file(deployment: Deployment, tmp_path: Path):
    content = Content(deployment, None)
    content.put("panels/emma/p1.png", "x")
    content.put("panels/emma/p2.png", "x")
    content.panels()
    file = deployment.settings.panels_folder / "emma" / "p1.png"
    (tmp_path / "elsewhere.png").write_text("x")
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere.png")
    assert "leads out of the content folder" in content.panels().problems["emma/p1.png"]
    assert content.lost() == []


def test_a_file_that_is_still_being_copied_holds_back_its_own_novel_only(deployment: Deployment):
    content = Content(deployment, None)
    content.put("panels/emma/p1.png", "x")
    content.put("panels/dracula/p1.png", "x")
    growing = deployment.settings.panels_folder / "emma" / "p2.png"
    growing.write_text("half")
    source = LocalSource(deployment.settings.panels_folder, sleep=lambda _: growing.write_text("half and more"))
    scan = scan_panels(deployment.engine, source)
    assert scan.waiting == 1
    assert [item.novel for item in scan.stale] == ["dracula"]
    os.utime(growing, (1_600_000_000, 1_600_000_000))
    assert [item.novel for item in content.panels().stale] == ["dracula", "emma"]
