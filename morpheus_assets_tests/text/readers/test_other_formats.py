import random
import textwrap

import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.text.readers.container_files import docx, epub, page, zipped
from morpheus_assets_tests.text.readers.pdf_files import pdf

PROSE = "The rain had not stopped for three days, and the road to the mill was under water. " * 4


def said(data: bytes, name: str) -> str:
    with pytest.raises(UnreadableText) as refused:
        read_document(data, name)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def chapters(document) -> list[str]:
    return [chapter.title for chapter in find_chapters(document) if chapter.kind == "chapter"]


def rtf(body: str, head: str = r"\ansi\ansicpg1252") -> bytes:
    return ("{\\rtf1" + head + "\n" + body + "}").encode("latin-1")


RTF_HEAD = (
    r"\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Times New Roman;}{\f1\fcharset204 Times Cyr;}}"
    r"{\colortbl;\red0\green0\blue0;}{\stylesheet{\s0 Normal;}{\s3\outlinelevel0 My Chapter;}{\s1 heading 1;}}"
    r"{\info{\title The Mill}{\author B. Writer}{\*\company secret}}{\header running head\par}"
)


def test_rtf_keeps_paragraphs_headings_and_marks():
    body = "".join(
        rf"\pard\s1 Chapter {n}\par\pard\s0 It wasn\rquote t \'e9l\'e9gant\emdash \u8220?no\u8221?.\par {PROSE}\par"
        for n in (1, 2)
    )
    document = read_document(rtf(body, RTF_HEAD), "a.rtf")
    assert document.text.startswith(f"Chapter 1\n\nIt wasn’t élégant—“no”.\n\n{PROSE.strip()}\n\nChapter 2\n\n")
    assert [(hint.text, hint.level) for hint in document.hints] == [("Chapter 1", 1), ("Chapter 2", 1)]
    assert chapters(document) == ["Chapter 1", "Chapter 2"]
    assert (document.title, document.author, document.format) == ("The Mill", "B. Writer", "rtf")
    assert "running head" not in document.text


def test_rtf_in_other_scripts_is_read_by_the_fonts_code_page_or_by_unicode():
    cyrillic = "".join(rf"\'{byte:02x}" for byte in "Дождь шёл".encode("cp1251"))
    unicode = "".join(rf"\u{ord(char)}?" for char in "три дня")
    text = read_document(rtf(rf"\f1 {cyrillic}\f0  {unicode}\par {PROSE}", RTF_HEAD), "a.rtf").text
    assert text.startswith("Дождь шёл три дня")
    japanese = "".join(rf"\'{byte:02x}" for byte in "先生は".encode("cp932"))
    assert read_document(rtf(japanese + PROSE, r"\ansi\ansicpg932"), "a.rtf").text.startswith("先生は")


def test_rtf_leaves_hidden_deleted_and_coded_things_out():
    body = (
        r"Seen {\v secret}{\deleted gone}and {\field{\*\fldinst HYPERLINK x}{\fldrslt linked}} on.\par"
        r"{\pict\pngblip 89504e470d0a}{\*\unknown words}{\object{\*\objdata 01}}\v secret again\v0  open.\par "
    )
    document = read_document(rtf(body + PROSE), "a.rtf")
    assert document.text.startswith("Seen and linked on.\n\nopen.")
    assert "3 passages of hidden text were left out." in document.repairs


def test_rtf_footnotes_stand_after_their_paragraph():
    body = rf"First{{\super\chftn{{\footnote\pard {{\super\chftn}} A toll was usual.\par}}}} went on.\par {PROSE}\par"
    assert read_document(rtf(body), "a.rtf").text.startswith("First[1] went on.\n\n[1] A toll was usual.\n\nThe rain")


def test_hostile_rtf_is_read_or_refused_soon():
    assert "nested" in said(rtf("{" * 5000), "a.rtf")
    assert "is no RTF" in said(b"x" * 100, "a.rtf")
    assert "no text" in said(rtf("{" * 400 + r"\bin99999999999 x"), "a.rtf")
    assert read_document(rtf(r"\'zz \u99999999 \ " + PROSE + r"\par\x"), "a.rtf").text.endswith("under water.")


