"""The contract of `Source`: every test runs against a local folder and against a bucket of a real S3 server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources.base import ContentUnreadable, Source
from morpheus_assets.sources.listing import list_novels, list_panels, panel_owners, panel_problems
from morpheus_assets.sources.local import LocalSource
from morpheus_assets.sources.names import take_novel
from morpheus_assets.sources.objects import ObjectSource
from morpheus_assets_tests.fixtures.s3 import Bucket

LONG_AGO = 1_600_000_000
ODD_NAMES = [
    "a b/ü & <1>.png",
    "a b/%2F+?.png",
    "日本/一.png",
    "beside.png",
    ".hidden/x.png",
    "emma/.dot.png",
    "emma/'quoted'.png",
]


class Shelf(Protocol):
    """Content that a test lays down by another way than the source under test."""

    novels: Source
    panels: Source
    nowhere: Source

    def put(self, path: str, data: str) -> None: ...

    def delete(self, path: str) -> None: ...


class FolderShelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("novels", "panels"):
            (folder / name).mkdir()
        self.novels = LocalSource(folder / "novels")
        self.panels = LocalSource(folder / "panels")
        self.nowhere = LocalSource(folder / "nobodys")

    def put(self, path: str, data: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data)
        os.utime(file, (LONG_AGO, LONG_AGO))

    def delete(self, path: str) -> None:
        (self.folder / path).unlink()


class BucketShelf:
    def __init__(self, bucket: Bucket) -> None:
        self.put, self.delete = bucket.put, bucket.delete
        self.novels = ObjectSource(f"{bucket.url}/novels", page_size=3)
        self.panels = ObjectSource(f"{bucket.url}/panels", page_size=3)
        self.nowhere = ObjectSource("s3://nobodys/panels")


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "folder":
        yield FolderShelf(tmp_path)
    else:
        yield BucketShelf(request.getfixturevalue("bucket"))


def paths(source: Source, folder: str = "") -> list[str]:
    return sorted(entry.path for entry in source.entries(folder))


def observed(source: Source, known: dict[str, SourceFile] | None = None) -> dict[str, SourceFile]:
    taken = [take_novel(entry) for entry in source.entries()]
    files = [each for each in taken if isinstance(each, SourceFile)]
    return {file.path: file for file in source.observe(files, known or {}).files}


def test_all_files_are_listed_with_their_sizes_on_pages_that_join(shelf: Shelf):
    for number in range(8):
        shelf.put(f"panels/emma/p{number}.png", "x" * number)
    pages = list(shelf.panels.pages())
    listed = {entry.path: entry.size for page in pages for entry in page.entries}
    assert listed == {f"emma/p{number}.png": number for number in range(8)}
    assert [page.start for page in pages] == [None, *(page.after for page in pages[:-1])]
    assert pages[-1].after is None
    assert {entry.path: entry.size for entry in shelf.panels.entries()} == listed


def test_names_with_spaces_other_scripts_and_leading_dots_are_listed_and_read_back(shelf: Shelf):
    for name in ODD_NAMES:
        shelf.put(f"panels/{name}", name)
    assert set(paths(shelf.panels)) >= set(ODD_NAMES) - {".hidden/x.png"}
    assert {name: shelf.panels.read(name, 100) for name in ODD_NAMES} == {name: name.encode() for name in ODD_NAMES}
    assert shelf.panels.exists(ODD_NAMES) == set(ODD_NAMES)
    assert [entry.path for entry in shelf.panels.names()] == [".hidden/", "a b/", "beside.png", "emma/", "日本/"]


def test_one_folder_is_listed_by_itself_with_what_is_nested_in_it(shelf: Shelf):
    for name in ("emma/p1.png", "emma/act 1/p2.png", "emma-2/p1.png", "dracula/p1.png"):
        shelf.put(f"panels/{name}", "x")
    assert paths(shelf.panels, "emma") == ["emma/act 1/p2.png", "emma/p1.png"]


def test_a_file_is_read_whole_or_not_at_all(shelf: Shelf):
    shelf.put("panels/emma/p.png", "0123456789")
    shelf.put("panels/emma/empty.png", "")
    assert shelf.panels.read("emma/p.png", 10) == b"0123456789"
    assert shelf.panels.read("emma/p.png", 9) is None
    assert shelf.panels.read("emma/empty.png", 9) == b""
    assert shelf.panels.read("emma/gone.png", 9) is None


@pytest.mark.parametrize("path", ["../novels/secret.txt", "a/../../novels/secret.txt", "/novels/secret.txt", "a\0b"])
def test_a_path_that_leads_elsewhere_is_not_read(shelf: Shelf, path: str):
    shelf.put("novels/secret.txt", "x")
    shelf.put("panels/a/p.png", "x")
    assert shelf.panels.read(path, 10) is None


def test_the_mark_changes_with_the_bytes_and_not_otherwise(shelf: Shelf):
    shelf.put("novels/emma.txt", "one")
    shelf.put("novels/dracula.txt", "other")
    first = observed(shelf.novels)
    shelf.put("novels/emma.txt", "one")
    again = observed(shelf.novels, first)
    shelf.put("novels/emma.txt", "second")
    second = observed(shelf.novels, again)
    digests = [files["emma.txt"].digest for files in (first, again, second)]
    assert None not in digests
    assert digests[0] == digests[1] != digests[2]
    assert len({files["dracula.txt"].digest for files in (first, again, second)}) == 1


def test_the_mark_of_a_file_is_the_same_when_it_is_observed_looked_at_and_read(shelf: Shelf):
    shelf.put("novels/emma.txt", "one")
    [entry] = shelf.novels.entries()
    digest = observed(shelf.novels)["emma.txt"].digest
    assert digest == shelf.novels.mark(entry) == entry.mark_of(shelf.novels.read("emma.txt", 10) or b"")


def test_a_new_file_never_replaces_another(shelf: Shelf):
    assert shelf.panels.put_new("emma/p 1.png", b"first")
    assert not shelf.panels.put_new("emma/p 1.png", b"second")
    assert shelf.panels.read("emma/p 1.png", 10) == b"first"
    assert paths(shelf.panels) == ["emma/p 1.png"]


def test_what_exists_is_a_file_of_that_very_name(shelf: Shelf):
    shelf.put("panels/emma/p1.png", "x")
    assert shelf.panels.exists(["emma/p1.png", "emma/p2.png", "emma", "Emma/p1.png"]) == {"emma/p1.png"}
    assert shelf.panels.exists([]) == set()


def test_a_file_that_is_there_proves_a_listing_wrong_that_lacks_it(shelf: Shelf):
    shelf.put("panels/emma/act 1/p1.png", "12345")
    shelf.panels.verify_absent([])
    shelf.panels.verify_absent(["emma/gone.png", "dracula/p1.png", "emma/act 1"])
    shelf.panels.verify_absent(["emma/act 1/p1.png"], most_bytes=4)
    with pytest.raises(ContentUnreadable, match=r"came back short \(it lacks emma/act 1/p1\.png, which is there"):
        shelf.panels.verify_absent(["emma/gone.png", "emma/act 1/p1.png"])
    shelf.delete("panels/emma/act 1/p1.png")
    shelf.panels.verify_absent(["emma/act 1/p1.png"])


def test_a_source_with_hidden_files_alone_is_empty(shelf: Shelf):
    assert shelf.panels.is_empty()
    shelf.put("panels/.keep", "")
    assert shelf.panels.is_empty()
    shelf.put("panels/emma/p1.png", "x")
    assert not shelf.panels.is_empty()


def test_a_source_that_is_not_there_is_an_error_and_never_an_empty_list(shelf: Shelf):
    for ask in (shelf.nowhere.pages, shelf.nowhere.entries, shelf.nowhere.names):
        with pytest.raises(ContentUnreadable, match="nobodys"):
            list(ask())
    with pytest.raises(ContentUnreadable, match="nobodys"):
        shelf.nowhere.is_empty()


def test_an_empty_source_lists_nothing_and_is_no_error(shelf: Shelf):
    assert paths(shelf.panels) == []
    assert shelf.panels.names() == []


def test_a_source_and_a_file_of_it_are_named_as_a_person_knows_them(shelf: Shelf):
    assert shelf.panels.display_name().endswith("/panels")
    assert shelf.panels.display_name("emma/p1.png") == shelf.panels.display_name() + "/emma/p1.png"


def test_a_novel_is_named_after_its_file_and_what_is_none_is_named_with_its_reason(shelf: Shelf):
    for name in (
        "Les Trois Mousquetaires (éd. 1844).txt",
        "---.txt",
        "scan.djvu",
        ".hidden.txt",
        "deep/er.txt",
        "deep/er.mobi",
    ):
        shelf.put(f"novels/{name}", "text")
    novels, problems = list_novels(shelf.novels)
    assert {novel: entry.path for novel, entry in novels.items()} == {
        "les-trois-mousquetaires-ed-1844": "Les Trois Mousquetaires (éd. 1844).txt",
        "deep": "deep/",
    }
    assert [entry.path for entry in novels["deep"].entries] == ["deep/er.txt"]
    assert set(problems) == {"---.txt", "scan.djvu", "deep/er.mobi"}
    assert problems["scan.djvu"].startswith("scan.djvu is not one of ")


def test_two_files_for_one_key_are_both_left_out_and_named(shelf: Shelf):
    for name in ("emma.txt", "Emma.md", "dracula.txt"):
        shelf.put(f"novels/{name}", "text")
    novels, problems = list_novels(shelf.novels)
    assert list(novels) == ["dracula"]
    assert set(problems) == {"emma.txt", "Emma.md"}
    assert all("Emma.md, emma.txt would all become the novel 'emma'" in problem for problem in problems.values())


def test_panels_belong_to_the_novel_whose_folder_they_are_in_and_come_in_reading_order(shelf: Shelf):
    for name in ("Emma/act 1/page10.png", "Emma/act 1/page2.png", "Emma/notes.txt", "Emma/.x.png", "loose.png"):
        shelf.put(f"panels/{name}", "x")
    owners, problems = panel_owners(shelf.panels)
    assert owners == {"emma": "Emma"}
    assert problems == {"loose.png": "loose.png lies beside the novels' folders; move it into panels/<novel>/."}
    panels, passed = list_panels(shelf.panels, "Emma")
    assert [entry.path for entry in panels] == ["Emma/act 1/page2.png", "Emma/act 1/page10.png"]
    assert passed == {"notes.txt": "not an image", ".x.png": "hidden"}
    assert panel_problems(shelf.panels) == {
        **problems,
        "Emma/notes.txt": "Emma/notes.txt: not an image.",
        "Emma/.x.png": "Emma/.x.png: hidden.",
    }


def test_two_folders_for_one_key_are_named_and_the_first_one_counts(shelf: Shelf):
    for name in ("Emma/p1.png", "emma/p1.png"):
        shelf.put(f"panels/{name}", "x")
    owners, problems = panel_owners(shelf.panels)
    assert owners == {"emma": "Emma"}
    assert problems == {"emma": "emma and Emma would both become the novel 'emma'; merge the two folders."}


def test_files_are_deleted_and_what_is_not_there_is_none(shelf: Shelf):
    for path in ("novels/emma/1.txt", "novels/emma/2.txt", "novels/a b/ü & <1>.txt"):
        shelf.put(path, "x")
    shelf.novels.delete(["emma/1.txt", "a b/ü & <1>.txt", "nobody.txt"])
    shelf.panels.delete(["nobody/1.png"])
    assert [entry.path for entry in shelf.novels.entries()] == ["emma/2.txt"]


def test_nothing_outside_of_the_folder_is_deleted(tmp_path: Path):
    shelf = FolderShelf(tmp_path)
    shelf.put("mine.txt", "x")
    (tmp_path / "novels" / "out").symlink_to(tmp_path)
    (tmp_path / "novels" / "link.txt").symlink_to(tmp_path / "panels")
    shelf.novels.delete(["../mine.txt", "out/mine.txt", str(tmp_path / "mine.txt"), ".."])
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path / "panels").is_dir()
