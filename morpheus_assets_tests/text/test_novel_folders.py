"""A folder of chapter files as one novel: its chapters, its text, and what refuses it."""

import threading
from collections.abc import Callable, Mapping

import pytest

from morpheus_assets.domain.content import Chapter
from morpheus_assets.text import novel_folders
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.novel_folders import read_novel_folder
from morpheus_assets_tests.fixtures.deployment import story

PROSE = "\n\n".join(
    "It was a long way down to the river, and neither of the two said a word of it. " * 8 for _ in range(6)
)


def read(files: Mapping[str, str | bytes], folder: str = "my-novel") -> tuple[Document, list[Chapter]]:
    data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    document = read_novel_folder(folder, {path: len(each) for path, each in data.items()}, data.get, 2)
    return document, find_chapters(document)


def titles(files: Mapping[str, str | bytes]) -> list[tuple[str, str]]:
    return [(chapter.kind, chapter.title) for chapter in read(files)[1]]


def test_each_file_is_a_chapter_with_its_own_text_and_named_pieces_stand_around_them():
    files = {
        "02 Snow.txt": PROSE,
        "01 The Arrival.txt": PROSE,
        "10.html": f"<html><body><h1>The End of It</h1><p>{PROSE}</p></body></html>",
        "Title page.txt": "My Novel\n\nby Somebody",
        "Preface.txt": PROSE,
        "Epilogue.md": f"# Epilogue\n\n{PROSE}",
    }
    document, chapters = read(files)
    assert [(chapter.kind, chapter.title) for chapter in chapters] == [
        ("front", "Preface"),
        ("chapter", "The Arrival"),
        ("chapter", "Snow"),
        ("chapter", "The End of It"),
        ("back", "Epilogue"),
    ]
    assert [chapter.ordinal for chapter in chapters] == [0, 1, 2, 3, 4]
    arrival = chapters[1]
    assert document.text[arrival.char_start : arrival.char_end] == PROSE.strip()
    assert document.source_position(arrival.char_start).href == "01 The Arrival.txt"
    assert document.format == "folder"


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("01", f"CHAPTER I.\n\nThe Letter\n\n{PROSE}", "CHAPTER I. The Letter"),
        ("01", f"The Letter\n\n{PROSE}", "The Letter"),
        ("01", f"It rained.\n\n{PROSE}", "Chapter 1"),
        ("ch_01_the_letter", PROSE, "the letter"),
        ("Chapter 1 - The Letter", PROSE, "Chapter 1 - The Letter"),
        ("01 A Story", f"1.\n\n{PROSE}\n\n2.\n\n{PROSE}\n\n3.\n\n{PROSE}", "A Story"),
        ("第一章 来信", "他走了很远的路。" * 200, "第一章 来信"),
    ],
)
def test_a_chapter_is_called_what_its_first_line_says_or_else_its_file(name: str, text: str, title: str):
    assert titles({f"{name}.txt": text, "Epilogue.txt": PROSE})[0] == ("chapter", title)


def test_titles_below_the_numbers_are_told_by_those_of_the_other_files():
    names = ("A Letter with a Postscript", "The Arrival", "Mr. Garnet’s Narrative—Has to Do with a Reunion")
    page = "<html><body><section><hgroup><h2>{}</h2><p>{}</p></hgroup><p>{}</p></section></body></html>"
    files = {f"chapter-{n}.xhtml": page.format("I" * n, name, PROSE) for n, name in enumerate(names, 1)}
    assert [title for _, title in titles(files)] == [f"{'I' * n}. {name}" for n, name in enumerate(names, 1)]


def test_what_stands_before_every_name_is_the_books_title_and_no_chapters():
    files = {f"My Book - {number:03} - {title}.txt": PROSE for number, title in enumerate(("Snow", "Rain", "Sun"), 1)}
    assert [title for _, title in titles(files)] == ["Snow", "Rain", "Sun"]