FB2_HEAD = '<?xml version="1.0" encoding="{encoding}"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0" '
FB2_HEAD += 'xmlns:l="http://www.w3.org/1999/xlink"><description><title-info><book-title>Мельница</book-title>'
FB2_HEAD += "<author><first-name>Иван</first-name><last-name>Петров</last-name></author><lang>ru</lang></title-info>"
FB2_HEAD += "</description>"


def fb2(body: str, encoding: str = "utf-8") -> bytes:
    whole = FB2_HEAD.format(encoding=encoding) + body + '<binary id="a">AAAA</binary></FictionBook>'
    return whole.encode(encoding)


FB2_BODY = (
    "<body><title><p>Мельница</p></title>"
    "<section><title><p>Часть первая</p></title>"
    "<section><title><p>Глава 1</p><p>Дождь</p></title><p>Дождь шёл<a l:href='#n1' type='note'>1</a> три дня.</p>"
    "<poem><stanza><v>Раз</v><v>два</v></stanza></poem></section>"
    "<section><title><p>Глава 2</p></title><p>Дорога была под <emphasis>водой</emphasis>.</p></section></section>"
    "</body>"
    "<body name='notes'><section id='n1'><title><p>1</p></title><p>Сильный.</p></section></body>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_fb2_is_read_with_its_sections_notes_and_names(encoding):
    document = read_document(fb2(FB2_BODY, encoding), "a.fb2")
    assert document.text == (
        "Мельница\n\nЧасть первая\n\nГлава 1\nДождь\n\nДождь шёл[1] три дня.\n\n[1] Сильный.\n\nРаз\nдва\n\n"
        "Глава 2\n\nДорога была под водой."
    )
    assert [(hint.text, hint.level) for hint in document.hints] == [
        ("Часть первая", 1),
        ("Глава 1 Дождь", 2),
        ("Глава 2", 2),
    ]
    assert (document.title, document.author, document.language) == ("Мельница", "Иван Петров", "ru")


def test_fb2_in_a_zip_file_is_read_and_several_are_not():
    assert read_document(zipped({"book.fb2": fb2(FB2_BODY)}), "a.fb2.zip").format == "fb2"
    assert "2 books" in said(zipped({"a.fb2": fb2(FB2_BODY), "b.fb2": fb2(FB2_BODY)}), "a.zip")


def test_a_zip_file_of_another_book_is_read_as_that():
    assert read_document(epub({"a.xhtml": page(f"<p>{PROSE}</p>")}), "a.zip").format == "epub"
    assert read_document(docx([("", PROSE)]), "a.zip").format == "docx"
    assert "FictionBook or HTML" in said(zipped({"a.png": b"x"}), "a.zip")


def test_hostile_fb2_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "ha">]><FictionBook><body><p>&a;</p></body></FictionBook>'
    assert "entity bomb" in said(bomb.encode(), "a.fb2")
    assert "no FictionBook" in said(b"<html><p>x</p></html>", "a.fb2")
    assert "bomb" in said(zipped({"a.fb2": b"<FictionBook>" + b"a" * 60_000_000}), "a.zip")


ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (("office", "office"), ("text", "text"), ("style", "style"), ("table", "table"))
)


def odt(body: str, styles: str = "", extra: dict[str, str | bytes] | None = None) -> bytes:
    content = (
        f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    meta = "<meta><title>The Mill</title><initial-creator>B. Writer</initial-creator></meta>"
    files = {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content, "meta.xml": meta}
    return zipped(files | (extra or {}))


def test_odt_keeps_headings_blanks_and_line_breaks():
    body = (
        '<text:h text:outline-level="1">Chapter 1</text:h><text:p>One<text:s text:c="2"/>two<text:line-break/>'
        f"<text:span>three</text:span>.</text:p><text:p>{PROSE}</text:p>"
        '<text:p text:style-name="P1">Chapter 2</text:p><text:list><text:list-item><text:p>Last.</text:p>'
        "</text:list-item></text:list>"
    )
    styles = '<style:style style:name="P1" style:parent-style-name="Heading_20_1"/>'
    document = read_document(odt(body, styles), "a.odt")
    assert document.text == f"Chapter 1\n\nOne  two\nthree.\n\n{PROSE.strip()}\n\nChapter 2\n\nLast."
    assert [(hint.text, hint.level) for hint in document.hints] == [("Chapter 1", 1), ("Chapter 2", 1)]
    assert (document.title, document.author) == ("The Mill", "B. Writer")


def test_odt_leaves_hidden_and_deleted_text_out_and_puts_notes_beside_their_place():
    styles = '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>'
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        '<text:p>Seen<text:span text:style-name="T1">secret</text:span><text:note text:note-class="footnote">'
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>A toll.</text:p></text:note-body>"
        "</text:note> and on.<office:annotation><text:p>ask the editor</text:p></office:annotation></text:p>"
        f'<text:section text:display="none"><text:p>secret</text:p></text:section><text:p>{PROSE}</text:p>'
    )
    document = read_document(odt(body, styles), "a.odt")
    assert document.text == f"Seen[1] and on.\n\n[1] A toll.\n\n{PROSE.strip()}"
    assert document.repairs == ("1 passages of hidden text were left out.",)


