import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.documents import Document
from morpheus_assets_tests.text.chapters.made_books import make_prose


def book(headings, length=2_000):
    return "".join(f"{h}\n\n" + "\n\n".join(make_prose(i, length)) + "\n\n" for i, h in enumerate(headings))


def titles(text):
    return [c.title for c in find_chapters(Document(text, "txt", "utf-8")) if c.kind == "chapter"]


@pytest.mark.parametrize(
    "headings",
    [
        ["1.1 Salt", "1.2 Bread", "1.3 Wine", "2.1 Smoke", "2.2 Ash", "3.1 Rain"],
        ["1-1", "1-2", "2-1", "2-2", "3-1", "3-2"],
        [f"1.{n} Salt" for n in range(1, 13)],
        ["1", "2", "2.5", "3", "4", "5"],
        ["Chapter 0", "Chapter 1", "Chapter 2", "Chapter 2.5", "Chapter 13.5", "Chapter 14"],
        ["Chapter 1", "Chapter 2a", "Chapter 2b", "Chapter 3", "Chapter 4"],
        ["Vol. 1 Ch. 1", "Vol. 1 Ch. 2", "Vol. 2 Ch. 1", "Vol. 2 Ch. 13.5", "Vol. 3 Ch. 1"],
        [f"Chapter 9 ({n}/5)" for n in range(1, 6)],
        [f"{n}/6" for n in range(1, 7)],
        ["Chapter 1", "Chapter 1, Part 2", "Chapter 2", "Chapter 2, Part 2", "Chapter 3"],
        [f"Chapter {n}" for n in range(9, 0, -1)],
        ["Seven", "Six", "Five", "Four", "Three", "Two", "One"],
        ["Chapter: Salt", "Chapter: Bread", "Chapter: Wine", "Chapter: Smoke"],
        ["#1 Salt", "#2 Bread", "#3 Wine", "#4 Smoke"],
        ["001 Salt", "002 Bread", "003 Wine", "004 Smoke"],
        ["1 | Salt", "2 | Bread", "3 | Wine", "4 | Smoke"],
    ],
    ids=lambda headings: headings[-1],
)
def test_chapters_are_found_however_they_are_numbered(headings):
    assert titles(book(headings)) == headings


@pytest.mark.parametrize(
    "heading", ["Chapter 17: Salt", "Chapter 112", "Episode 12: Salt", "第一百二十章 归来", "17. Salt"]
)
def test_a_file_that_is_one_chapter_of_a_serial_has_one(heading):
    assert titles(book([heading], 6_000)) == [heading]


def test_parts_of_a_number_count_in_order():
    numbers = [
        parse_heading(f"Chapter {n}").number for n in ("1", "1.1", "1.9", "1.10", "2", "2a", "2b", "3 (1/2)", "3 (2/2)")
    ]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


def test_a_version_a_date_and_a_distance_are_not_read_as_two_numbers():
    for line in ("1-2-2024", "1.2.3 The kernel", "1.5 kilometres"):
        heading = parse_heading(line)
        assert heading is None or heading.style != "bare-decimal"


@pytest.mark.parametrize("marks", ["[b]{}[/b]", "[center][b]{}[/b][/center]", "**{}**", "== {} ==", "{}\n-----"])
def test_titles_in_the_marks_of_forums_and_markdown_are_chapters_of_plain_text(marks):
    names = ["Salt", "Bread and Wine", "Smoke", "The Long Rain"]
    assert titles(book([marks.format(name) for name in names])) == names


def test_a_running_head_on_every_page_is_no_chapter():
    pages = [(chapter, page) for chapter in (1, 2, 3, 4) for page in range(3)]
    text = "".join(
        f"CHAPTER {chapter}\n\n" + "\n".join(make_prose(chapter * 9 + page, 1_800)) + f"\n\n{number}\n\n"
        for number, (chapter, page) in enumerate(pages, 1)
    )
    assert titles(text) == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3", "CHAPTER 4"]


def test_the_first_sentence_is_no_title():
    text = book([f"Chapter {n}\nThe miller had never spoken of it before." for n in (1, 2, 3)])
    assert titles(text) == ["Chapter 1", "Chapter 2", "Chapter 3"]
