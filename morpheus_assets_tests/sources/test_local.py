import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources.base import ContentUnreadable, FolderUnreadable, Observation
from morpheus_assets.sources.listing import list_novels, list_panels
from morpheus_assets.sources.local import LocalSource
from morpheus_assets.sources.names import MAX_PANEL_BYTES, take_novel

LONG_AGO = 1_600_000_000


def write(path: Path, text: str = "text", *, at: int = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def observe(
    folder: Path, known: dict[str, SourceFile] | None = None, sleep: Callable[[float], object] = time.sleep
) -> Observation:
    source = LocalSource(folder, sleep=sleep)
    taken = [take_novel(entry) for entry in source.entries()]
    return source.observe([each for each in taken if isinstance(each, SourceFile)], known or {})


def by_path(observation: Observation) -> dict[str, SourceFile]:
    return {file.path: file for file in observation.files}


def panels(folder: Path) -> list[str]:
    """The panels of one novel's folder by their paths in it."""
    found, _ = list_panels(LocalSource(folder.parent), folder.name)
    return [entry.path.removeprefix(f"{folder.name}/") for entry in found]


def passed(folder: Path) -> dict[str, str]:
    return list_panels(LocalSource(folder.parent), folder.name)[1]


def test_a_link_out_of_the_content_folder_is_refused(tmp_path: Path):
    secret = write(tmp_path / "elsewhere" / "secret.txt")
    folder = tmp_path / "novels"
    folder.mkdir()
    (folder / "secret.txt").symlink_to(secret)
    novels, problems = list_novels(LocalSource(folder))
    assert novels == {}
    assert "leads out" in problems["secret.txt"]


def test_a_folder_among_the_novels_that_cannot_be_listed_is_named_and_the_others_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "emma" / "1.txt")
    write(tmp_path / "dracula.txt")
    known = by_path(observe(tmp_path))
    real = os.scandir

    def closed(folder: str | Path) -> object:
        if Path(folder).name == "emma":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", closed)
    novels, problems = list_novels(LocalSource(tmp_path))
    assert list(novels) == ["dracula"]
    assert "cannot be listed (Permission denied)" in problems["emma"]
    # what is known of it may not be taken for gone
    with pytest.raises(FolderUnreadable):
        LocalSource(tmp_path).verify_absent(known.keys() - {"dracula.txt"})


def test_an_unchanged_file_is_not_read_again(tmp_path: Path):
    path = write(tmp_path / "emma.txt")
    first = observe(tmp_path)
    path.write_text("TEXT")
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert observe(tmp_path, by_path(first)).files == first.files


def test_a_touched_but_identical_file_keeps_its_digest(tmp_path: Path):
    path = write(tmp_path / "emma.txt")
    first = observe(tmp_path)
    os.utime(path, (LONG_AGO + 60, LONG_AGO + 60))
    second = observe(tmp_path, by_path(first))
    assert second.files[0].mtime_ns != first.files[0].mtime_ns
    assert second.files[0].digest == first.files[0].digest


def test_a_file_that_grows_while_it_is_looked_at_waits_for_the_next_scan(tmp_path: Path):
    path = tmp_path / "emma.txt"
    path.write_text("half of ")
    observation = observe(tmp_path, sleep=lambda _: path.write_text("half of the novel and more"))
    assert observation.waiting == ("emma.txt",)
    assert observation.files[0].digest is None


def test_a_young_file_that_rests_is_taken_at_the_first_scan(tmp_path: Path):
    (tmp_path / "emma.txt").write_text("all of it")
    slept: list[float] = []
    observation = observe(tmp_path, sleep=slept.append)
    assert observation.files[0].digest is not None
    assert len(slept) == 1
    assert 0 < slept[0] <= 1.0


@pytest.mark.parametrize(("age", "least", "most"), [(0.4, 0, 0.6), (1.2, 0, 0), (-1.9, 1.0, 1.0), (-60.0, 0, 0)])
def test_a_scan_waits_no_longer_than_a_file_lacks_to_a_second_of_rest(
    tmp_path: Path, age: float, least: float, most: float
):
    path = tmp_path / "emma.txt"
    path.write_text("all of it")
    changed = time.time() - age
    os.utime(path, (changed, changed))
    slept: list[float] = []
    observe(tmp_path, sleep=slept.append)
    assert least <= sum(slept) <= most


def test_old_files_are_taken_without_waiting(tmp_path: Path):
    write(tmp_path / "emma.txt")
    slept: list[float] = []
    observe(tmp_path, sleep=slept.append)
    assert slept == []


