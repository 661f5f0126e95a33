import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.text.chapters.made_books import make_prose
from morpheus_assets_tests.text.readers.container_files import epub, page

NAMES = ["Salt", "Bread and Wine", "Smoke", "The Long Rain", "Ash"]


def prose(seed, length=2_500):
    return "".join(f"<p>{text}</p>" for text in make_prose(seed, length))


def nav(entries):
    def listed(inner):
        items = (f'<li><a href="{e[0]}">{e[1]}</a>{listed(e[2]) if len(e) > 2 else ""}</li>' for e in inner)
        return f"<ol>{''.join(items)}</ol>"

    return page(f'<nav epub:type="toc">{listed(entries)}</nav>')


def ncx(entries):
    def points(inner):
        return "".join(
            f'<navPoint><navLabel><text>{e[1]}</text></navLabel><content src="{e[0]}"/>'
            f"{points(e[2]) if len(e) > 2 else ''}</navPoint>"
            for e in inner
        )

    return f"<ncx><navMap>{points(entries)}</navMap></ncx>"


def chapters(data):
    return [(c.kind, c.title) for c in find_chapters(read_document(data, "book.epub"))]


FILES = [f"c{n}.xhtml" for n in range(len(NAMES))]
LISTED = list(zip(FILES, NAMES, strict=True))
FOUND = [("chapter", name) for name in NAMES]


@pytest.mark.parametrize("heading", ["<h2>{}</h2>", "<p class='chapter-title'>{}</p>", "<p><b>{}</b></p>", "<p>{}</p>"])
@pytest.mark.parametrize("way", [{"nav": nav(LISTED)}, {"ncx": ncx(LISTED)}], ids=["nav", "ncx"])
def test_the_chapters_are_those_that_the_table_of_contents_names(heading, way):
    pages = {file: page(heading.format(name) + prose(n)) for n, (file, name) in enumerate(LISTED)}
    assert chapters(epub(pages, **way)) == FOUND


def test_a_contents_page_in_the_spine_takes_no_chapter_with_it():
    links = "".join(f'<p><a href="{file}">{name}</a></p>' for file, name in LISTED)
    body = {file: page(f"<h2>{name}</h2>{prose(n)}") for n, (file, name) in enumerate(LISTED)}
    for contents in (nav(LISTED).replace("<nav", "<h1>Contents</h1><nav"), page(f"<h1>Contents</h1>{links}")):
        assert chapters(epub({"contents.xhtml": contents} | body, ncx=ncx(LISTED))) == FOUND
        assert chapters(epub({"contents.xhtml": contents} | body)) == FOUND


def test_scenes_inside_the_chapters_replace_nothing():
    scenes = "".join(f"<h3>Scene {n}</h3>{prose(n)}" for n in (1, 2, 3))
    pages = {file: page(f"<h2>{name}</h2>{scenes}") for file, name in LISTED}
    assert [kind for kind, _ in chapters(epub(pages, ncx=ncx(LISTED)))] == ["chapter"] * len(NAMES)
    within = [(file, name, [(f"{file}#s{n}", f"Scene {n}") for n in (1, 2)]) for file, name in LISTED]
    assert len(chapters(epub(pages, nav=nav(within)))) == len(NAMES)


def test_numbered_sections_of_one_letter_are_no_chapters():
    sections = f"<h3 id='a'>I</h3>{prose(7, 9_000)}<h3 id='b'>II</h3>{prose(8, 9_000)}"
    pages = {file: page(f"<h2>{name}</h2>{sections if n == 3 else prose(n)}") for n, (file, name) in enumerate(LISTED)}
    entries = [(f, name, [(f"{f}#a", "I"), (f"{f}#b", "II")]) if f == FILES[3] else (f, name) for f, name in LISTED]
    assert [title for _, title in chapters(epub(pages, nav=nav(entries)))][:3] == NAMES[:3]
    assert len(chapters(epub(pages, nav=nav(entries)))) == len(NAMES)


