"""Pages become regions, and only the regions whose pixels are new are embedded."""

import io
import itertools
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image

from bench.comic_pages import draw_comic_page
from morpheus_assets.images import page_cutting as cutter
from morpheus_assets.images.panel_cutting import FoundPanels, find_panels
from morpheus_assets.services import page_cutting
from morpheus_assets.services.content_location import panels_source
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.store.content.lookups import panel_place
from morpheus_assets.store.content.panels import load_comic_books, remove_panels
from morpheus_assets_tests.fixtures.deployment import Deployment, metadata_of

COMICS = Path(__file__).resolve().parents[4] / "shared" / "data" / "comics"


def drawn(seed: int, size: tuple[int, int] = (480, 700)) -> bytes:
    file = io.BytesIO()
    draw_comic_page("grid", seed).image.resize(size).save(file, "PNG")
    return file.getvalue()


def pack(path: Path, pages: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in pages.items():
            archive.writestr(name, data)


def paid(result: dg.ExecuteInProcessResult) -> int:
    return int(str(metadata_of(result, "clip_embeddings")["embedded"]))


def regions_of(deployment: Deployment) -> list[tuple[object, ...]]:
    return deployment.rows(
        "SELECT p.entry, r.kind, r.cutter, r.x0, r.y0, r.x1, r.y1 FROM regions r JOIN pages p ON p.id = r.page_id"
        " ORDER BY p.ordinal, r.ordinal"
    )


def test_only_new_pixels_are_paid_for(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    book = deployment.settings.panels_folder / "lamp" / "book.cbz"
    pages = {"01.png": drawn(1), "02.png": drawn(2), "03.png": drawn(3)}
    pack(book, pages)

    first = deployment.ingest_panels("lamp")
    assert first.success
    regions = len(regions_of(deployment))
    assert paid(first) == regions > 9

    # The same pages in another archive: nothing is cut, nothing is paid.
    pack(book, dict(reversed(pages.items())), zipfile.ZIP_DEFLATED)
    zipped = deployment.ingest_panels("lamp")
    assert (paid(zipped), metadata_of(zipped, "regions")["pages_cut"]) == (0, 0)

    # One page is another one: its regions are paid, and no others.
    pack(book, pages | {"02.png": drawn(4)})
    changed = deployment.ingest_panels("lamp")
    [(of_the_page,)] = deployment.rows(
        "SELECT count(*) FROM regions r JOIN pages p ON p.id = r.page_id WHERE p.entry = '02.png'"
    )
    assert (paid(changed), metadata_of(changed, "regions")["pages_cut"]) == (of_the_page, 1)

    # Another version of the cutter that gives the same boxes cuts all pages and pays for none.
    monkeypatch.setattr(page_cutting, "CUT_VERSION", "9.2")
    recut = deployment.ingest_panels("lamp")
    assert (paid(recut), metadata_of(recut, "regions")["pages_cut"]) == (0, 3)


def test_the_author_s_boxes_outrank_a_person_s_and_these_the_cutter_s(deployment: Deployment) -> None:
    folder = deployment.settings.panels_folder / "lamp"
    acbf = (
        b'<ACBF><body><page><image href="001.png"/><frame points="16,16 284,16 284,204 16,204"/></page></body></ACBF>'
    )
    pack(folder / "book.cbz", {"001.png": drawn(1), "002.png": drawn(2), "book.acbf": acbf})
    (folder / "regions.tsv").write_text(
        "page\tleft\ttop\tright\tbottom\n"
        "book.cbz/001.png\t0\t0\t40\t40\n"
        "book.cbz/002.png\t8\t12\t200\t300\n"
        "book.cbz/002.png\tno\tbox\n"
        "book/002.png\t0\t0\t9\t9\n"
    )

    result = deployment.ingest_panels("lamp")

    assert result.success
    found = regions_of(deployment)
    assert [row[2:] for row in found if row[0] == "001.png" and row[1] == "given"] == [("author", 16, 16, 284, 204)]
    assert [row[2:] for row in found if row[0] == "002.png" and row[1] == "given"] == [("person", 8, 12, 200, 300)]
    problems = metadata_of(result, "regions")["problems"]
    assert "regions.tsv, line 4, is not a page and four whole numbers" in str(problems)
    assert "regions.tsv names 'book/002.png', which is no stored page of this novel" in str(problems)


def test_a_bad_page_of_an_archive_is_one_refused_row(deployment: Deployment) -> None:
    book = deployment.settings.panels_folder / "lamp" / "book.cbz"
    pack(book, {"1.png": drawn(1), "2.png": b"", "3.png": b"no picture"})

    result = deployment.ingest_panels("lamp")

    assert result.success
    rows = deployment.rows("SELECT entry, state FROM pages ORDER BY ordinal")
    assert rows == [("1.png", "stored"), ("2.png", "refused"), ("3.png", "refused")]


def test_a_fault_of_the_cutter_itself_costs_no_page_its_vectors(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(deployment.settings.panels_folder / "lamp" / "book.cbz", {"1.png": drawn(1), "2.png": drawn(2, (900, 1300))})

    def fault(page: Image.Image) -> FoundPanels:
        if page.width == 900:
            raise IndexError("index 7 is out of bounds")
        return find_panels(page)

    monkeypatch.setattr(cutter, "find_panels", fault)
    result = deployment.ingest_panels("lamp")

    assert result.success
    kinds = Counter(row[:2] for row in regions_of(deployment))
    assert kinds["1.png", "panel"] > 1
    assert {kind for entry, kind in kinds if entry == "2.png"} == {"page", "tile"}
    assert paid(result) == sum(kinds.values())
    problems = str(metadata_of(result, "regions")["problems"])
    assert "book.cbz/2.png: the cutter failed with IndexError: index 7 is out of bounds" in problems


def test_a_broken_archive_takes_no_other_file_with_it(deployment: Deployment) -> None:
    folder = deployment.settings.panels_folder / "lamp"
    folder.mkdir()
    (folder / "book.cbr").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(40))
    (folder / "page.png").write_bytes(drawn(1))

    result = deployment.ingest_panels("lamp")

    assert result.success
    rows = deployment.rows("SELECT path, state FROM pages ORDER BY path")
    assert rows == [("lamp/book.cbr", "refused"), ("lamp/page.png", "stored")]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("13_double_spread.png", lambda rows: [row[1] for row in rows] == ["page", "piece", "piece"]),
        ("11_over_1000x70000.png", lambda rows: {row[1] for row in rows} == {"page", "piece"} and len(rows) > 35),
        ("22_acbf_frames.cbz", lambda rows: [row[2] for row in rows if row[1] == "given"] == ["author"] * 2),
        ("17_scans.pdf", lambda rows: {row[0] for row in rows} == {"page 1", "page 2", "page 3"}),
    ],
)
def test_given_comics_are_cut_as_they_should_be(
    deployment: Deployment, name: str, check: Callable[[list[tuple[object, ...]]], bool]
) -> None:
    if not COMICS.is_dir():
        pytest.skip("../shared/data/comics is not there")
    folder = deployment.settings.panels_folder / "lamp"
    folder.mkdir()
    (folder / name).write_bytes((COMICS / name).read_bytes())

    assert deployment.materialize("panel_images", "lamp").success
    assert deployment.materialize("regions", "lamp").success

    assert check(regions_of(deployment))


