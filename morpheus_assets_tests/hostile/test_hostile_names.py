"""Names, links and permissions in the content folder: the rest goes on, and each one is named with what to do."""

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.domain.slugs import is_novel_slug
from morpheus_assets.sources.base import FileUnreadable
from morpheus_assets.sources.listing import list_novels, panel_problems
from morpheus_assets.sources.local import LocalSource
from morpheus_assets.sources.names import take_novel
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, story

HOSTILE_NAMES = {
    "..txt": None,
    "....txt": None,
    "a..b.txt": "a-b",
    "new\nline.txt": "new-line",
    "tab\tand\rreturn.txt": "tab-and-return",
    "\u202etxt.lave.txt": "txt-lave",
    "$(rm -rf x);'--.txt": "rm-rf-x",
    "novel%00.txt": "novel-00",
    "x" * 251 + ".txt": "x" * 80,
    "é" * 120 + ".txt": "e" * 80,
    "\udcff\udcfe.txt": None,
}
NOBODY = 65534


def test_hostile_names_become_keys_that_are_safe_or_are_named_and_left_out(tmp_path: Path):
    for name in HOSTILE_NAMES:
        (tmp_path / name).write_text("A story.")
    novels, problems = list_novels(LocalSource(tmp_path))
    found = {entry.path: novel for novel, entry in novels.items()}
    assert all(is_novel_slug(novel) for novel in found.values())
    for name, novel in HOSTILE_NAMES.items():
        if novel is None:
            assert name in problems or name.startswith("."), name
        else:
            assert found[name] == novel
    for problem in problems.values():
        assert "\n" not in problem
        problem.encode()


def test_a_name_of_more_than_a_hundred_characters_and_a_line_break_is_ingested(deployment: Deployment):
    name = "The\nLamp " + "x" * 200
    deployment.drop(f"{name}.txt", story())
    deployment.drop("emma.txt", story(seed=2))
    listed, _ = list_novels(LocalSource(deployment.settings.novels_folder))
    [novel] = listed.keys() - {"emma"}
    assert deployment.ingest("emma", novel).success
    [(path, chunks)] = deployment.rows(
        f"SELECT source_path, (SELECT count(*) FROM chunks WHERE novel_id = id) FROM novels WHERE novel = '{novel}'"
    )
    assert path == f"{name}.txt"
    assert chunks > 0


def test_links_that_lead_out_are_refused_with_all_that_lies_behind_them(deployment: Deployment, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "diary.txt").write_text("Nobody may read this. " * 50)
    novels, panels = deployment.settings.novels_folder, deployment.settings.panels_folder
    (novels / "diary.txt").symlink_to(secret / "diary.txt")
    (novels / "chain.txt").symlink_to(novels / "diary.txt")
    (novels / "loop.txt").symlink_to(novels / "loop.txt")
    (panels / "diary").symlink_to(secret)
    deployment.drop("emma.txt", story())
    listed, problems = list_novels(LocalSource(novels))
    assert list(listed) == ["emma"]
    assert set(problems) == {"diary.txt", "chain.txt", "loop.txt"}
    assert "leads out of the content folder" in panel_problems(LocalSource(panels))["diary"]
    result = deployment.ingest("diary")
    assert not result.success
    assert "leads out of the content folder" in failure_of(result)
    assert deployment.rows("SELECT count(*) FROM novels") == [(0,)]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="mph"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _look(folder: Path, sending: Connection) -> None:
    from morpheus_assets.text.novel_files import UnreadableNovelFile, read_novel_file

    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    source = LocalSource(folder / "novels", sleep=lambda _: None)
    taken = [take_novel(entry) for entry in source.entries()]
    seen = source.observe([each for each in taken if isinstance(each, SourceFile)], {})
    try:
        source.read("closed.txt", 10**6)
        read = "read"
    except FileUnreadable as error:
        read = str(error)
    try:
        read_novel_file(folder / "novels" / "closed.txt")
        said = "read"
    except UnreadableNovelFile as error:
        said = str(error)
    panels = panel_problems(LocalSource(folder / "panels"))
    sending.send((dict(seen.problems), [file.novel for file in seen.files if file.digest], said, read, panels))


def test_what_may_not_be_read_is_named_and_the_rest_goes_on(open_folder: Path):
    for name in ("novels", "panels/emma"):
        (open_folder / name).mkdir(parents=True)
    for name in ("closed.txt", "emma.txt"):
        (open_folder / "novels" / name).write_text("A story.")
    (open_folder / "novels" / "closed.txt").chmod(0)
    (open_folder / "panels" / "emma").chmod(0)
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_look, args=(open_folder, sending))
    process.start()
    assert receiving.poll(200)
    problems, taken, said, read, panels = receiving.recv()
    process.join()
    assert taken == ["emma"]
    assert problems == {"closed.txt": read}
    assert read == "closed.txt cannot be read (Permission denied): check its permissions."
    assert said == "closed.txt cannot be read (Permission denied): check the path and its permissions."
    assert panels == {"emma": "emma: cannot be listed (Permission denied): check that this user may read it."}
