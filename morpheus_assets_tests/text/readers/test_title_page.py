import pytest

from morpheus_assets.text.formats import read_document

STORY = "".join(f"Chapter {n}\n\n" + "He came back over the hill with the lamp. " * 60 + "\n\n" for n in range(1, 5))
PAGES = "".join(
    f"<h2>Chapter {n}</h2><p>" + "He came back over the hill with the lamp. " * 60 + "</p>" for n in range(1, 5)
)


def named(data: str, name: str = "a.txt") -> tuple[str | None, str | None]:
    document = read_document(data.encode(), name)
    return document.title, document.author


@pytest.mark.parametrize(
    ("head", "title", "author"),
    [
        ("The Long Road\n\nby A. Nobody", "The Long Road", "A. Nobody"),
        ("The Long Road\nA Tale of the North\nby inkwell", "The Long Road", "inkwell"),
        ("THE LONG ROAD\n\nBY\n\nA. NOBODY", "THE LONG ROAD", "A. NOBODY"),
        ("Der lange Weg\n\nvon Anna Niemand", "Der lange Weg", "Anna Niemand"),
        ("Title: The Long Road\nAuthor: A. Nobody\nStatus: Completed", "The Long Road", "A. Nobody"),
        ("《长路》\n作者：无名", "长路", "无名"),
        ("《长路》作者：无名", "长路", "无名"),
        ("书名：长路\n作者：无名\n简介：北行。", "长路", "无名"),
        ("Tên truyện: Đường Dài\nTác giả: Vô Danh", "Đường Dài", "Vô Danh"),
        ("*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\n\nLong Road\n\nby A. Nobody", "Long Road", "A. Nobody"),
        ("He stood\n\nby the river.", None, None),
        ("Chapter 0\n\nby A. Nobody", None, None),
    ],
)
def test_the_first_lines_of_a_text_name_it_and_its_author(head: str, title: str | None, author: str | None):
    assert named(f"{head}\n\n\n{STORY}") == (title, author)


def test_a_text_that_begins_at_once_has_no_title():
    assert named(STORY) == (None, None)


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Noli Me Tangere, by Dr. José Rizal.", "NOLI ME TANGERE", ("Noli Me Tangere", "Dr. José Rizal")),
        ("Die Verwandlung, by Franz Kafka—A Project Gutenberg eBook", "X", ("Die Verwandlung", "Franz Kafka")),
        ("The Long Road | Royal Road", "Chapter 1", ("The Long Road", None)),
        ("The Long Road - inkwell - Wattpad", "The Long Road", ("The Long Road", None)),
        ("The Long Road - inkwell - Some Fandom [Archive of Our Own]", "The Long Road", ("The Long Road", None)),
        ("The Long Road by A. Nobody", "The Long Road", ("The Long Road", "A. Nobody")),
        ("Down by the River", "Chapter 1", ("Down by the River", None)),
    ],
)
def test_what_a_site_adds_to_the_title_of_a_page_is_left_out(
    title: str, heading: str, expected: tuple[str, str | None]
):
    page = f"<html><head><title>{title}</title></head><body><h1>{heading}</h1>{PAGES}</body></html>"
    assert named(page, "a.html") == expected


def test_the_line_below_the_first_heading_of_a_page_names_its_author():
    page = f"<html><body><p>Posted on a site</p><h1>The Long Road</h1><div>by <a>inkwell</a></div>{PAGES}</body></html>"
    assert named(page, "a.html")[1] == "inkwell"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('Project Gutenberg Etext "Faust: Der Tragoedie" by Goethe', ("Faust: Der Tragoedie", "Goethe")),
        ("Project Gutenberg\n\nTitle: Kalevala\n\nAuthor: Compiled by Elias Lönnrot", ("Kalevala", "Elias Lönnrot")),
    ],
)
def test_quotation_marks_and_the_editors_verb_are_left_out_of_gutenbergs_header(
    head: str, expected: tuple[str, str | None]
):
    assert named(f"{head}\n\n*** START OF THIS PROJECT GUTENBERG EBOOK ***\n\n{STORY}") == expected
