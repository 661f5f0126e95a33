import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import SUPPORTED_SUFFIXES, check_size, read_document
from morpheus_assets_tests.text.readers.container_files import docx, epub, page, zipped

STORY = "It was a bright cold day in April, and the clocks were striking thirteen. " * 5


def sentence(data: bytes, name: str = "novel.txt") -> str:
    with pytest.raises(UnreadableText) as refused:
        read_document(data, name)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")
    return str(refused.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)), "picture (JPEG)"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"PK\x03\x04\x14\x00\x00\x00" + bytes(50), "archive (ZIP)"),
        (b"\x7fELF\x02\x01\x01" + bytes(50), "program file (ELF)"),
        (b"MZ\x90\x00\x03\x00" + bytes(50), "program file (Windows)"),
        (b"{\\rtf1\\ansi Hello}", "RTF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
        (bytes(range(256)) * 40, "binary data"),
        (b"---\n\n***\n", "no text"),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence_that_says_what_it_is(data, says):
    assert says in sentence(data)


def test_a_file_beyond_the_limit_is_refused_before_anything_is_read():
    with pytest.raises(UnreadableText, match="at most 64 MiB"):
        check_size("novel.txt", 500 * 2**20)


def test_an_unknown_suffix_names_the_known_ones():
    assert ".epub" in sentence(b"text", "novel.xyz")


def test_a_hostile_name_stays_on_one_line_and_short():
    said = sentence(b"", "../../" + "a\n\x1b[31m" * 100 + ".txt")
    assert len(said) < 200
    assert "\x1b" not in said


def test_control_characters_are_removed_and_said_so():
    document = read_document(f"Chapter 1\n\nThe\x00 night\x08 was \x0clong.\n{STORY}".encode(), "novel.txt")
    assert "The night was  long." in document.text
    assert any("invisible control characters" in repair for repair in document.repairs)


def test_an_offset_after_removed_characters_still_points_at_its_place_in_the_file():
    source = f"One\x00\x00 two.\nThe e\u0301nd\n\nChapter 2\n{STORY}"
    document = read_document(source.encode(), "novel.txt")
    position = document.source_position(document.text.index("Chapter 2"))
    assert (position.line, position.char_offset) == (4, source.index("Chapter 2"))


def test_an_html_page_named_txt_is_read_as_html():
    document = read_document(f"<!DOCTYPE html><html><body><h1>One</h1><p>{STORY}</p></html>".encode(), "novel.txt")
    assert document.format == "html"
    assert "<p>" not in document.text
    assert any("HTML page" in repair for repair in document.repairs)


def test_plain_text_named_html_keeps_its_lines():
    document = read_document(f"CHAPTER I\n\n{STORY}\nHe was < 5 feet.".encode(), "novel.html")
    assert document.text.startswith("CHAPTER I\n\nIt was")


HTML = (
    "<html lang='en'><head><title>A Tale</title><style>p {color: red}</style></head>\n<body>\n"
    "<nav><a href='#1'>One</a></nav>\n<div><h2 id='1'>\n  Chapter <i>One</i>\n</h2></div>\n"
    "<p>First&nbsp;line<br>second line.<sup><a href='#n1'>1</a></sup></p><p>Next   \n paragraph &amp; more.</p>\n"
    "<script>var x = '<h2>no</h2>';</script><!-- <h2>nor this</h2> -->\n"
    "<span class='pagenum'>[Pg 12]</span><p>Third.</p><h2>Chapter Two</h2><p>E<i>\u0301</i>nd of it.</p></body></html>"
)


def test_html_keeps_paragraphs_apart_and_drops_what_is_not_the_story():
    document = read_document(HTML.encode(), "tale.html")
    assert document.text == (
        "Chapter One\n\nFirst\xa0line\nsecond line.\n\nNext paragraph & more.\n\nThird.\n\nChapter Two\n\nÉnd of it."
    )
    assert document.title == "A Tale"


def test_html_headings_point_at_their_tags():
    document = read_document(HTML.encode(), "tale.html")
    assert [(hint.text, hint.level) for hint in document.hints] == [("Chapter One", 2), ("Chapter Two", 2)]
    for hint, tag in zip(document.hints, ("<h2 id='1'>", "<h2>Chapter Two"), strict=True):
        assert document.text[hint.char_offset :].startswith(hint.text)
        assert document.source_position(hint.char_offset).char_offset == HTML.index(tag)


def test_an_element_that_is_never_closed_does_not_swallow_the_book():
    document = read_document(b"<p>Before.</p><nav><p>After.</p><script>x", "tale.html")
    assert "Before." in document.text
    assert "After." in document.text


def test_ruby_readings_are_left_out():
    page_text = "<p>" + "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字を読む。" * 5 + "</p>"
    assert read_document(page_text.encode(), "j.html").text == "漢字を読む。" * 5


def test_markdown_headings_of_both_styles_point_at_their_lines():
    source = "---\ntitle: Marsh Letters\nauthor: B. Writer\n---\n# Part\n\n"
    source += f"{STORY}\n\nSecond\n------\n\n*It* was **late**.\n"
    document = read_document(source.encode(), "tale.md")
    assert [(hint.text, hint.level) for hint in document.hints] == [("Part", 1), ("Second", 2)]
    assert [document.source_position(hint.char_offset).line for hint in document.hints] == [5, 9]
    assert document.text.endswith("It was late.")
    assert (document.title, document.author) == ("Marsh Letters", "B. Writer")


def test_a_gutenberg_header_names_title_and_author():
    header = "The Project Gutenberg EBook of X\n\nTitle: The Long Road\n\nAuthor: A. Walker\n\nLanguage: French\n\n"
    document = read_document((header + STORY).encode(), "novel.txt")
    assert (document.title, document.author, document.language) == ("The Long Road", "A. Walker", "fr")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Longtemps, je me suis couché de bonne heure. Parfois, mes yeux se fermaient si vite que. " * 4, "fr"),
        ("Es war einmal ein kleines Mädchen, dem war Vater und Mutter gestorben, und es war so arm. " * 4, "de"),
        ("En un lugar de la Mancha, de cuyo nombre no quiero acordarme, vivía un hidalgo de los. " * 4, "es"),
        ("私はその人を常に先生と呼んでいた。だからここでもただ先生と書く。" * 4, "ja"),
        ("话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。" * 4, "zh"),
        ("It was the best of times, and with that it was the worst of times, which was the age of his. " * 8, "en"),
        ("Het was een avond in het najaar, of misschien was het al winter, en hij liep naar huis. " * 8, "nl"),
        ("Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива. " * 4, "ru"),
    ],
)
def test_the_language_is_found_in_the_body(text, language):
    assert read_document(text.encode(), "novel.txt").language == language