def test_links_out_of_a_novels_folder_are_refused_and_links_inside_followed(tmp_path: Path):
    novel = tmp_path / "panels" / "a"
    write(novel / "p1.png")
    write(tmp_path / "panels" / "b" / "p2.png")
    write(tmp_path / "outside" / "secret.png")
    (novel / "secret.png").symlink_to(tmp_path / "outside" / "secret.png")
    (novel / "all").symlink_to(tmp_path / "outside")
    (novel / "beside.png").symlink_to(tmp_path / "panels" / "b" / "p2.png")
    (novel / "cover.png").symlink_to(novel / "p1.png")
    (novel / "loop").symlink_to(novel)
    (novel / "gone.png").symlink_to(tmp_path / "nothing.png")
    (novel / "round.png").symlink_to(novel / "round.png")
    assert panels(novel) == ["cover.png", "p1.png"]
    told = passed(novel)
    for name in ("secret.png", "all", "beside.png"):
        assert "leads out" in told[name]
    assert "already listed" in told["loop"]
    assert "leads nowhere" in told["gone.png"]
    assert "leads nowhere" in told["round.png"]


def test_a_folder_behind_a_link_is_listed_by_its_real_path_if_that_lies_inside(tmp_path: Path):
    novel = tmp_path / "emma"
    write(novel / "z" / "deep" / "p1.png")
    (novel / "a").symlink_to(novel / "z" / "deep")
    assert panels(novel) == ["z/deep/p1.png"]
    assert passed(novel) == {"a": "a link to a folder that is already listed"}


def test_a_novels_folder_that_is_itself_a_link_out_is_named(tmp_path: Path):
    write(tmp_path / "outside" / "secret.png")
    (tmp_path / "panels").mkdir()
    (tmp_path / "panels" / "novel").symlink_to(tmp_path / "outside")
    [entry] = LocalSource(tmp_path / "panels").entries()
    assert (entry.path, "leads out" in (entry.fault or "")) == ("novel", True)


def test_a_file_behind_a_link_or_of_another_case_is_no_proof_against_a_listing(tmp_path: Path):
    write(tmp_path / "emma" / "z" / "p1.png")
    (tmp_path / "emma" / "a").symlink_to(tmp_path / "emma" / "z")
    source = LocalSource(tmp_path)
    source.verify_absent(["emma/a/p1.png", "Emma/z/p1.png", "emma/z/P1.png"])
    with pytest.raises(ContentUnreadable):
        source.verify_absent(["emma/z/p1.png"])


def test_a_folder_that_cannot_be_listed_is_an_error_and_never_empty(tmp_path: Path):
    with pytest.raises(FolderUnreadable, match=r"gone cannot be listed \(No such file"):
        panels(tmp_path / "gone")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs Unix permissions")
def test_an_unreadable_folder_among_readable_ones_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "emma" / "p1.png")
    write(tmp_path / "emma" / "locked" / "p2.png")
    locked = tmp_path / "emma" / "locked"
    if os.geteuid():
        locked.chmod(0)
    else:
        # Permissions do not bind root: the refusal is made at the call that would meet it.
        real = os.scandir

        def scandir(folder: str | Path):  # type: ignore[no-untyped-def]
            if Path(folder) == locked:
                raise PermissionError(13, "Permission denied")
            return real(folder)

        monkeypatch.setattr(os, "scandir", scandir)
    try:
        with pytest.raises(ContentUnreadable, match=r"locked cannot be listed \(Permission denied\)"):
            list(LocalSource(tmp_path).entries())
    finally:
        locked.chmod(0o755)


def test_strange_names_are_listed_and_undecodable_ones_explained(tmp_path: Path):
    novel = tmp_path / "emma"
    long = "x" * 240 + ".png"
    for name in ("line\nbreak.png", "tab\t.png", "🙂.png", long):
        write(novel / name)
    with open(os.fsencode(novel) + b"/caf\xe9.png", "wb"):
        pass
    assert set(panels(novel)) == {"line\nbreak.png", "tab\t.png", "🙂.png", long}
    assert list(passed(novel).values()) == ["its name is not valid UTF-8: rename it"]


def test_files_that_would_block_or_fill_memory_are_passed_over(tmp_path: Path):
    novel = tmp_path / "emma"
    novel.mkdir()
    os.mkfifo(novel / "pipe.png")
    with open(novel / "huge.png", "wb") as file:
        file.truncate(MAX_PANEL_BYTES + 1)
    assert panels(novel) == []
    assert passed(novel) == {"huge.png": "larger than 256 MB: save it smaller", "pipe.png": "not a regular file"}


def test_size_and_time_of_an_entry_are_those_of_the_file(tmp_path: Path):
    file = write(tmp_path / "emma" / "p.png", "x")
    [entry] = LocalSource(tmp_path).entries()
    assert (entry.path, entry.size, entry.mtime_ns) == ("emma/p.png", 1, file.stat().st_mtime_ns)


def test_a_hidden_folder_is_not_opened(tmp_path: Path):
    write(tmp_path / "emma" / ".git" / "p.png")
    write(tmp_path / "__MACOSX" / "p.png")
    assert sorted(entry.path for entry in LocalSource(tmp_path).entries()) == ["__MACOSX/", "emma/.git"]
