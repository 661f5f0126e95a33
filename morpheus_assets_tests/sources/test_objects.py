import sys
import time

import pytest

from morpheus_assets.sources.base import ContentUnreadable
from morpheus_assets.sources.objects import ObjectSource
from morpheus_assets_tests.fixtures.s3 import Bucket, S3Process


def panels(bucket: Bucket, *, page_size: int = 1000) -> ObjectSource:
    return ObjectSource(f"{bucket.url}/panels", page_size=page_size)


def listed(source: ObjectSource, after: str | None = None, bounds: tuple[str, ...] = ()) -> list[str]:
    return [entry.path for page in source.pages(after, known_paths=lambda _: bounds) for entry in page.entries]


def test_pages_follow_each_other_and_give_size_time_and_mark_without_asking_for_an_object(bucket: Bucket):
    names = [f"emma/p{number}.png" for number in range(7)]
    for name in names:
        bucket.put(f"panels/{name}", name)
    bucket.requests()
    source = panels(bucket, page_size=3)
    first = source.page()
    assert [entry.path for entry in first.entries] == names[:3]
    assert first.after == names[2]
    assert listed(source, first.after) == names[3:]
    assert set(bucket.requests()) == {"LIST"}
    [entry] = [entry for entry in first.entries if entry.path == names[0]]
    assert entry.size == len(names[0])
    assert abs(entry.mtime_ns / 1e9 - time.time()) < 60
    bucket.put(f"panels/{names[0]}", "other bytes")
    assert source.page().entries[0].mark != entry.mark


def named(source: ObjectSource) -> list[str]:
    return [entry.path for entry in source.names()]


BOUNDS = [(), ("d",), ("c2", "d"), ("a", "b", "c", "d", "e"), ("zz",), ("c0", "c1", "c2"), ("a0",)]


def test_whatever_the_bounds_every_object_comes_once_and_in_order(bucket: Bucket):
    names = [f"{letter}{number}" for letter in "bcd" for number in range(3)]
    for name in names:
        bucket.put(f"panels/{name}", name)
    source = panels(bucket, page_size=2)
    for bounds in BOUNDS:
        assert listed(source, None, bounds) == names, bounds
        assert listed(source, "c1", bounds) == names[names.index("c1") + 1 :], bounds
        starts = [(page.start, page.after) for page in source.pages(known_paths=lambda _, bounds=bounds: bounds)]
        assert [start for start, _ in starts[1:]] == [after for _, after in starts[:-1]], bounds
        assert starts[-1][1] is None


def test_markers_of_folders_are_no_objects_and_odd_names_come_through(bucket: Bucket):
    odd = ["a b/ü & <1>.png", "a b/%2F+?.png", "日本/一.png", "beside.png"]
    for name in [*odd, "empty/"]:
        bucket.put(f"panels/{name}", "x")
    source = panels(bucket)
    assert sorted(listed(source)) == sorted(odd)
    assert {name: source.read(name, 10) for name in odd} == dict.fromkeys(odd, b"x")
    assert named(source) == ["a b/", "beside.png", "empty/", "日本/"]


def test_a_listing_is_never_yesterdays(bucket: Bucket):
    bucket.put("panels/emma/p1.png", "x")
    source = panels(bucket)
    assert named(source) == ["emma/"]
    bucket.put("panels/dracula/p1.png", "x")
    bucket.delete("panels/emma/p1.png")
    assert named(source) == ["dracula/"]
    assert listed(source) == ["dracula/p1.png"]


def test_an_object_is_read_in_one_request_and_never_more_of_it_than_asked_for(bucket: Bucket):
    bucket.put("panels/p.png", "0123456789")
    bucket.put("panels/empty.png", "")
    source = panels(bucket)
    bucket.requests()
    assert source.read("p.png", 10) == b"0123456789"
    assert bucket.requests() == {"GET": 1}
    assert source.read("p.png", 9) is None
    assert source.read("empty.png", 9) == b""
    assert source.read("gone.png", 9) is None