def test_a_strip_in_several_files_is_cut_as_one_and_a_changed_file_costs_what_changed(deployment: Deployment) -> None:
    folder = deployment.settings.panels_folder / "lamp"
    folder.mkdir()
    strip = Image.new("RGB", (320, 2160), "white")
    for at, top in enumerate((40, 440, 900, 1300, 1760)):
        scene = draw_comic_page("grid", at).image.resize((280, 340))
        strip.paste(scene, (20, top))
    for at in range(4):
        strip.crop((0, 540 * at, 320, 540 * at + 540)).save(folder / f"{at + 1}.png")

    first = deployment.ingest_panels("lamp")

    assert first.success
    pieces = deployment.rows(
        "SELECT p.ordinal, r.y0, r.y1, p.height FROM regions r JOIN pages p ON p.id = r.page_id WHERE r.kind = 'piece'"
        " ORDER BY p.ordinal, r.ordinal"
    )
    spans = [((page - 1) * 540 + top, (page - 1) * 540 + bottom) for page, top, bottom, _ in pieces]
    assert len(spans) == 5
    assert (spans[0][0], spans[-1][1]) == (0, 2160)
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert any(bottom > height for _, _, bottom, height in pieces)
    assert paid(first) == 4 + 5

    # The last file is drawn anew: itself and the piece that lies in it, or reaches into it, are paid for.
    last = strip.crop((0, 1620, 320, 2160))
    last.paste("navy", (60, 100, 200, 200))
    last.save(folder / "4.png")
    changed = deployment.ingest_panels("lamp")
    assert paid(changed) == 1 + sum(end > 1620 for _, end in spans)


