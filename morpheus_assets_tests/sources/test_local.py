import os
import time
from pathlib import Path

import pytest

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources.local import ContentUnreadable, list_novels, list_panel_folders, observe

LONG_AGO = 1_600_000_000


def write(path: Path, text: str = "text", *, at: int = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def known(files: list[SourceFile] | tuple[SourceFile, ...]) -> dict[str, SourceFile]:
    return {file.path: file for file in files}


def test_a_novel_is_named_after_its_file(tmp_path: Path):
    write(tmp_path / "Les Trois Mousquetaires (éd. 1844).txt")
    assert [file.novel for file in list_novels(tmp_path).files] == ["les-trois-mousquetaires-ed-1844"]


def test_two_files_for_one_key_are_both_left_out_and_named(tmp_path: Path):
    write(tmp_path / "emma.txt")
    write(tmp_path / "Emma.md")
    write(tmp_path / "dracula.txt")
    listing = list_novels(tmp_path)
    assert [file.novel for file in listing.files] == ["dracula"]
    assert set(listing.problems) == {"emma.txt", "Emma.md"}
    assert all("Emma.md, emma.txt" in problem for problem in listing.problems.values())


def test_names_that_no_novel_can_be_made_of_are_named_and_the_rest_goes_on(tmp_path: Path):
    write(tmp_path / "---.txt")
    write(tmp_path / "scan.pdf")
    write(tmp_path / ".hidden.txt")
    (tmp_path / "folder").mkdir()
    write(tmp_path / "emma.txt")
    listing = list_novels(tmp_path)
    assert [file.novel for file in listing.files] == ["emma"]
    assert set(listing.problems) == {"---.txt", "scan.pdf", "folder"}


def test_a_link_out_of_the_content_folder_is_refused(tmp_path: Path):
    secret = write(tmp_path / "elsewhere" / "secret.txt")
    folder = tmp_path / "novels"
    folder.mkdir()
    (folder / "secret.txt").symlink_to(secret)
    listing = list_novels(folder)
    assert listing.files == ()
    assert "leads out" in listing.problems["secret.txt"]


def test_a_folder_that_is_missing_is_an_error_and_never_an_empty_list(tmp_path: Path):
    with pytest.raises(ContentUnreadable, match="cannot be read"):
        list_novels(tmp_path / "novels")


def test_panels_belong_to_the_novel_whose_folder_they_are_in(tmp_path: Path):
    write(tmp_path / "Emma" / "act 1" / "page10.png")
    write(tmp_path / "Emma" / "act 1" / "page2.png")
    write(tmp_path / "loose.png")
    listing = list_panel_folders(tmp_path)
    assert [(file.novel, file.path) for file in listing.files] == [
        ("emma", "Emma/act 1/page2.png"),
        ("emma", "Emma/act 1/page10.png"),
    ]
    assert "loose.png" in listing.problems


def test_an_unchanged_file_is_not_read_again(tmp_path: Path):
    path = write(tmp_path / "emma.txt")
    first = observe(tmp_path, list_novels(tmp_path).files, {}, kind="text")
    path.write_text("TEXT")
    os.utime(path, (LONG_AGO, LONG_AGO))
    second = observe(tmp_path, list_novels(tmp_path).files, known(first.files), kind="text")
    assert second.files == first.files


def test_a_touched_but_identical_file_keeps_its_digest(tmp_path: Path):
    path = write(tmp_path / "emma.txt")
    first = observe(tmp_path, list_novels(tmp_path).files, {}, kind="text")
    os.utime(path, (LONG_AGO + 60, LONG_AGO + 60))
    second = observe(tmp_path, list_novels(tmp_path).files, known(first.files), kind="text")
    assert second.files[0].mtime_ns != first.files[0].mtime_ns
    assert second.files[0].digest == first.files[0].digest


def test_a_file_that_grows_while_it_is_looked_at_waits_for_the_next_look(tmp_path: Path):
    path = tmp_path / "emma.txt"
    path.write_text("half of ")
    observation = observe(
        tmp_path,
        list_novels(tmp_path).files,
        {},
        kind="text",
        sleep=lambda _: path.write_text("half of the novel and more") and None,
    )
    assert observation.waiting == ("emma.txt",)
    assert observation.files[0].digest is None


def test_a_young_file_that_rests_is_taken_at_the_first_look(tmp_path: Path):
    (tmp_path / "emma.txt").write_text("all of it")
    slept: list[float] = []
    observation = observe(tmp_path, list_novels(tmp_path).files, {}, kind="text", sleep=slept.append)
    assert observation.files[0].digest is not None
    assert len(slept) == 1
    assert 0 < slept[0] <= 1.0


@pytest.mark.parametrize(("age", "least", "most"), [(0.4, 0, 0.6), (1.2, 0, 0), (-1.0, 1.0, 1.0), (-60.0, 0, 0)])
def test_a_look_waits_no_longer_than_a_file_lacks_to_a_second_of_rest(
    tmp_path: Path, age: float, least: float, most: float
):
    path = tmp_path / "emma.txt"
    path.write_text("all of it")
    changed = time.time() - age
    os.utime(path, (changed, changed))
    slept: list[float] = []
    observe(tmp_path, list_novels(tmp_path).files, {}, kind="text", sleep=slept.append)
    assert least <= sum(slept) <= most


def test_old_files_are_taken_without_waiting(tmp_path: Path):
    write(tmp_path / "emma.txt")
    slept: list[float] = []
    observe(tmp_path, list_novels(tmp_path).files, {}, kind="text", sleep=slept.append)
    assert slept == []