@pytest.mark.parametrize("path", ["../novels/secret.txt", "a/../../novels/secret.txt", "/novels/secret.txt", "a\0b"])
def test_a_path_that_leads_elsewhere_is_not_read(bucket: Bucket, path: str):
    bucket.put("novels/secret.txt", "x")
    assert panels(bucket).read(path, 10) is None


def test_what_is_there_is_known_by_name_and_a_new_object_never_resources_another(bucket: Bucket):
    source = panels(bucket)
    assert source.put_new("emma/p1.png", b"first")
    assert not source.put_new("emma/p1.png", b"second")
    assert source.read("emma/p1.png", 10) == b"first"
    assert source.exists(["emma/p1.png", "emma/p2.png", "emma"]) == {"emma/p1.png"}


def said_by(source: ObjectSource) -> str:
    sentences = []
    for ask in (source.page, lambda: source.read("p.png", 10)):
        try:
            ask()
        except ContentUnreadable as error:
            sentences.append(str(error))
    assert len(set(sentences)) == 1
    return sentences[0]


def test_an_endpoint_that_is_down_is_said_in_seconds_with_its_variable(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    started = time.monotonic()
    sentence = said_by(panels(bucket))
    assert "does not answer" in sentence
    assert "AWS_ENDPOINT_URL_S3" in sentence
    assert time.monotonic() - started < 40


def test_a_bucket_that_is_missing_is_named(bucket: Bucket):
    with pytest.raises(ContentUnreadable, match=r"There is no s3://nobodys/panels \(NoSuchBucket\).*MORPHEUS_CONTENT"):
        ObjectSource("s3://nobodys/panels").page()
    with pytest.raises(ContentUnreadable, match="NoSuchBucket"):
        ObjectSource("s3://nobodys/panels").names()


def test_an_empty_prefix_is_empty_and_no_error(bucket: Bucket):
    assert named(panels(bucket)) == []
    assert listed(panels(bucket)) == []


def test_refused_credentials_are_named_by_their_variables_and_never_shown(bucket: Bucket, s3_process: S3Process):
    s3_process.demand_known_keys(True)
    try:
        with pytest.raises(ContentUnreadable, match=r"refused the credentials.*AWS_ACCESS_KEY_ID") as told:
            panels(bucket).page()
    finally:
        s3_process.demand_known_keys(False)
    assert "AKIATEST" not in str(told.value)
    assert "nobody-may-see-it" not in str(told.value)


def test_missing_credentials_name_the_variables(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ContentUnreadable, match=r"No credentials.*AWS_ACCESS_KEY_ID"):
        panels(bucket).page()


def test_a_package_that_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ContentUnreadable, match=r"needs the package gcsfs.*pip install -e '\.\[gcs\]'"):
        ObjectSource("gs://somewhere/panels").page()


def test_a_listing_with_fewer_objects_than_it_counts_is_no_listing(bucket: Bucket, s3_process: S3Process):
    for number in range(4):
        bucket.put(f"panels/emma/p{number}.png", "x")
    s3_process.tell("lose", prefix="library/panels/emma/p2")
    with pytest.raises(ContentUnreadable, match="came back short"):
        panels(bucket).page()


def test_a_listing_that_lacks_what_is_there_is_found_out_by_name(bucket: Bucket):
    bucket.put("panels/emma/p1.png", "12345")
    source = panels(bucket)
    source.verify_absent(["emma/gone.png"])
    source.verify_absent(["emma/p1.png"], most_bytes=4)
    with pytest.raises(ContentUnreadable, match=r"lacks emma/p1\.png, which is there"):
        source.verify_absent(["emma/gone.png", "emma/p1.png"])


def test_names_in_no_order_are_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    from morpheus_assets.sources import object_pages as listing

    shuffled = [{"name": f"library/panels/{name}", "Size": 1, "ETag": name} for name in "bac"]
    monkeypatch.setitem(listing.PAGES, "s3", lambda *_: (shuffled, False))
    with pytest.raises(ContentUnreadable, match="in no order"):
        panels(bucket).page()
