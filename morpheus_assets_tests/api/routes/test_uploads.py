import errno
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
from PIL import Image

from morpheus_assets.services import uploads
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.store.conftest import add_novel

__all__ = ["add_novel"]
STORY = b"CHAPTER I.\n\nThe lamp burns at night.\n"


def picture(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (48, 32), colour).save(data, "PNG")
    return data.getvalue()


def packed(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture
def send(api: Api) -> Callable[..., httpx.Response]:
    api.settings.novels_folder.mkdir(parents=True)
    (api.settings.content / "panels").mkdir()

    def post(path: str, name: str, data: bytes) -> httpx.Response:
        return api.client.post(path, files={"file": (name, data)})

    return post


def test_a_novel_becomes_a_file_that_the_sensor_finds(api: Api, send: Callable):
    answer = send("/api/novels", "The Lamp.txt", STORY)
    assert (answer.status_code, answer.json()["novel"], answer.json()["stored"]) == (201, "the-lamp", ["The Lamp.txt"])
    assert (api.settings.novels_folder / "The Lamp.txt").read_bytes() == STORY
    again = send("/api/novels", "The Lamp.txt", STORY)
    assert (again.status_code, again.json()["unchanged"]) == (200, ["The Lamp.txt"])
    other = send("/api/novels", "The Lamp.txt", STORY + b"More.")
    assert other.status_code == 409
    assert (api.settings.novels_folder / "The Lamp.txt").read_bytes() == STORY


@pytest.mark.parametrize("name", ["lamp.exe", ".hidden.txt", "lamp", "???.txt"])
def test_a_file_that_is_no_novel_by_its_name_is_refused(api: Api, send: Callable, name: str):
    answer = send("/api/novels", name, STORY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "file"
    assert not list(api.settings.novels_folder.iterdir())


def test_only_the_name_of_a_path_counts(api: Api, send: Callable):
    assert send("/api/novels", "../../etc/lamp.txt", STORY).json()["stored"] == ["lamp.txt"]


def test_an_archive_becomes_the_panels_of_a_novel_and_what_is_none_is_told(api: Api, send: Callable):
    files = {
        "one/1.png": picture("red"), "two/1.png": picture("blue"), "notes.txt": b"x", "__MACOSX/._1.png": b"x",
        ".hidden/2.png": b"x", "../3.png": picture("green"),
    }  # fmt: skip
    answer = send("/api/novels/the-lamp/panels", "pages.zip", packed(files))
    assert answer.status_code == 201
    assert answer.json()["stored"] == ["the-lamp/one/1.png", "the-lamp/two/1.png"]
    assert [sentence.split(":")[0] for sentence in answer.json()["left_out"]] == ["notes.txt"]
    folder = api.settings.content / "panels"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png")) == answer.json()["stored"]
    assert (folder / "the-lamp/two/1.png").read_bytes() == picture("blue")
    changed = send("/api/novels/the-lamp/panels", "pages.zip", packed({"one/1.png": picture("black"), "4.png": b"x"}))
    assert (changed.json()["stored"], len(changed.json()["left_out"])) == (["the-lamp/4.png"], 1)
    assert (folder / "the-lamp/one/1.png").read_bytes() == picture("red")


def test_one_picture_is_a_panel_too(send: Callable):
    assert send("/api/novels/the-lamp/panels", "a/b/1.png", picture("red")).json()["stored"] == ["the-lamp/1.png"]


def test_a_bomb_and_a_broken_archive_are_refused(send: Callable, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MOST_UNPACKED_BYTES", 1_000_000)
    for data, words in ((packed({"1.png": b"\0" * 2_000_000}), "unpacks to more"), (b"PK nonsense", "cannot be read")):
        answer = send("/api/novels/the-lamp/panels", "pages.zip", data)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_novels_are_listed_by_page(api: Api, add_novel: Callable):
    for name in ("beta", "alpha", "gamma"):
        add_novel(name, [f"A passage of {name}."])
    assert "next" not in api.client.get("/api/novels").json()
    first = api.client.get("/api/novels", params={"limit": 2}).json()
    assert [each["novel"] for each in first["novels"]] == ["alpha", "beta"]
    rest = api.client.get("/api/novels", params={"limit": 2, "after": first["next"]}).json()
    assert ([each["novel"] for each in rest["novels"]], "next" in rest) == (["gamma"], False)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (errno.ENOSPC, "disk is full: free some room"),
        (errno.EROFS, "may only be read"),
        (errno.EIO, "takes no file (Input/output error)"),
    ],
)
def test_a_content_folder_that_takes_nothing_is_said_so_and_keeps_no_half_file(
    api: Api, send: Callable, monkeypatch: pytest.MonkeyPatch, fault: int, said: str, fault_row: FaultRow
):
    def write(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(fault, os.strerror(fault))

    # the far end of a file system that nobody may make here
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        answer = send("/api/novels", "The Lamp.txt", STORY)
    assert answer.status_code == 507
    assert said in answer.json()["detail"]
    assert not list(api.settings.novels_folder.iterdir())
    fault_row(f"an upload into a content folder with {errno.errorcode[fault]}", sentence=answer.json()["detail"])
    assert send("/api/novels", "The Lamp.txt", STORY).status_code == 201


def test_a_file_system_without_links_takes_uploads_too_and_overwrites_nothing(
    api: Api, send: Callable, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    assert send("/api/novels", "The Lamp.txt", STORY).status_code == 201
    assert send("/api/novels", "The Lamp.txt", STORY + b"More.").status_code == 409
    assert [each.name for each in api.settings.novels_folder.iterdir()] == ["The Lamp.txt"]
    assert (api.settings.novels_folder / "The Lamp.txt").read_bytes() == STORY


def test_a_name_that_is_too_long_for_the_file_system_is_said_so(api: Api, send: Callable):
    answer = send("/api/novels", f"{'lamp ' * 60}.txt", STORY)
    assert answer.status_code in (422, 507)
    assert "name" in answer.json()["detail"]
