import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources.base import Entry
from morpheus_assets.sources.names import (
    MAX_PANEL_BYTES,
    NovelFiles,
    Passed,
    natural_order,
    not_a_panel,
    one_source_a_novel,
    panel_owners,
    take_novel,
    take_panel,
)


def test_panels_come_in_reading_order():
    names = ["page10.png", "page2.png", "ch10/p1.jpg", "ch2/p1.jpg", "ch2/p11.jpg", "ch2/p9.WEBP", "Page1.png"]
    assert sorted(names, key=natural_order) == [
        "ch2/p1.jpg",
        "ch2/p9.WEBP",
        "ch2/p11.jpg",
        "ch10/p1.jpg",
        "Page1.png",
        "page2.png",
        "page10.png",
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=6))
def test_any_names_can_be_put_in_order(names: list[str]):
    ordered = sorted(names, key=natural_order)
    assert sorted(reversed(names), key=natural_order) == ordered


@pytest.mark.parametrize(
    ("path", "told_of", "words"),
    [
        (".hidden.png", ".hidden.png", "hidden"),
        ("._p1.png", "._p1.png", "resource fork"),
        ("Thumbs.db", "Thumbs.db", "operating system"),
        ("__MACOSX/p1.png", "__MACOSX", "operating system"),
        (".git/p.png", ".git", "hidden"),
        ("a//p.png", "a/", "without a name"),
        ("transcript.tsv", "transcript.tsv", "not an image"),
        ("p2.heic", "p2.heic", "export it as PNG"),
        ("notes/regions.tsv", "notes/regions.tsv", "not an image"),
        ("caf\udce9.png", "caf\udce9.png", "not valid UTF-8"),
        ("a\0.png", "a\0.png", "NUL"),
    ],
)
def test_what_is_no_panel_is_passed_over_with_a_reason(path: str, told_of: str, words: str):
    refused = not_a_panel(path, Entry(path))
    assert refused is not None
    assert refused[0] == told_of
    assert words in refused[1]


def test_a_panel_is_one_by_its_name_its_size_and_for_want_of_a_fault():
    assert not_a_panel("ch1/p1.PNG", Entry("ch1/p1.PNG", MAX_PANEL_BYTES)) is None
    assert not_a_panel("p1.png", Entry("p1.png", MAX_PANEL_BYTES + 1)) == (
        "p1.png",
        "larger than 256 MB: save it smaller",
    )
    assert not_a_panel("p1.png", Entry("p1.png", fault="not a regular file")) == ("p1.png", "not a regular file")


def test_an_entry_below_its_novels_folder_becomes_a_panel_with_its_size_time_and_mark():
    entry = Entry("Emma/act 1/p1.png", 7, 5, "etag")
    assert take_panel(entry, {"emma": "Emma"}) == SourceFile("panel", "Emma/act 1/p1.png", "emma", 7, 5, "etag")
    assert take_panel(entry, {"emma": "EMMA"}) == Passed("Emma", None)
    assert take_panel(Entry("Emma/x.tsv"), {"emma": "Emma"}) == Passed("Emma/x.tsv", "Emma/x.tsv: not an image.")


def test_an_entry_side_by_side_with_others_becomes_a_novel_and_a_fault_is_told():
    assert take_novel(Entry("Emma.txt", 7, 5, "etag")) == SourceFile("text", "Emma.txt", "emma", 7, 5, "etag")
    assert take_novel(Entry(".emma.txt")) == Passed(".emma.txt", None)
    assert take_novel(Entry("emma.txt", fault="a link that leads nowhere")) == Passed(
        "emma.txt", "emma.txt: a link that leads nowhere."
    )


@pytest.mark.parametrize("name", ["caf\udce9.txt", "a\0.txt", "new\nline.djvu", "---\n.txt"])
def test_what_is_said_of_a_novels_name_is_one_line_that_can_be_stored(name: str):
    passed = take_novel(Entry(name))
    assert isinstance(passed, Passed)
    assert passed.problem
    assert passed.problem.isprintable()
    passed.problem.encode()