def test_damaged_protected_and_hostile_odt_is_refused():
    body = f"<text:p>{PROSE}</text:p>"
    assert "cut off" in said(odt(body)[:300], "a.odt")
    assert "password" in said(odt(body, extra={"META-INF/manifest.xml": "<m><encryption-data/></m>"}), "a.odt")
    assert "content.xml" in said(zipped({"a": "b"}), "a.odt")
    assert "entity bomb" in said(odt(body, extra={"content.xml": '<!DOCTYPE x [<!ENTITY a "ha">]><x/>'}), "a.odt")
    assert "bomb" in said(odt("<text:p>" + "a" * 40_000_000 + "</text:p>"), "a.odt")
    assert "nested" in said(odt("<text:section>" * 300 + body + "</text:section>" * 300), "a.odt")


def test_htmlz_and_zipped_pages_are_read_in_their_natural_order():
    index = f"<html><head><title>x</title></head><body><h1>Chapter 1</h1><p>{PROSE}</p></body></html>"
    opf = "<package><metadata><title>The Mill</title><creator>B. Writer</creator></metadata></package>"
    document = read_document(zipped({"index.html": index, "metadata.opf": opf, "style.css": "p{}"}), "a.htmlz")
    assert (document.title, document.author, document.format) == ("The Mill", "B. Writer", "htmlz")
    assert [hint.text for hint in document.hints] == ["Chapter 1"]
    pages = {f"book/{n}.html": f"<h2>Chapter {n}</h2><p>{PROSE}</p>" for n in (10, 2, 1)}
    document = read_document(zipped(pages), "a.zip")
    assert [hint.text for hint in document.hints] == ["Chapter 1", "Chapter 2", "Chapter 10"]
    position = document.source_position(document.hints[2].char_offset)
    assert (position.href, position.spine_index, position.char_offset) == ("book/10.html", 2, 0)
    assert "without an HTML page" in said(zipped({"a.png": b"x"}), "a.htmlz")


def printed(
    count: int, *, numbers: bool = True
) -> tuple[list[list[tuple[float, float, str]]], list[str], dict[str, int]]:
    rng = random.Random(4)
    words = ["remembered", "evening", "letter", "garden", "mountain", "afternoon", "carriage", "and", "the"]
    pages: list[list[tuple[float, float, str]]] = []
    true: list[str] = []
    bookmarks: dict[str, int] = {}
    for chapter in range(1, count + 1):
        lines: list[tuple[str, str]] = [("head", f"Chapter {chapter}")]
        true.append(f"Chapter {chapter}")
        for _ in range(14):
            paragraph = " ".join(rng.choice(words) for _ in range(rng.randint(40, 70))).capitalize() + "."
            true.append(paragraph)
            wrapped = textwrap.wrap(paragraph, 70)
            lines += [("first" if i == 0 else "", line) for i, line in enumerate(wrapped)]
        bookmarks[f"Chapter {chapter}"] = len(pages)
        for start in range(0, len(lines), 36):
            y, placed = 720.0, []
            for kind, line in lines[start : start + 36]:
                placed.append((90.0 if kind == "first" else 72.0, y, line))
                y -= 32 if kind == "head" else 16
            if numbers:
                placed.append((300.0, 40.0, str(len(pages) + 1)))
            pages.append(placed)
    return pages, true, bookmarks