def test_a_region_that_goes_on_in_the_next_file_is_shown_whole(deployment: Deployment) -> None:
    folder = deployment.settings.panels_folder / "lamp"
    folder.mkdir()
    strip = Image.new("RGB", (300, 1400), "white")
    strip.paste("maroon", (20, 500, 280, 900))
    for at in range(2):
        strip.crop((0, 700 * at, 300, 700 * at + 700)).save(folder / f"{at + 1}.png")
    deployment.ingest_panels("lamp")
    content_hash, top, bottom = deployment.rows(
        "SELECT content_hash, y0, y1 FROM panels WHERE kind = 'piece' AND y1 > page_height ORDER BY y0"
    )[0]

    place = panel_place(deployment.engine, bytes(content_hash))

    assert place is not None
    assert [Path(path).name for path, _, _ in place.following or ()] == ["2.png"]
    reader = PageReader(panels_source(deployment.settings), deployment.settings.max_image_pixels)
    part = reader.region(place.path, "", place.page_hash, place.pixels or (0, 0, 0, 0), place.following or ())
    assert part.tobytes() == strip.crop((0, top, 300, bottom)).tobytes()


def test_what_comic_info_says_is_stored_and_shown_with_the_pages(deployment: Deployment) -> None:
    info = (
        b"<ComicInfo><Title>A trial</Title><Series>Lamps</Series><Number>1.5</Number><Writer>A. Nobody</Writer>"
        b"<LanguageISO>fr</LanguageISO><Manga>YesAndRightToLeft</Manga></ComicInfo>"
    )
    pack(deployment.settings.panels_folder / "lamp" / "book.cbz", {"1.png": drawn(1), "ComicInfo.xml": info})

    result = deployment.materialize("panel_images", "lamp")

    [book] = load_comic_books(deployment.engine, "lamp")
    assert (book.path, book.title, book.series, book.number) == ("lamp/book.cbz", "A trial", "Lamps", "1.5")
    assert (book.writer, book.language, book.direction) == ("A. Nobody", "fr", "rtl")
    [row] = metadata_of(result, "panel_images")["comic_books"].records  # type: ignore[attr-defined]
    assert (row.data["series"], row.data["number"], row.data["writer"]) == ("Lamps", "1.5", "A. Nobody")
    remove_panels(deployment.engine, "lamp")
    assert load_comic_books(deployment.engine, "lamp") == []


def test_doubtful_pages_are_shown_with_their_boxes_and_warned_of_where_they_are_many(deployment: Deployment) -> None:
    splashes = {}
    for at in range(4):
        file = io.BytesIO()
        draw_comic_page("splash", at).image.resize((480, 700)).save(file, "PNG")
        splashes[f"{at}.png"] = file.getvalue()
    book = deployment.settings.panels_folder / "lamp" / "book.cbz"
    pack(book, splashes | {"8.png": drawn(1), "9.png": b"no picture"})

    result = deployment.ingest_panels("lamp")

    cut = metadata_of(result, "regions")
    assert cut["dagster/row_count"] == cut["dagster/partition_row_count"] > 0
    assert (cut["pages"], cut["doubtful_pages"]) == (5, 4)
    assert str(cut["doubtful"]).startswith("![doubtful pages](data:image/jpeg;base64,")
    pages = metadata_of(result, "panel_images")
    assert (pages["stored"], pages["refused"]) == (5, 1)
    assert str(pages["refusals"]).startswith("- 9.png in book.cbz is no image")
    [decoded] = [each for each in result.get_asset_check_evaluations() if each.check_name == "every_image_was_decoded"]
    assert str(decoded.description).startswith("1 to look at: lamp: 9.png in book.cbz is no image")
    [warning] = [each for each in result.get_asset_check_evaluations() if each.check_name == "few_pages_are_doubtful"]
    assert (warning.passed, warning.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "lamp: 4 of 5 pages" in str(warning.description)
    again = metadata_of(deployment.ingest_panels("lamp"), "clip_embeddings")
    assert (again["embedded"], again["reused"]) == (0, again["dagster/partition_row_count"])