def test_volumes_are_read_as_the_chapters_that_they_hold():
    volumes = {f"Volume {number}.txt": story(chapters=5, seed=number) for number in (1, 2, 10)}
    assert len(titles(volumes)) == 15
    numbered = {
        f"part{part}.txt": "\n\n".join(f"{number}\n\n{PROSE}" for number in range(5 * part - 4, 5 * part + 1))
        for part in (1, 2, 3)
    }
    assert [title for _, title in titles(numbered)] == [str(number) for number in range(1, 16)]
    assert len(titles({"whole.txt": story(chapters=7)})) == 7


def test_sections_within_the_files_make_no_chapters():
    files = {
        f"{name}.txt": "\n\n".join(f"{number}.\n\n{PROSE}" for number in (1, 2, 3)) for name in ("Snow", "Rain", "Sun")
    }
    assert [title for _, title in titles(files)] == ["Rain", "Snow", "Sun"]
    scenes = {
        f"Chapter {number}.md": "\n\n".join(f"## Scene {scene}\n\n{PROSE}" for scene in (1, 2)) for number in (1, 2, 3)
    }
    assert [title for _, title in titles(scenes)] == ["Chapter 1", "Chapter 2", "Chapter 3"]


def test_every_file_keeps_its_own_encoding_and_says_what_was_mended_in_it():
    text = "Le curé n'avait pas encore dîné, et la forêt était déjà noire. " * 40
    document, _ = read({"1.txt": text.encode("cp1252"), "2.txt": text, "3.txt": b"\x00" + text.encode()}, "Le Curé")
    assert document.text.count("curé") == 120
    assert document.language == "fr"
    assert document.title == "Le Curé"
    assert "utf-8" in document.encoding
    assert any(repair.startswith("3.txt: ") for repair in document.repairs)


def refusal(files: Mapping[str, str | bytes]) -> str:
    with pytest.raises(UnreadableText) as caught:
        read(files)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_cannot_be_read_refuses_the_folder_and_a_page_without_text_does_not():
    assert "02.txt is empty (0 bytes)" in refusal({"01.txt": PROSE, "02.txt": b""})
    many = {f"{number}.docx": b"PK\x03\x04" for number in range(9)}
    assert "; so are 6 more files" in refusal({"a.txt": PROSE, **many})
    assert "01.md and 01.txt, which look like one chapter in two formats" in refusal({"01.txt": PROSE, "01.md": PROSE})
    document, chapters = read({"01.txt": PROSE, "cover.html": "<html><body><img src='x.jpg'></body></html>"})
    assert (len(chapters), document.repairs) == (1, ("cover.html holds no text and was left out.",))
    assert "holds no text: put the novel's chapters into it" in refusal({"1.html": "<html><body></body></html>"})


def test_a_file_that_vanished_or_grew_since_it_was_listed_refuses_the_folder():
    with pytest.raises(UnreadableText, match=r"2\.txt changed since it was listed"):
        read_novel_folder("emma", {"1.txt": 5, "2.txt": 5}, {"1.txt": b"Hello"}.get)


@pytest.mark.parametrize(
    ("bound", "value", "sentence"),
    [
        ("MAX_FILES", 2, "holds 3 files, and at most 2 are read as one novel"),
        ("MAX_BYTES", 100, "are read as one novel"),
        ("MAX_TEXT", 5_000, "of text, which no novel has"),
    ],
)
def test_a_folder_is_bounded_as_a_container_is(bound: str, value: int, sentence: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(novel_folders, bound, value)
    assert sentence in refusal({f"{number}.txt": PROSE for number in range(3)})


def test_files_are_read_ahead_and_never_more_than_a_few_at_once():
    held, most, lock = 0, 0, threading.Lock()

    def reading(path: str) -> bytes:
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        return f"Chapter {path}".encode()

    read_bytes: Callable[[str], bytes | None] = reading
    for _ in novel_folders._read_ahead([f"{number}.txt" for number in range(200)], read_bytes, 4):
        held -= 1
    assert 1 < most <= 2 * novel_folders._READ_AHEAD * 4