def test_files_alone_with_their_key_come_by_path_whatever_the_order():
    files = [SourceFile("text", path, path[0], 1, 1) for path in ("c.txt", "a.txt", "b.md", "b.txt")]
    alone, problems = one_source_a_novel(files)
    assert [file.path for file in alone] == ["a.txt", "c.txt"]
    assert set(problems) == {"b.md", "b.txt"}


@pytest.mark.parametrize(
    ("path", "novel"),
    [("Emma/01 Start.txt", "emma"), ("Emma/Volume 2/03.docx", "emma"), ("War & Peace/book 1.epub", "war-peace")],
)
def test_a_file_in_a_folder_is_a_chapter_of_the_novel_that_the_folder_is_called_after(path: str, novel: str):
    assert take_novel(Entry(path, 7, 5, "etag")) == SourceFile("text", path, novel, 7, 5, "etag")


@pytest.mark.parametrize(
    "path",
    ["Emma/cover.jpg", "Emma/1_files/ad.html", "Emma/.git/notes.txt", "Emma/Thumbs.db", "Emma/README.md", "Emma/x.css"],
)
def test_what_lies_beside_chapters_without_a_word_of_the_novel_is_passed_over_in_silence(path: str):
    taken = take_novel(Entry(path, 7))
    assert isinstance(taken, Passed)
    assert taken.problem is None


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("Emma/07.mobi", "Emma/07.mobi is not one of .docx, .epub"),
        ("Emma/notes", "Emma/notes is not one of"),
        ("Austen, Jane/Emma (12)/Emma.epub", "Austen, Jane holds books in folders of their own"),
        ("src/a/b/c/notes.txt", "src holds folders within folders"),
        ("---/01.txt", "'---' has no letter or digit"),
        ("Emma/caf\udce9.txt", "its name is not valid UTF-8"),
    ],
)
def test_what_may_hold_text_and_is_not_taken_from_a_folder_is_named(path: str, sentence: str):
    taken = take_novel(Entry(path, 7))
    assert isinstance(taken, Passed)
    assert sentence in (taken.problem or "")


def test_a_folder_is_one_source_whose_digest_waits_for_its_last_file_and_follows_every_name():
    def folder(*files: tuple[str, str | None]) -> list[NovelFiles]:
        found, problems = one_source_a_novel(
            SourceFile("text", path, "emma", 1, number, digest) for number, (path, digest) in enumerate(files)
        )
        assert problems == {}
        return found

    [emma] = folder(("emma/2.txt", "b"), ("emma/1.txt", "a"))
    assert (emma.path, emma.mtime_ns) == ("emma/", 1)
    assert folder(("emma/1.txt", "a"), ("emma/2.txt", "b"))[0].digest == emma.digest
    assert folder(("emma/2.txt", "b"), ("emma/3.txt", "a"))[0].digest != emma.digest
    assert folder(("emma/2.txt", "b"), ("emma/1.txt", None))[0].digest is None


def test_a_file_and_a_folder_for_one_key_are_both_left_out_and_named_once_each():
    files = [SourceFile("text", path, "emma", 1, 1) for path in ("emma.txt", "Emma/1.txt", "Emma/2.txt")]
    alone, problems = one_source_a_novel(files)
    assert alone == []
    assert problems == dict.fromkeys(
        ("emma.txt", "Emma/"),
        "Emma/, emma.txt would all become the novel 'emma', so none of them is taken; rename all but one.",
    )


def test_a_folder_of_panels_with_a_fault_or_without_a_letter_owns_nothing():
    owners, problems = panel_owners(
        [Entry("---/"), Entry("emma", fault="a link that leads nowhere"), Entry("dracula/"), Entry(".git/")]
    )
    assert owners == {"dracula": "dracula"}
    assert set(problems) == {"---", "emma"}
