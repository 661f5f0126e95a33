import random
import re
import textwrap
import time

import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.formats import read_document
from morpheus_assets.text.page_traces import without_page_traces

_split = str.split
SUBJECTS = _split("Martha Edwin nobody somebody Mr.Harding Alice everyone Thomas Margaret Captain")
VERBS = _split("remembered considered followed discovered understood carried forgotten whispered expected abandoned")
THINGS = _split("letter garden mountain afternoon carriage candle conversation neighbour wedding-ring window-seat")
LINKS = _split("although because whenever before after while until since unless however")


def sentence(rng: random.Random) -> str:
    words = [rng.choice(SUBJECTS), rng.choice(VERBS), "the", rng.choice(THINGS), rng.choice(LINKS)]
    words += [rng.choice(SUBJECTS), rng.choice(VERBS), "another", rng.choice(THINGS), "beyond the river"]
    return " ".join(words) + "."


def book(rng: random.Random, chapters: int = 8) -> list[tuple[str, list[str]]]:
    return [
        (f"CHAPTER {number}", [" ".join(sentence(rng) for _ in range(rng.randint(3, 9))) for _ in range(18)])
        for number in range(1, chapters + 1)
    ]


def wrapped(paragraph: str, width: int, *, broken: bool, rng: random.Random) -> list[str]:
    """Lines of a paragraph; with `broken`, some words are divided at the end of a line as printers do."""
    if not broken:
        return textwrap.wrap(paragraph, width, break_on_hyphens=False)
    lines, line = [], ""
    for word in paragraph.split():
        room = width - len(line) - 2
        if len(line) + 1 + len(word) <= width:
            line = f"{line} {word}".strip()
        elif word.isalpha() and len(word) > 6 and 3 <= room < len(word) - 2 and rng.random() < 0.8:
            lines.append(f"{line} {word[:room]}-".strip())
            line = word[room:]
        elif "-" in word and len(word.split("-")[0]) < room:
            lines.append(f"{line} {word.split('-')[0]}-".strip())
            line = word.split("-", 1)[1]
        else:
            lines.append(line)
            line = word
    return [*lines, line]


FOOTS = {
    "number": lambda page, chapter: [str(page)],
    "dashes": lambda page, chapter: [f"- {page} -"],
    "page of": lambda page, chapter: [f"Page {page} of 400"],
    "brackets": lambda page, chapter: [f"[{page}]"],
    "Chrome": lambda page, chapter: [f"https://www.example.org/fiction/{'the-mill-by-the-river/' * 3} {page}/400"],
    "gaps": lambda page, chapter: [f"https://www.example.org/justifi{' ' if page % 17 else ''}ed-mill {page}/400"],
    "long address": lambda page, chapter: [f"https://example.org/{'the-mill-by-the-river/' * 9} {page}/400"],
    "Firefox": lambda page, chapter: [f"{page} of 400 11/28/26, 10:23 PM"],
    "Safari": lambda page, chapter: [f"https://example.org/the-mill Page {page} of 400"],
    "none": lambda page, chapter: [],
}
HEADS = {
    "none": lambda page, chapter: [],
    "title": lambda page, chapter: ["THE MILL BY THE RIVER"],
    "chapter": lambda page, chapter: [chapter],
    "date and title": lambda page, chapter: ["11/28/26, 10:23 PM The Mill by the River"],
    "time and long title": lambda page, chapter: [
        f"28.11.2026, 22:23 {'Who Came to the Mill by the River? ' * 3}"[:-1]
    ],
    "title and number": lambda page, chapter: [f"THE MILL BY THE RIVER {page}" if page % 2 else f"{page} A. WRITER"],
}


def printed(chapters, head, foot, *, feed: str, blank: bool, broken: bool, rng: random.Random) -> str:
    """The book page by page, 34 lines each, a chapter beginning a page."""
    out: list[str] = []
    page = 0
    for title, paragraphs in chapters:
        lines = [title, ""]
        for paragraph in paragraphs:
            lines += [*wrapped(paragraph, 62, broken=broken, rng=rng), ""]
        for start in range(0, len(lines), 34):
            page += 1
            top = HEADS[head](page, title) if start else []
            body = [*top, *([""] if top and blank else []), *lines[start : start + 34]]
            foot_lines = FOOTS[foot](page, title)
            out += [feed + body[0], *body[1:], *([""] if foot_lines and blank else []), *foot_lines]
            out += [""] if blank else []
    return "\n".join(out)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize(
    ("head", "foot", "feed"),
    [
        ("none", "number", ""),
        ("none", "dashes", ""),
        ("none", "page of", ""),
        ("none", "brackets", "\f"),
        ("title", "number", ""),
        ("chapter", "number", ""),
        ("title", "none", "\f"),
        ("title", "none", ""),
        ("title and number", "none", ""),
        ("title and number", "none", "\f"),
        ("chapter", "number", "\f"),
        ("date and title", "Chrome", ""),
        ("date and title", "Chrome", "\f"),
        ("time and long title", "long address", ""),
        ("time and long title", "long address", "\f"),
        ("date and title", "gaps", ""),
        ("date and title", "gaps", "\f"),
        ("none", "Firefox", "\f"),
        ("date and title", "Safari", "\f"),
    ],
)
def test_a_printed_book_becomes_the_book_it_was(head, foot, feed, blank, broken):
    rng = random.Random(f"{head}{foot}{feed}{blank}{broken}")
    chapters = book(rng)
    source = printed(chapters, head, foot, feed=feed, blank=blank, broken=broken, rng=rng)
    document = read_document(source.encode(), "novel.txt")
    true = " ".join(words(f"{title} {' '.join(paragraphs)}") for title, paragraphs in chapters)
    got = words(document.text)
    assert got.replace("- ", "-") == true.replace("- ", "-")
    found = [c for c in find_chapters(document) if c.kind == "chapter"]
    assert [c.title for c in found] == [title for title, _ in chapters]
    lines = source.split("\n")
    for chapter in found:
        position = document.source_position(chapter.char_start)
        assert lines[position.line - 1].strip("\f") == chapter.title
    assert any("printed pages" in repair for repair in document.repairs)
    assert any("broken at line ends" in repair for repair in document.repairs) == broken


