import pytest

from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.text.readers.container_files import docx, word_document

STORY = "It rained on the mill, and nobody came."


def headings(data):
    return [(hint.text, hint.level) for hint in read_document(data, "a.docx").hints]


@pytest.mark.parametrize(
    ("way", "level"), [("heading", 1), ("derived", 1), ("outline", 1), ("title style", 7), ("bold centred", 7)]
)
def test_a_heading_is_known_however_word_was_told(way, level):
    assert headings(word_document([(way, "Salt"), ("", STORY), (way, "Bread")])) == [("Salt", level), ("Bread", level)]


def test_a_number_that_word_counts_is_part_of_the_heading():
    data = word_document(
        [("numbered heading", "Salt"), ("", STORY), ("numbered heading", "Bread"), ("bare number", "")]
    )
    assert [text for text, _ in headings(data)] == ["Chapter 1. Salt", "Chapter 2. Bread", "Chapter 3"]
    assert "Chapter 3" in read_document(data, "a.docx").text


def test_plain_paragraphs_and_unknown_styles_are_no_headings():
    assert headings(word_document([("", "Salt"), ("", STORY)])) == []
    assert headings(docx([("Quote", "Salt"), ("", STORY)])) == []