@pytest.mark.parametrize("turns", range(4))
def test_a_pdf_becomes_the_paragraphs_that_it_was_set_from(turns: int):
    pages, true, bookmarks = printed(4)
    document = read_document(pdf(pages, bookmarks=bookmarks, title="The Mill", turns=turns), "a.pdf")
    assert [" ".join(block.split()) for block in document.text.split("\n\n")] == true
    assert chapters(document) == ["Chapter 1", "Chapter 2", "Chapter 3", "Chapter 4"]
    assert [document.text[hint.char_offset :][:9] for hint in document.hints] == list(bookmarks)
    assert (document.title, document.author, document.format) == ("The Mill", "A. Writer", "pdf")
    assert any("page numbers" in repair for repair in document.repairs)


def test_what_a_pdf_sets_with_a_little_room_between_are_paragraphs():
    """Browsers part paragraphs by a quarter of a line; a quotation mark stands higher than the letters after it."""
    lines = [
        "“Well,” said the miller, and went on to the",
        "river.",
        "“Nobody has seen him,” she answered.",
        "He waited.",
    ]
    steps = [0.0, 14.0, 17.3, 17.3]
    heights = [700 - sum(steps[: at + 1]) for at in range(len(lines))]
    page = [(72.0, height, line) for height, line in zip(heights, lines, strict=True)]
    more = [(72.0, 600.0 - 14 * at, "The water went by, and the wheel stood still, as ever") for at in range(9)]
    text = read_document(pdf([[*page, *more]]), "a.pdf").text
    assert text.split("\n\n")[:3] == ["\n".join(lines[:2]), *lines[2:]]


def test_short_lines_of_speech_that_are_indented_alike_are_paragraphs():
    body = [(72.0, 700.0 - 14 * at, "The water went by, and the wheel stood still, as it ever did") for at in range(6)]
    speech = [(90.0, 616.0, "“Yes.”"), (90.0, 602.0, "“No.”"), (90.0, 588.0, "He said nothing.")]
    text = read_document(pdf([[*body, *speech]]), "a.pdf").text
    assert text.split("\n\n")[1:] == [line for _, _, line in speech]


def test_pieces_that_stand_in_one_line_of_a_pdf_are_that_line():
    pieces = [
        (72.0, 700.0, "She had not"),
        (150.0, 700.0, "wanted a little"),
        (72.0, 686.0, "girl at all, said the miller."),
    ]
    text = read_document(pdf([pieces]), "a.pdf").text
    assert text == "She had not wanted a little\ngirl at all, said the miller."


def test_a_hyphen_of_the_writers_at_the_end_of_a_pdfs_line_is_kept_and_a_printers_is_not():
    told = [
        "He was a good-",
        "natured man, good and well-natured, and every good thing that the garden had",
        "was his.",
    ]
    broken = [("some", "body"), ("noth", "ing"), ("after", "noon"), ("gar", "den"), ("conver", "sation")]
    whole = "somebody nothing afternoon garden conversation natured good"
    lines = [*told, f"Of {whole} they spoke."]
    for first, second in broken:
        lines += [f"The miller of the river said {first}-", f"{second} and went away to the mill."]
    text = " ".join(
        read_document(pdf([[(72.0, 740.0 - 14 * at, line) for at, line in enumerate(lines)]]), "a.pdf").text.split()
    )
    assert "goodnatured" not in text
    assert all(f"said {first}{second} and" in text for first, second in broken)


def test_a_scan_a_locked_and_a_damaged_pdf_are_refused():
    assert "scan without text" in said(pdf([[], [], []]), "a.pdf")
    assert "cut off or damaged" in said(b"%PDF-1.7\n%\xe2\xe3", "a.pdf")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.mobi", "calibre"),
        ("a.azw3", "convert it to EPUB"),
        ("a.doc", "save it as DOCX"),
        ("a.djvu", "scan"),
        ("a.acsm", "without protection"),
        ("a.xyz", "use one of"),
    ],
)
def test_what_is_not_read_names_the_way_out(name, says):
    assert says in said(b"anything", name)


def test_text_under_other_names_is_plain_text():
    source = f"Chapter 1\n=========\n\n{PROSE}\n\nChapter 2\n=========\n\n{PROSE}\n"
    for suffix, name in ((".text", "txt"), (".rst", "rst"), (".org", "org")):
        document = read_document(source.encode(), f"a{suffix}")
        assert (document.text, document.format) == (source, name)