def _inputs():
    text = f"<h1>a</h1><p>{STORY}</p>"
    markup = st.text(st.sampled_from("<>/h1pbr \n#*_[]()&;\"'=!-`|a\u0301é\x00\x0c"), max_size=200).map(str.encode)
    cut = st.integers(0, 1500)
    whole = [epub({"a.xhtml": page(text)}), docx([("Heading1", "One"), ("", STORY)]), zipped({"a": "b"})]
    damaged = st.sampled_from(whole).flatmap(
        lambda book: st.tuples(cut, st.binary(max_size=8)).map(lambda at: book[: at[0]] + at[1] + book[at[0] + 8 :])
    )
    return st.one_of(st.binary(max_size=300), markup, damaged)


@settings(max_examples=400, deadline=None)
@given(_inputs(), st.sampled_from(SUPPORTED_SUFFIXES))
@example(b"<p>&#99999999999999999999;" + b"9" * 5000 + b";", ".html")
def test_any_bytes_become_a_sound_document_or_one_sentence(data, suffix):
    try:
        document = read_document(data, f"novel{suffix}")
    except UnreadableText as problem:
        refused = str(problem)
    else:
        refused = ""
    if refused:
        assert refused.startswith("novel.")
        assert "\n" not in refused
        return
    assert unicodedata.is_normalized("NFC", document.text)
    assert "\x00" not in document.text
    assert "\r" not in document.text
    document.text.encode("utf-8")
    last = (-1, 0, 0)
    for offset in range(0, len(document.text) + 1, max(1, len(document.text) // 50)):
        at = document.source_position(offset)
        here = (at.spine_index or 0, at.char_offset, at.line)
        assert here >= last
        last = here
    for hint in document.hints:
        assert 0 <= hint.char_offset <= len(document.text)
        assert " ".join(document.text[hint.char_offset :].split()).startswith(hint.text) or hint.source == "epub-toc"
