import pytest

from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.text.readers.container_files import docx, epub, page, zipped

STORY = "<p>The river rose in the night, and nobody in the village slept until the morning came.</p>" * 3
NAV = page(
    '<nav epub:type="toc"><ol><li><a href="title.xhtml">Title</a></li><li><a href="one.xhtml#p1">Part One</a><ol>'
    '<li><a href="one.xhtml#c1">The Flood</a></li><li><a href="one.xhtml#c2">The Bridge</a></li></ol></li>'
    '<li><a href="two.xhtml">The Road</a></li></ol></nav>'
    '<nav epub:type="landmarks"><ol><li><a epub:type="bodymatter" href="one.xhtml">Start</a></li></ol></nav>'
)
PAGES = {
    "title.xhtml": page('<section epub:type="titlepage"><h1>The Two Towers of Ash</h1></section>', "frontmatter"),
    "one.xhtml": page(
        f'<section id="p1" epub:type="part"><h2>Part One</h2><section id="c1" epub:type="chapter"><h3>The Flood</h3>'
        f'{STORY}</section><section id="c2" epub:type="chapter"><h3>The <br/>Bridge</h3>{STORY}</section></section>'
    ),
    "two.xhtml": page(f'<section epub:type="chapter"><p>{STORY}</p></section>'),
    "notes.xhtml": page(f'<section epub:type="endnotes"><h2>Notes</h2>{STORY}</section>', "backmatter"),
}


def said(data: bytes, name: str = "book.epub") -> str:
    with pytest.raises(UnreadableText) as refused:
        read_document(data, name)
    return str(refused.value)


def test_the_contents_and_the_headings_become_hints_with_their_roles():
    document = read_document(epub(PAGES, nav=NAV), "book.epub")
    contents = [(h.text, h.level, h.role) for h in document.hints if h.source == "epub-toc"]
    assert contents == [
        ("Title", 1, "front"),
        ("Part One", 1, "part"),
        ("The Flood", 2, "chapter"),
        ("The Bridge", 2, "chapter"),
        ("The Road", 1, "chapter"),
    ]
    headings = [(h.text, h.role) for h in document.hints if h.source == "epub-heading"]
    assert headings[1:] == [
        ("Part One", "part"),
        ("The Flood", "chapter"),
        ("The Bridge", "chapter"),
        ("Notes", "back"),
    ]
    assert (document.title, document.author, document.language) == ("The Two Towers of Ash", "A. Writer", "en")


def test_contents_and_headings_agree_on_the_place():
    document = read_document(epub(PAGES, nav=NAV), "book.epub")
    places = {(hint.source, hint.text): hint.char_offset for hint in document.hints}
    assert places["epub-toc", "The Bridge"] == places["epub-heading", "The Bridge"]
    assert document.text[places["epub-toc", "The Bridge"] :].startswith("The\nBridge\n\nThe river")


def test_a_source_position_names_the_file_and_its_place_in_the_spine():
    document = read_document(epub(PAGES, nav=NAV), "book.epub")
    road = next(hint for hint in document.hints if hint.text == "The Road")
    position = document.source_position(road.char_offset)
    assert (position.href, position.spine_index) == ("two.xhtml", 2)
    bridge = next(hint for hint in document.hints if hint.text == "The Bridge")
    position = document.source_position(bridge.char_offset)
    assert PAGES["one.xhtml"][position.char_offset :].startswith("<h3>The <br/>")


def test_an_epub2_contents_list_serves_as_well():
    ncx = (
        "<ncx><navMap><navPoint><navLabel><text>Flood</text></navLabel><content src='one.xhtml#c1'/>"
        "<navPoint><navLabel><text>Bridge</text></navLabel><content src='one.xhtml#c2'/></navPoint>"
        "</navPoint></navMap></ncx>"
    )
    document = read_document(epub(PAGES, ncx=ncx), "book.epub")
    contents = [(hint.text, hint.level) for hint in document.hints if hint.source == "epub-toc"]
    assert contents == [("Flood", 1), ("Bridge", 2)]


def test_pictures_are_never_unpacked():
    extra = {"OPS/cover.png": b"\x00" * 300_000_000}
    assert "river rose" in read_document(epub(PAGES, nav=NAV, extra=extra), "book.epub").text


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"OPS/one.xhtml": "<p>" + "a" * 40_000_000}, "bomb"),
        (
            {
                "META-INF/encryption.xml": "<encryption><EncryptedData><EncryptionMethod "
                'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></EncryptedData></encryption>'
            },
            "DRM",
        ),
        ({"OPS/book.opf": "<package><spine/></package>"}, "spine"),
    ],
)
def test_a_bomb_and_a_protected_book_are_refused(extra, says):
    assert says in said(epub(PAGES | {"one.xhtml": "x"}, extra=extra))


def test_entities_are_not_expanded():
    bomb = "<!DOCTYPE x [" + "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "ha"}">' for i in range(10)) + "]>"
    document = read_document(epub({"one.xhtml": bomb + page(STORY + "<p>&e9;</p>")}), "book.epub")
    assert len(document.text) < 5_000


def test_a_path_that_leaves_the_archive_finds_nothing():
    assert "spine" in said(epub({"../../../../etc/passwd": "x"}))


def test_a_book_cut_in_half_and_a_plain_zip_are_refused():
    whole = epub(PAGES, nav=NAV)
    assert "cut off" in said(whole[: len(whole) // 2])
    assert "no EPUB" in said(zipped({"a.txt": "b"}))


def test_word_headings_become_hints():
    document = read_document(
        docx([("Heading1", "One"), ("", "It rained."), ("Heading2", "Two"), ("", "Sun.")]), "a.docx"
    )
    assert document.text == "One\n\nIt rained.\n\nTwo\n\nSun."
    assert [(h.text, h.level, h.char_offset, h.source) for h in document.hints] == [
        ("One", 1, 0, "docx"),
        ("Two", 2, 17, "docx"),
    ]
    assert document.title == "Letters from the Marsh"


def test_hostile_word_files_are_refused():
    assert "entity bomb" in said(docx([("", "x")], declaration='<!DOCTYPE x [<!ENTITY a "ha">]>'), "a.docx")
    assert "no Word document" in said(zipped({"a.txt": "b"}), "a.docx")
    assert "password" in said(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.docx")
