import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from morpheus_assets.cli.main import main
from morpheus_assets.services.inspection import describe
from morpheus_assets.settings import Settings
from morpheus_assets_tests.fixtures.deployment import story

MORPHEUS = Path(sys.executable).parent / "morpheus"


def inspect(*files: Path) -> list[dict]:
    """What is said of `files`; exit code 1 says that one of them was not taken, and nothing else is printed."""
    done = subprocess.run([MORPHEUS, "inspect", "--json", *files], capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == any(answer["state"] != "ok" for answer in answers), done.stderr
    assert done.stderr == ""
    return answers


def two_panels() -> bytes:
    page, file = Image.new("RGB", (600, 800), "white"), io.BytesIO()
    for top in (40, 420):
        page.paste("teal", (40, top, 560, top + 340))
    page.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tmp_path_factory.mktemp("inspected")
    (folder / "emma.txt").write_text("EMMA\n\n" + story(chapters=3), encoding="utf-8")
    (folder / "emma.md").write_text("# Emma\n\n" + story(chapters=2).replace("CHAPTER", "## CHAPTER"), encoding="utf-8")
    told = story(chapters=1).split("\n\n", 1)[1]
    framed = f"PROLOGUE\n\n{told}\n\n{story(chapters=3)}\n\nEPILOGUE\n\n{told}"
    (folder / "framed.txt").write_text(framed, encoding="utf-8")
    (folder / "empty.txt").write_bytes(b"")
    Image.new("RGBA", (30, 20), (255, 0, 0, 100)).save(folder / "red.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.xyz").write_bytes(b"neither")
    with zipfile.ZipFile(folder / "lamps.cbz", "w") as comic:
        info = "<ComicInfo><Series>Lamps</Series><Number>3</Number><Manga>YesAndRightToLeft</Manga></ComicInfo>"
        comic.writestr("ComicInfo.xml", info)
        comic.write(folder / "broken.png", "2.png")
        comic.writestr("10.png", two_panels())
    Image.new("RGB", (30, 20)).save(folder / "picture.cbz", "PNG")
    (folder / "no.cbz").write_bytes(b"Rar!\x1a\x07\x00 not whole")
    files = sorted(folder.iterdir())
    missing = folder / "missing.txt"
    return {Path(answer["file"]).name: answer for answer in inspect(*files, missing)}


def test_every_file_is_answered_by_one_object(answers: dict[str, dict]):
    assert len(answers) == 11
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


def test_a_prologue_and_an_epilogue_are_shown_around_the_chapters(answers: dict[str, dict]):
    answer = answers["framed.txt"]
    assert len(answer["chapters"]) == 3
    assert [(piece["ordinal"], piece["title"]) for piece in answer["front"]] == [(0, "PROLOGUE")]
    assert [(piece["ordinal"], piece["title"]) for piece in answer["back"]] == [(4, "EPILOGUE")]
    done = CliRunner().invoke(main, ["inspect", answer["file"]])
    rows = [line.split() for line in done.stdout.splitlines() if "  line " in line]
    assert [(row[0], row[5]) for row in (rows[0], rows[-1])] == [("0", "PROLOGUE"), ("4", "EPILOGUE")]
    assert "3 chapters" in done.stdout


def test_an_image_shows_what_would_be_done_to_it(answers: dict[str, dict]):
    answer = answers["red.png"]
    assert (answer["width"], answer["height"], answer["mode"]) == (30, 20, "RGBA")
    assert any("white" in treatment for treatment in answer["treatments"])


def test_a_comic_shows_its_pages_and_what_they_are_cut_into(answers: dict[str, dict]):
    answer = answers["lamps.cbz"]
    assert (answer["kind"], answer["series"], answer["number"], answer["direction"]) == ("comic", "Lamps", "3", "rtl")
    assert [(page["entry"], page["reason"] is None) for page in answer["pages"]] == [("2.png", False), ("10.png", True)]
    assert [region["kind"] for region in answer["pages"][1]["regions"]] == ["page", "panel", "panel"]
    told = describe(answer)
    assert "1 page, 1 refused, read from right to left" in told
    assert "10.png  600x800  2 panels" in told


def test_a_picture_named_like_an_archive_is_a_page(answers: dict[str, dict]):
    (page,) = answers["picture.cbz"]["pages"]
    assert (page["width"], page["reason"]) == (30, None)


@pytest.mark.parametrize("name", ["empty.txt", "broken.png", "notes.xyz", "missing.txt", "no.cbz"])
def test_what_cannot_be_taken_is_refused_with_a_sentence_that_names_the_file(answers: dict[str, dict], name: str):
    assert answers[name]["state"] == "refused"
    assert name in answers[name]["reason"]


def test_without_json_a_person_reads_the_same(tmp_path: Path):
    path = tmp_path / "emma.txt"
    path.write_text(story(chapters=3), encoding="utf-8")
    done = CliRunner().invoke(main, ["inspect", str(path)])
    assert done.exit_code == 0
    assert "3 chapters" in done.stdout
    assert "CHAPTER 1" in done.stdout


def test_what_a_file_is_is_told_by_its_place_and_its_content_before_its_name(tmp_path: Path):
    panels, novels, loose = tmp_path / "panels/emma", tmp_path / "novels", tmp_path / "loose"
    for folder in (panels, novels, loose):
        folder.mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(loose / "page.bin", format="PNG")
    (loose / "page.rtf").write_bytes(rb"{\rtf1\ansi " + story(chapters=1).encode() + b"}")
    (loose / "book.mobi").write_bytes(bytes(60) + b"BOOKMOBI" + bytes(60))
    (loose / "words.txt").write_text("BM was a firm, and P3 its mark. " * 9, encoding="utf-8")
    (panels / "page.txt").write_bytes(b"no picture")
    (novels / "book.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    files = [loose / "page.bin", loose / "page.rtf", loose / "book.mobi", loose / "words.txt"]
    answers = inspect(*files, panels / "page.txt", novels / "book.png")
    assert [(answer["kind"], answer["state"]) for answer in answers] == [
        ("image", "ok"),
        ("text", "ok"),
        ("text", "refused"),
        ("text", "ok"),
        ("image", "refused"),
        ("text", "refused"),
    ]
    assert "convert it to EPUB" in answers[2]["reason"]
    assert "panels folder" in answers[5]["reason"]


def test_a_folder_of_chapters_is_shown_as_the_novel_that_it_becomes(tmp_path: Path):
    folder = tmp_path / "My Novel"
    folder.mkdir()
    for number in (1, 2, 10):
        (folder / f"{number} Part {number}.txt").write_text(story(chapters=1, seed=number))
    (folder / "cover.html").write_text("<html><body><img src='cover.jpg'></body></html>")
    (folder / "lost.mobi").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "novels").mkdir()
    novel, empty, shelf = inspect(folder, tmp_path / "empty", tmp_path / "novels")
    assert (novel["state"], novel["format"], novel["title"]) == ("ok", "folder", "My Novel")
    assert [chapter["href"] for chapter in novel["chapters"]] == ["1 Part 1.txt", "2 Part 2.txt", "10 Part 10.txt"]
    assert [chapter["line"] for chapter in novel["chapters"]] == [1, 1, 1]
    assert novel["repairs"][0] == "cover.html holds no text and was left out."
    assert novel["repairs"][1].startswith("My Novel/lost.mobi is not one of")
    assert "holds no file" in empty["reason"]
    assert "name its files and folders" in shelf["reason"]


def test_an_image_that_is_too_large_names_the_setting_and_nothing_is_said_beside_it(tmp_path: Path):
    path = tmp_path / "vast.png"
    Image.new("1", (9000, 9000)).save(path)
    (answer,) = inspect(path)
    assert "MORPHEUS_MAX_IMAGE_PIXELS" in answer["reason"]


def test_a_language_that_the_model_hardly_knows_is_said_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "roman.txt"
    file.write_text("Chapitre I\n\n" + "Le capitaine regarde la mer et pense à son île. Il pleut sur le port. " * 40)
    values = Settings(_env_file=None, text_spaces="sentence-transformers/all-MiniLM-L6-v2")
    monkeypatch.setattr("morpheus_assets.cli.novels.settings", lambda: values)
    shown = CliRunner().invoke(main, ["inspect", str(file)]).output
    assert "note: all-MiniLM-L6-v2 hardly knows French" in shown
    assert "multilingual-e5-small" in shown
    values = Settings(_env_file=None, text_spaces="openai/text-embedding-3-small")
    assert "hardly knows" not in CliRunner().invoke(main, ["inspect", str(file)]).output
