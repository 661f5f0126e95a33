import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chapters.hints import _UNDERLINED, _underlined
from morpheus_assets.text.chapters.numerals import cjk_value, number_words_value, roman_value
from morpheus_assets.text.chapters.vocabulary import vocabulary
from morpheus_assets.text.documents import Document, HeadingHint
from morpheus_assets.text.languages import listed
from morpheus_assets_tests.text.chapters.heading_styles import chinese, ordinal, roman, words

_LINES = st.one_of(
    st.sampled_from(
        listed(
            """CHAPTER I|CHAPTER II|Chapter 3|I|II|III.|1|2|BOOK ONE|PART II: THE END|CONTENTS|Epilogue|PREFACE
第一章|第二回 x|一|二|— 4 —|*** 5 ***|# Title|CHAPTER|CHAPTER .|Letter 1|Chapter 1.II. x|A SHOUT!|....
บทที่๑|บทที่สอง|פרק א'|ט"ו|अध्याय १|1:a kapitlet|Chapter12
［＃「一」は中見出し］|［＃「|［＃大見出し］|THE END|INDEX|底本：x|CHAPTER I ........ 3|【第三章】x|제1장
*** START OF THIS PROJECT GUTENBERG EBOOK ***|*** END OF THIS PROJECT GUTENBERG EBOOK ***""",
            "|",
        )
    ),
    st.text(max_size=120),
    st.text("ab .,\u3000IVX1第章א'บ๑ก็\f\t", max_size=300),
    st.just(""),
    st.just("A long enough line of prose that goes on, and on, until it ends with a full stop. " * 8),
)
TEXTS = st.lists(_LINES, max_size=60).map("\n".join)


@st.composite
def documents(draw):
    text = draw(TEXTS)
    offsets = draw(st.lists(st.integers(0, max(0, len(text))), max_size=8))
    hints = tuple(
        HeadingHint(o, draw(st.integers(1, 4)), draw(_LINES), "html", draw(st.sampled_from(["", "chapter", "back"])))
        for o in offsets
    )
    return Document(text=text, format="txt", encoding="utf-8", hints=hints)


@given(documents())
@settings(max_examples=400, deadline=None)
def test_chapters_of_any_text_are_ordered_whole_and_repeatable(document):
    found = find_chapters(document)
    assert bool(found) == bool(document.text.strip())
    position = 0
    for chapter in found:
        assert position <= chapter.char_start < chapter.char_end <= len(document.text)
        assert chapter.line == document.text.count("\n", 0, chapter.char_start) + 1
        assert chapter.title == " ".join(chapter.title.split()) != ""
        position = chapter.char_end
    assert len({chapter.ordinal for chapter in found}) == len(found)
    assert found == find_chapters(document)


def test_a_hundred_thousand_chapters_take_seconds():
    text = "".join(f"Chapter {n}\n\nThe miller came back.\n\n" for n in range(1, 100_001))
    started = time.process_time()
    found = find_chapters(Document(text=text, format="txt", encoding="utf-8"))
    assert len(found) == 100_000
    assert time.process_time() - started < 30


@pytest.mark.parametrize(
    "text",
    [
        "word " * 4_000_000,
        "I" * 5_000_000,
        "=" * 5_000_000,
        "(" * 5_000_000,
        ("第" * 200 + "\n") * 20_000,
        (". " * 100 + "1\n") * 20_000,
        ("- " * 90 + "\n\n") * 20_000,
        ("CHAPTER " * 20 + "\n") * 20_000,
        ("1\n\n") * 100_000,
        ("THE HOUSE\n\n\n") * 50_000,
        ("［＃「" * 30 + "\n") * 10_000,
        ("บท" * 240 + "\n") * 10_000,
        ("א'" * 100 + "\n") * 20_000,
        ("x\u0304" * 240 + "\n") * 10_000,
        "\n" * 2_000_000 + "x",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_texts_are_divided_in_bounded_time(text):
    started = time.process_time()
    assert find_chapters(Document(text=text, format="txt", encoding="utf-8"))
    assert time.process_time() - started < 15


def test_numerals_are_read_as_they_are_written():
    for number in range(1, 60):
        assert roman_value(roman(number)) == number
        assert cjk_value(chinese(number)) == number
        assert number_words_value(words(number).replace("-", " ").split()) == (number, len(words(number).split("-")))
        assert number_words_value(ordinal(number).replace("-", " ").split())[0] == number


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("vingt et unieme", 21),
        ("quatre vingt dix sept", 97),
        ("vigesimo primero", 21),
        ("treinta y dos", 32),
        ("einundzwanzigstes", 21),
        ("двадцать третья", 23),
        ("ventunesimo", 21),
        ("decimo primeiro", 11),
        ("one hundred and five", 105),
        ("last", -1),
    ],
)
def test_number_words_of_many_languages_are_known(phrase, value):
    assert vocabulary().numbers[phrase] == value


_PIECES = st.sampled_from(
    ["\n", "\n\n", " ", "\t", "===", "----", "*", "~~~", "A Title", "x", "words --- of a line", "- "]
)


@given(st.lists(_PIECES, max_size=30).map("".join), st.integers(0, 6), st.integers(0, 6))
def test_underlined_lines_are_those_that_the_pattern_finds(text: str, before: int, after: int):
    start = min(before, len(text))
    body = Body(start, max(start, len(text) - after))
    expected = [match.span() for match in _UNDERLINED.finditer(text, body.start, body.end)]
    assert [match.span() for match in _underlined(text, body)] == expected
