import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.images.errors import UnreadableFolder
from morpheus_assets.sources.names import MAX_PANEL_BYTES, PanelListing, list_panels, natural_order


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def paths(listing: PanelListing) -> list[str]:
    return [panel.relative_path for panel in listing.files]


def reasons(listing: PanelListing) -> dict[str, str]:
    return {skipped.relative_path: skipped.reason for skipped in listing.skipped}


def test_panels_come_in_reading_order(tmp_path: Path) -> None:
    fill(tmp_path, "page10.png", "page2.png", "ch10/p1.jpg", "ch2/p1.jpg", "ch2/p11.jpg", "ch2/p9.WEBP", "Page1.png")
    assert paths(list_panels(tmp_path)) == [
        "ch2/p1.jpg",
        "ch2/p9.WEBP",
        "ch2/p11.jpg",
        "ch10/p1.jpg",
        "Page1.png",
        "page2.png",
        "page10.png",
    ]


def test_what_is_no_panel_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "p1.png",
        ".hidden.png",
        "._p1.png",
        "Thumbs.db",
        "__MACOSX/p1.png",
        ".git/p.png",
        "transcript.tsv",
        "p2.heic",
        "all.cbz",
    )
    listing = list_panels(tmp_path)
    assert paths(listing) == ["p1.png"]
    told = reasons(listing)
    assert set(told) == {
        ".hidden.png",
        "._p1.png",
        "Thumbs.db",
        "__MACOSX",
        ".git",
        "transcript.tsv",
        "p2.heic",
        "all.cbz",
    }
    assert "export it as PNG" in told["p2.heic"]
    assert "unpack" in told["all.cbz"]


def test_links_out_of_the_content_folder_are_refused_and_links_inside_followed(tmp_path: Path) -> None:
    content = fill(tmp_path / "content", "panels/a/p1.png", "panels/b/p2.png", "shared/cover.png")
    fill(tmp_path / "outside", "secret.png")
    novel = content / "panels" / "a"
    (novel / "secret.png").symlink_to(tmp_path / "outside" / "secret.png")
    (novel / "all").symlink_to(tmp_path / "outside")
    (novel / "cover.png").symlink_to(content / "shared" / "cover.png")
    (novel / "loop").symlink_to(novel)
    (novel / "gone.png").symlink_to(tmp_path / "nothing.png")
    listing = list_panels(novel, content_folder=content)
    assert paths(listing) == ["cover.png", "p1.png"]
    told = reasons(listing)
    assert "leads out" in told["secret.png"]
    assert "leads out" in told["all"]
    assert "already listed" in told["loop"]
    assert "leads nowhere" in told["gone.png"]
    assert "leads out" in reasons(list_panels(novel))["cover.png"]


def test_a_panel_folder_that_is_itself_a_link_out_is_an_error(tmp_path: Path) -> None:
    content = fill(tmp_path / "content", "x.png")
    fill(tmp_path / "outside", "secret.png")
    (content / "novel").symlink_to(tmp_path / "outside")
    with pytest.raises(UnreadableFolder, match="leads out"):
        list_panels(content / "novel", content_folder=content)


def test_a_folder_that_cannot_be_listed_is_an_error_and_never_empty(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFolder, match=r"gone cannot be listed \(No such file"):
        list_panels(tmp_path / "gone")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs Unix permissions")
def test_an_unreadable_folder_among_readable_ones_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "p1.png", "locked/p2.png")
    locked = tmp_path / "locked"
    if os.geteuid():
        locked.chmod(0)
    else:
        # Permissions do not bind root: the refusal is made at the call that would meet it.
        real = Path.iterdir

        def iterdir(self: Path):  # type: ignore[no-untyped-def]
            if self == locked:
                raise PermissionError(13, "Permission denied")
            return real(self)

        monkeypatch.setattr(Path, "iterdir", iterdir)
    try:
        with pytest.raises(UnreadableFolder, match=r"locked cannot be listed \(Permission denied\)"):
            list_panels(tmp_path)
    finally:
        locked.chmod(0o755)


def test_strange_names_are_listed_and_undecodable_ones_explained(tmp_path: Path) -> None:
    long = "x" * 240 + ".png"
    fill(tmp_path, "line\nbreak.png", "tab\t.png", "🙂.png", long)
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb"):
        pass
    listing = list_panels(tmp_path)
    assert set(paths(listing)) == {"line\nbreak.png", "tab\t.png", "🙂.png", long}
    assert [each.reason for each in listing.skipped] == ["its name is not valid UTF-8: rename it"]


def test_files_that_would_block_or_fill_memory_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(MAX_PANEL_BYTES + 1)
    listing = list_panels(tmp_path)
    assert paths(listing) == []
    assert reasons(listing) == {"huge.png": "larger than 256 MB: save it smaller", "pipe.png": "not a regular file"}


def test_size_and_time_of_a_panel_are_those_of_the_file(tmp_path: Path) -> None:
    fill(tmp_path, "p.png")
    (panel,) = list_panels(tmp_path).files
    status = (tmp_path / "p.png").stat()
    assert (panel.size, panel.mtime_ns, panel.path) == (1, status.st_mtime_ns, tmp_path / "p.png")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=6))
def test_any_names_can_be_put_in_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural_order)
    assert sorted(reversed(names), key=natural_order) == ordered
