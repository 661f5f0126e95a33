import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from morpheus_assets_tests.fixtures.deployment import story

MORPHEUS = Path(sys.executable).parent / "morpheus"


def inspect(*files: Path) -> list[dict]:
    done = subprocess.run([MORPHEUS, "inspect", "--json", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tmp_path_factory.mktemp("inspected")
    (folder / "emma.txt").write_text("EMMA\n\n" + story(chapters=3), encoding="utf-8")
    (folder / "emma.md").write_text("# Emma\n\n" + story(chapters=2).replace("CHAPTER", "## CHAPTER"), encoding="utf-8")
    (folder / "empty.txt").write_bytes(b"")
    Image.new("RGBA", (30, 20), (255, 0, 0, 100)).save(folder / "red.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.xyz").write_bytes(b"neither")
    files = sorted(folder.iterdir())
    missing = folder / "missing.txt"
    return {Path(answer["file"]).name: answer for answer in inspect(*files, missing)}


def test_every_file_is_answered_by_one_object(answers: dict[str, dict]):
    assert len(answers) == 7
    assert {answer["state"] for answer in answers.values()} == {"ok", "refused"}


def test_a_text_shows_its_chapters_where_they_stand_in_the_file(answers: dict[str, dict]):
    answer = answers["emma.txt"]
    text = Path(answer["file"]).read_text(encoding="utf-8")
    assert [chapter["ordinal"] for chapter in answer["chapters"]] == [1, 2, 3]
    for chapter in answer["chapters"]:
        assert text[chapter["char_offset"] :].startswith("CHAPTER")
        assert text.splitlines()[chapter["line"] - 1].startswith("CHAPTER")
        assert chapter["title"].startswith("CHAPTER")
    assert answer["encoding"] == "utf-8"
    assert answer["language"] == "en"
    assert answer["chunks"] > 3


def test_positions_in_markdown_are_those_of_the_source_file(answers: dict[str, dict]):
    answer = answers["emma.md"]
    lines = Path(answer["file"]).read_text(encoding="utf-8").splitlines()
    assert [lines[chapter["line"] - 1][:2] for chapter in answer["chapters"]] == ["##", "##"]


def test_an_image_shows_what_would_be_done_to_it(answers: dict[str, dict]):
    answer = answers["red.png"]
    assert (answer["width"], answer["height"], answer["mode"]) == (30, 20, "RGBA")
    assert any("white" in treatment for treatment in answer["treatments"])


@pytest.mark.parametrize("name", ["empty.txt", "broken.png", "notes.xyz", "missing.txt"])
def test_what_cannot_be_taken_is_refused_with_a_sentence_that_names_the_file(answers: dict[str, dict], name: str):
    assert answers[name]["state"] == "refused"
    assert name in answers[name]["reason"]


def test_without_json_a_person_reads_the_same(tmp_path: Path):
    path = tmp_path / "emma.txt"
    path.write_text(story(chapters=3), encoding="utf-8")
    done = subprocess.run([MORPHEUS, "inspect", path], capture_output=True, text=True, check=True)
    assert "3 chapters" in done.stdout
    assert "CHAPTER 1" in done.stdout
