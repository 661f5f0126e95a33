import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.documents import Document
from morpheus_assets_tests.text.chapters.made_books import make_prose


def pieces(headings, gap="\n\n"):
    text = "".join(f"{h}\n\n" + "\n\n".join(make_prose(i, 1_500)) + gap for i, h in enumerate(headings))
    return [(c.kind, c.title) for c in find_chapters(Document(text, "txt", "utf-8"))]


@pytest.mark.parametrize("gap", ["\n\n", "\n\n\n\n"])
def test_prologue_and_epilogue_are_pieces_with_their_own_names(gap):
    chapters = [f"Chapter {n}" for n in range(1, 6)]
    assert pieces(["Prologue: Ash", *chapters, "Epilogue", "Afterword"], gap) == [
        ("front", "Prologue: Ash"),
        *(("chapter", title) for title in chapters),
        ("back", "Epilogue"),
        ("back", "Afterword"),
    ]


def test_interludes_and_side_stories_are_chapters_where_they_stand():
    headings = ["Chapter 1", "Interlude: Mira", "Chapter 2", "Side Story 3", "Chapter 3", "Bonus Chapter"]
    assert pieces(headings) == [("chapter", title) for title in headings]


@pytest.mark.parametrize(
    ("headings", "extras"),
    [
        (["第一章 归来", "第二章 来信", "第三章 大雪"], ["番外 第一章 童年", "番外之二", "番外：新年"]),
        (["제1화 집", "제2화 길", "제3화 눈"], ["외전 1화"]),
        (["第1話 帰る", "第2話 手紙", "第3話 雪"], ["幕間 花", "閑話"]),
        (["Глава 1", "Глава 2", "Глава 3"], ["Интерлюдия", "Экстра 2"]),
    ],
)
def test_extras_after_the_last_chapter_are_chapters_in_every_language(headings, extras):
    assert pieces([*headings, *extras]) == [("chapter", title) for title in [*headings, *extras]]


def test_a_note_inside_a_chapter_is_no_piece():
    text = "".join(f"Chapter {n}\n\n" + "\n\n".join(make_prose(n, 1_500)) + "\n\n\n" for n in (1, 2, 3))
    text += "Chapter 4\n\n" + "\n\n".join([*make_prose(4, 1_500), "NOTE", *make_prose(5, 1_500)])
    assert [c.kind for c in find_chapters(Document(text, "txt", "utf-8"))] == ["chapter"] * 4


def test_pieces_before_the_chapters_count_down_from_nought():
    text = "".join(f"{h}\n\n" + "\n\n".join(make_prose(i, 1_500)) + "\n\n\n" for i, h in enumerate(
        ["Preface", "Prologue", "Chapter 1", "Chapter 2", "Epilogue"]
    ))  # fmt: skip
    assert [c.ordinal for c in find_chapters(Document(text, "txt", "utf-8"))] == [-1, 0, 1, 2, 3]


def test_prefaces_and_afterwords_that_are_counted_are_pieces():
    headings = ["はしがきの一", "はしがきの二", "第一章", "第二章", "第三章", "あとがきの一", "あとがきの二"]
    text = "".join(f"{heading}\n\n" + "　雪が降っていた。\n" * 200 + "\n" for heading in headings)
    found = [(c.kind, c.title) for c in find_chapters(Document(text, "txt", "utf-8"))]
    kinds = ["front", "front", "chapter", "chapter", "chapter", "back", "back"]
    assert found == list(zip(kinds, headings, strict=True))