def test_every_word_still_points_at_its_place_in_the_file():
    rng = random.Random(5)
    source = printed(book(rng, 4), "title", "number", feed="", blank=True, broken=True, rng=rng)
    document = read_document(source.encode(), "novel.txt")
    for match in re.finditer(r"\b[A-Za-z]{3,}", document.text):
        at = document.source_position(match.start()).char_offset
        assert source[at] == match.group()[0]


def test_words_with_a_hyphen_of_their_own_keep_it():
    rng = random.Random(7)
    source = printed(book(rng, 4), "none", "number", feed="", blank=True, broken=True, rng=rng)
    text = read_document(source.encode(), "novel.txt").text
    assert "weddingring" not in text
    assert "windowseat" not in text
    assert "wedding-ring" in text


PLAIN = "The rain had not stopped for three days, and the road to the mill was under\nwater as far as the bridge.\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{n}\n\n{PLAIN * 3}" for n in range(1, 40)),
        "".join(f"CHAPTER {n}\n\n{PLAIN * 3}" for n in range(1, 40)),
        "".join(f"{n}\n{PLAIN}" for n in range(1, 200)),
        "".join(f"{PLAIN * 2}* * *\n\n" for _ in range(50)),
        "".join(f"{PLAIN}Nevermore\n\n" for _ in range(50)),
        "Row, row, row your boat\nGently down the stream\nmerrily, merrily\nlife is but a dream\n\n" * 30,
        "He saw the well-\nknown mill, and the never-\nending road to it; it was a well-known place,\n" * 20,
        "I have not-\nbut you know that- and\nthe rest is no-\nbody's business. Nobody asks- nobody\n" * 3,
        PLAIN * 30 + "1805\n\n" + PLAIN * 30 + "1806\n\n" + PLAIN * 20 + "1807\n\n" + PLAIN * 9,
    ],
)
def test_a_text_that_comes_from_no_pages_is_left_as_it_is(text):
    assert without_page_traces(text).text == text


@pytest.mark.parametrize("mark", ["¬", "\u2010", "\xad"])
def test_other_marks_of_a_broken_word_are_known(mark):
    text = f"It was an exqui{mark}\nsite morning, the car{mark}\nriage was late;\nanother carriage in the exqui{mark}\n"
    text += f"site light of the gar{mark}\nden, and nobody came home; per{mark}\nhaps they had gone.\n"
    cleaned = words(without_page_traces(text).text)
    assert "exquisite morning, the carriage was late; another carriage in the exquisite light of the garden," in cleaned
    assert mark not in cleaned


def test_hostile_lines_take_no_time():
    for line in ("1\n", "a-\n", "1 a\n", "a 1\n", "\n", " " * 70 + "\n", "-" * 60 + "1\n", "a b " * 15 + "1\n"):
        started = time.process_time()
        without_page_traces(line * 30_000)
        assert time.process_time() - started < 5


def test_verses_that_end_within_words_on_purpose_stay_as_they_were_written():
    verse = [
        "Si de llegarte a los bue-", "libro, fueres con letu-", "no te dirá el boquirru-", "que no pones bien los de-",
        "Mas si el pan no se te cue-", "por ir a manos de idio-", "verás de manos a bo-", "aun no dar una en el cla-",
        "si bien se comen las ma-", "por mostrar que son curio-",
    ]  # fmt: skip
    rng = random.Random(3)
    prose = "\n\n".join(
        "\n".join(wrapped(paragraph, 70, broken=False, rng=rng))
        for _, paragraphs in book(rng)
        for paragraph in paragraphs
    )
    text = prose + "\n\n" + "\n".join(verse) + "\n\n" + prose
    assert without_page_traces(text).text == text
    alone = "\n".join(verse * 2)
    assert without_page_traces(alone).text == alone