def test_parts_hold_the_chapters_and_an_epilogue_may_too():
    pages = {f"{p}{n}.xhtml": page(f"<h2>{n}</h2>{prose(n)}") for p in "abe" for n in ("I", "II", "III")}
    entries = [
        (f"{p}I.xhtml", name, [(f"{p}{n}.xhtml", n) for n in ("I", "II", "III")])
        for p, name in zip("abe", ("Part One", "Part Two", "Epilogue"), strict=True)
    ]
    assert chapters(epub(pages, nav=nav(entries))) == [("chapter", n) for n in ("I", "II", "III")] * 3


@pytest.mark.parametrize("heading", ["Chapter Text", "The Two Towers of Ash"])
def test_a_title_that_every_page_has_gives_way_to_the_contents(heading):
    pages = {file: page(f"<h1>{heading}</h1>{prose(n)}") for n, file in enumerate(FILES)}
    assert chapters(epub(pages, ncx=ncx(LISTED))) == FOUND


def test_a_number_on_the_page_and_a_title_in_the_contents_are_one_title():
    pages = {file: page(f"<h1>Chapter {n}</h1>{prose(n)}") for n, file in enumerate(FILES, 1)}
    assert chapters(epub(pages, nav=nav(LISTED)))[1] == ("chapter", "Chapter 2. Bread and Wine")


def test_a_contents_that_says_only_start_is_not_believed():
    pages = {file: page(f"<p class='calibre8'><b>{name}</b></p>{prose(n)}") for n, (file, name) in enumerate(LISTED)}
    assert chapters(epub(pages, ncx=ncx([("c0.xhtml", "Start")]))) == FOUND


def test_what_the_publisher_adds_is_no_chapter():
    added = [("t.xhtml", "Title Page"), ("n.xhtml", "Also by A. Writer")]
    pages = {file: page(f"<h2>{name}</h2>{prose(n)}") for n, (file, name) in enumerate(LISTED)}
    pages = (
        {"t.xhtml": page("<h1>The Two Towers of Ash</h1>")} | pages | {"n.xhtml": page("<h2>Also by A. Writer</h2>")}
    )
    assert chapters(epub(pages, nav=nav([added[0], *LISTED, added[1]]))) == FOUND


def test_files_without_any_heading_are_a_chapter_each():
    pages = {file: page(prose(n)) for n, file in enumerate(FILES)}
    assert chapters(epub(pages)) == [("chapter", f"Chapter {n}") for n in range(1, 6)]


def test_a_file_may_be_split_and_several_chapters_may_share_one():
    split = {
        f"c{n}_{part}.xhtml": page(("" if part else f"<h2>{NAMES[n]}</h2>") + prose(n))
        for n in range(5)
        for part in (0, 1)
    }
    assert chapters(epub(split, ncx=ncx([(f"c{n}_0.xhtml", name) for n, name in enumerate(NAMES)]))) == FOUND
    whole = page("".join(f'<p id="a{n}">{name}</p>{prose(n)}' for n, name in enumerate(NAMES)))
    assert (
        chapters(epub({"a.xhtml": whole}, nav=nav([(f"a.xhtml#a{n}", name) for n, name in enumerate(NAMES)]))) == FOUND
    )


def test_among_stories_the_chapters_of_one_are_its_sections():
    sections = "".join(
        f'<section id="s{n}" epub:type="chapter"><h3>{r}</h3>{prose(n)}</section>' for n, r in ((1, "I"), (2, "II"))
    )
    pages = {file: page(f"<h2>{name}</h2>{prose(n)}") for n, (file, name) in enumerate(LISTED)}
    pages[FILES[1]] = page(f"<h2>{NAMES[1]}</h2>{sections}")
    entries = [(file, name) for file, name in LISTED]
    entries[1] = (FILES[1], NAMES[1], [(f"{FILES[1]}#s1", "I"), (f"{FILES[1]}#s2", "II")])
    assert chapters(epub(pages, nav=nav(entries))) == FOUND
