import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.text.readers.container_files import docx, zipped

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
PROSE = "The rain had not stopped for three days, and the road to the mill was under water. " * 3


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str, style: str = "") -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{"".join(runs)}</w:p>'


def word(body: str, *, styles: str = "", footnotes: str = "", endnotes: str = "", comments: str = "") -> bytes:
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    types += (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
    )
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    beside = {"styles": styles, "footnotes": footnotes, "endnotes": endnotes, "comments": comments}
    links = "".join(
        f'<Relationship Id="{n}" Type="{office}/{n}" Target="{n}.xml"/>' for n, part in beside.items() if part
    )
    files = {
        "[Content_Types].xml": types,
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r" Type="{office}/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{relations}">{links}</Relationships>',
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
    }
    files |= {f"word/{n}.xml": f"<w:{n} {W}>{part}</w:{n}>" for n, part in beside.items() if part}
    return zipped(files)


def text_of(data: bytes) -> str:
    return read_document(data, "a.docx").text


def style(name: str, inside: str = "", *, kind: str = "paragraph", base: str = "", called: str = "") -> str:
    base = f'<w:basedOn w:val="{base}"/>' if base else ""
    return f'<w:style w:type="{kind}" w:styleId="{name}"><w:name w:val="{called or name}"/>{base}{inside}</w:style>'


VANISH = "<w:rPr><w:vanish/></w:rPr>"


@pytest.mark.parametrize(
    ("hidden", "styles"),
    [
        (run("secret", "<w:vanish/>"), ""),
        (run("secret", '<w:vanish w:val="true"/>'), ""),
        (run("secret", '<w:rStyle w:val="Gone"/>'), style("Gone", VANISH, kind="character")),
        (
            run("secret", '<w:rStyle w:val="Child"/>'),
            style("Gone", VANISH, kind="character") + style("Child", base="Gone", kind="character"),
        ),
        ('<w:del w:id="1" w:author="a"><w:r><w:delText>secret</w:delText></w:r></w:del>', ""),
        ('<w:moveFrom w:id="1" w:author="a"><w:r><w:t>secret</w:t></w:r></w:moveFrom>', ""),
    ],
)
def test_hidden_and_deleted_text_of_a_word_file_is_no_text(hidden, styles):
    text = text_of(word(paragraph(run(PROSE), hidden, run("Seen.")), styles=styles))
    assert "secret" not in text
    assert text.endswith("Seen.")


def test_a_paragraph_style_hides_its_text_unless_the_run_says_otherwise():
    styles = style("Notes", VANISH)
    body = paragraph(run("secret"), run("shown", '<w:vanish w:val="0"/>'), style="Notes") + paragraph(run(PROSE))
    document = read_document(word(body, styles=styles), "a.docx")
    assert "secret" not in document.text
    assert "shown" in document.text
    assert "1 passages of hidden text were left out." in document.repairs


def test_inserted_text_is_text_and_comments_are_none():
    inserted = f'<w:ins w:id="1" w:author="a">{run("added words")}</w:ins>'
    comment = f'<w:comment w:id="0" w:author="a">{paragraph(run("ask the editor"))}</w:comment>'
    reference = '<w:r><w:commentReference w:id="0"/></w:r>'
    text = text_of(word(paragraph(run(PROSE), inserted, reference), comments=comment))
    assert "added words" in text
    assert "editor" not in text


def noted(kind: str, *ids: int, extra: str = "") -> str:
    own = f"<w:r><w:{kind}Ref/></w:r>"
    return "".join(
        f'<w:{kind} w:id="{i}">{paragraph(own, run(f"Note {i} tells more."))}{extra}</w:{kind}>' for i in ids
    )


def test_notes_stand_in_their_chapter_and_their_marks_stay_readable():
    headings = style("Heading1", called="heading 1")
    body = ""
    for chapter in (1, 2, 3):
        mark = (
            f'<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:footnoteReference w:id="{chapter + 4}"/></w:r>'
        )
        body += paragraph(run(f"Chapter {chapter}"), style="Heading1")
        body += paragraph(run("He paid the toll"), mark, run(" and went on. ")) + paragraph(run(PROSE)) * 2
    separator = f'<w:footnote w:type="separator" w:id="-1">{paragraph(run("----"))}</w:footnote>'
    document = read_document(word(body, styles=headings, footnotes=separator + noted("footnote", 5, 6, 7)), "a.docx")
    assert "----" not in document.text
    chapters = [c for c in find_chapters(document) if c.kind == "chapter"]
    assert [c.title for c in chapters] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    for number, chapter in enumerate(chapters, 1):
        text = document.text[chapter.char_start : chapter.char_end]
        assert f"He paid the toll[{number}] and went on.\n\n[{number}] Note {number + 4} tells more.\n\n" in text


def test_endnotes_stand_by_their_place_too_with_marks_of_their_own():
    mark = '<w:r><w:endnoteReference w:id="2"/></w:r>'
    text = text_of(word(paragraph(run("First"), mark) + paragraph(run(PROSE)), endnotes=noted("endnote", 2)))
    assert text.startswith("First[i]\n\n[i] Note 2 tells more.\n\nThe rain")


def test_a_mark_of_the_writers_own_is_kept():
    mark = '<w:r><w:footnoteReference w:customMarkFollows="1" w:id="2"/><w:t>*</w:t></w:r>'
    text = text_of(word(paragraph(run("First"), mark) + paragraph(run(PROSE)), footnotes=noted("footnote", 2)))
    assert text.startswith("First*\n\n* Note 2 tells more.")


def test_a_heading_with_a_note_keeps_its_title():
    mark = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    body = paragraph(run("The Mill"), mark, style="Own") + paragraph(run(PROSE))
    styles = style("Heading1", called="heading 1") + style("Own", base="Heading1")
    text = text_of(word(body, styles=styles, footnotes=noted("footnote", 2)))
    assert text.startswith("The Mill\n\n[1] Note 2 tells more.")


def test_a_note_of_two_paragraphs_and_one_that_is_named_twice_keep_their_order():
    mark = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    body = paragraph(run("First"), mark, mark) + paragraph(run(PROSE))
    notes = noted("footnote", 2, extra=paragraph(run("And this besides.")))
    text = text_of(word(body, footnotes=notes))
    assert text.startswith("First[1][1]\n\n[1] Note 2 tells more.\n\nAnd this besides.\n\nThe rain")
    assert text.count("Note 2") == 1


def test_a_word_file_whose_text_is_damaged_xml_is_refused_in_one_sentence():
    body = paragraph(run(PROSE)).replace("</w:p>", "")
    with pytest.raises(UnreadableText, match="damaged Word document"):
        text_of(word(body))


def test_a_word_file_without_notes_or_hidden_text_reads_as_it_did():
    document = read_document(docx([("Heading1", "One"), ("", PROSE)]), "a.docx")
    assert document.text == f"One\n\n{PROSE.strip()}"
    assert document.repairs == ()
