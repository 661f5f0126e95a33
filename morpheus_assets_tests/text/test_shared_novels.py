"""The real and damaged novels outside the repository; skipped where they are absent."""

import csv

import pytest

from morpheus_assets.text.errors import UnreadableText
from morpheus_assets_tests.fixtures.shared_data import shared_document


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_damaged_novel_is_read_right_or_refused(shared_data):
    whole = {
        "alice": shared_document(shared_data / "novels/alice-in-wonderland.txt").text,
        "hongloumeng": shared_document(shared_data / "novels/hongloumeng.txt").text,
    }
    layout_differs = ("alice_one_line_paragraphs", "alice_no_blank_lines", "alice_formfeeds_nbsp")
    for row in rows(shared_data / "novels_damaged/MANIFEST.tsv"):
        path = shared_data / "novels_damaged" / row["file"]
        if row["true_chapters"] in ("reject", "0"):
            with pytest.raises(UnreadableText, match=r"^[^\n]+\.$"):
                shared_document(path)
            continue
        text = shared_document(path).text
        assert "\ufffd" not in text, path.name
        book = path.name.split("_")[0]
        if path.stem in layout_differs:
            assert "".join(text.split()) == "".join(whole[book].split()), path.name
        elif book in whole:
            assert whole[book].startswith(text[:-2]), path.name
            assert len(text) > 0.98 * len(whole[book]), path.name
        else:
            assert text.startswith("こころ\n夏目漱石"), path.name


@pytest.mark.parametrize("name", ["alice-in-wonderland.html", "hound-of-the-baskervilles.md", "heart-of-darkness.md"])
def test_true_chapter_positions_are_among_the_hints(shared_data, name):
    document = shared_document(shared_data / "novels" / name)
    found = {document.source_position(hint.char_offset) for hint in document.hints}
    places = {(position.line, position.char_offset) for position in found}
    assert {(int(r["line"]), int(r["char_offset"])) for r in rows(shared_data / f"chapters/{name}.tsv")} <= places


@pytest.mark.parametrize("name", ["frankenstein.epub", "pride-and-prejudice.epub"])
def test_true_epub_chapters_are_exactly_the_hints_that_call_themselves_chapters(shared_data, name):
    document = shared_document(shared_data / "novels" / name)
    chapters = [hint for hint in document.hints if hint.source == "epub-toc" and hint.role == "chapter"]
    places = [document.source_position(hint.char_offset) for hint in chapters]
    true = [(int(row["spine_index"]), row["href"]) for row in rows(shared_data / f"chapters/{name}.tsv")]
    assert [(place.spine_index, place.href) for place in places] == true


def test_latin1_novels_come_out_with_their_own_letters(shared_data):
    for path in sorted((shared_data / "novels").glob("*-latin1.txt")):
        document = shared_document(path)
        assert document.text == path.read_bytes().decode("latin-1").replace("\r\n", "\n"), path.name
        assert document.encoding == "iso-8859-1"
