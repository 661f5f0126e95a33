"""Faults that real files have, and that must not cost a reader any text."""

from morpheus_assets.text.formats import read_document

PARAGRAPHS = "".join(
    f"<p>Paragraph {number} of the chapter that a quote once swallowed.</p>\n" for number in range(200)
)


def test_a_quote_that_is_never_closed_loses_no_paragraph():
    source = f'<body><p><img alt="a" height="10&rdquo; width=" />\n{PARAGRAPHS}<p class="last">The end.</p></body>'
    text = read_document(source.encode(), "novel.html").text
    assert text.count("that a quote once swallowed") == 200
    assert text.endswith("The end.")


def test_a_long_attribute_that_is_closed_stays_an_attribute():
    picture = "data:image/png;base64," + "A" * 5000
    text = read_document(f'<p>before</p><img src="{picture}"><p>after</p>'.encode(), "novel.html").text
    assert text == "before\n\nafter"


def test_prose_over_a_rule_is_no_heading_in_markdown_whose_headings_begin_with_a_mark():
    source = (
        "# Chapter 1\n\nMUNICIPAL ELECTIONS\n---\n\nHe read the card.\n\n# Chapter 2\n\nMore.\n\n# Chapter 3\n\nEnd.\n"
    )
    document = read_document(source.encode(), "novel.md")
    assert [hint.text for hint in document.hints] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert "MUNICIPAL ELECTIONS" in document.text


def test_underlined_headings_count_where_there_are_no_others():
    document = read_document(b"Chapter 1\n---\n\nText.\n\nChapter 2\n---\n\nMore.\n", "novel.md")
    assert [hint.text for hint in document.hints] == ["Chapter 1", "Chapter 2"]
