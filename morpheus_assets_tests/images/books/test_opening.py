"""Archives, PDFs and EPUBs are folders of pages, told by their content, in reading order, within bounds."""

import ctypes
import io
import random
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from morpheus_assets.images.books import values
from morpheus_assets.images.books.opening import open_book
from morpheus_assets.images.books.page_order import spreads
from morpheus_assets.images.books.values import Book, UnreadableBook
from morpheus_assets.images.decoding import decode_panel
from morpheus_assets.images.errors import RefusedImage

COMICS = Path(__file__).resolve().parents[4] / "shared" / "data" / "comics"
MOST_PIXELS = 64_000_000


def picture(colour: str = "red", size: tuple[int, int] = (60, 90), form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, form)
    return file.getvalue()


def packed(entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file


def opened(file: io.BytesIO, name: str = "book.cbz") -> Book:
    file.seek(0)
    return open_book(file, name, max_pixels=MOST_PIXELS)


def pages(book: Book) -> list[str]:
    return [page.entry for page in book.pages]


def given(name: str) -> Book:
    path = COMICS / name
    if not path.exists():
        pytest.skip("../shared/data/comics is not there")
    return open_book(io.BytesIO(path.read_bytes()), name, max_pixels=MOST_PIXELS)


def test_numbers_are_read_as_numbers() -> None:
    assert pages(given("01_unpadded.cbz")) == ["1.png", "2.png", "10.png", "11.png"]


def test_what_the_system_wrote_is_passed_over() -> None:
    book = given("02_macosx.cbz")

    assert (pages(book), book.skipped, dict(book.refused)) == (["p1.png", "p2.png"], 3, {})


def test_a_cover_without_a_number_comes_first_and_credits_last() -> None:
    book = given("04_cover_without_number.cbz")

    assert pages(book)[0] == "_cover.png"
    assert pages(book)[1:] == ["Marvel2In1-7.png", "Marvel2In1-7-01.png", "Marvel2In1-7-02.png", "zz_credits.png"]
    assert [page.role for page in book.pages][:1] == ["cover"]
    assert book.pages[-1].role == "credits"


def test_comic_info_is_read_field_by_field() -> None:
    book = given("05_comicinfo.cbz")
    facts = book.facts

    assert (facts.title, facts.series, facts.number, facts.volume) == ("A trial", "Morpheus", "1.5", "2")
    assert (facts.writer, facts.language, facts.direction) == ("Nobody", "fr", "rtl")
    assert [(page.role, page.spread) for page in book.pages] == [("cover", False), ("", True), ("advertisement", False)]


def test_damaged_comic_info_is_read_as_far_as_it_goes_with_a_note() -> None:
    book = given("07_comicinfo_cp1252_second_prolog.cbz")

    assert pages(book) == ["001.png"]
    assert book.facts.title == "A & B"
    assert book.facts.notes == ("the XML is not in UTF-8; it was read as cp1252.",)


def test_a_bad_page_takes_no_other_with_it() -> None:
    book, good = given("09_one_bad_page.cbz"), []
    for page in pages(book):
        try:
            decode_panel(book.read(page), page, max_pixels=MOST_PIXELS)
            good.append(page)
        except RefusedImage:
            pass

    assert (len(pages(book)), good) == (5, ["1.jpg", "5.jpg"])


def test_a_rar_named_as_a_zip_is_told_by_its_content() -> None:
    with pytest.raises(UnreadableBook, match=r"15_rar_named\.cbz is a damaged or incomplete RAR archive"):
        given("15_rar_named.cbz")


def test_a_zip_named_as_a_rar_is_read() -> None:
    assert pages(opened(packed({"1.png": picture()}), "book.cbr")) == ["1.png"]


def test_a_page_of_a_pdf_that_is_one_picture_gives_its_jpeg() -> None:
    book = given("17_scans.pdf")

    first = book.read(pages(book)[0])

    assert len(pages(book)) == 3
    assert first.startswith(b"\xff\xd8\xff")


def one_picture_pdf(*, mode: int | None = None, cut: bool = False) -> io.BytesIO:
    """A page that is one JPEG, with a word over it in a mode of rendering, or of which a quarter is shown."""
    import pypdfium2
    from pypdfium2 import raw

    scan, file = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (400, 600), "teal").save(scan, "PDF")
    pdf = pypdfium2.PdfDocument(scan.getvalue())
    page = pdf[0]
    if mode is not None:
        word = raw.FPDFPageObj_CreateTextObj(pdf, raw.FPDFText_LoadStandardFont(pdf, b"Helvetica"), 30.0)
        raw.FPDFText_SetText(word, ctypes.cast("NO!\0".encode("utf-16-le"), ctypes.POINTER(ctypes.c_ushort)))
        raw.FPDFTextObj_SetTextRenderMode(word, mode)
        raw.FPDFPageObj_Transform(word, 1, 0, 0, 1, 40, 80)
        raw.FPDFPage_InsertObject(page, word)
        page.gen_content()
    if cut:
        page.set_cropbox(0, 0, *(side / 2 for side in page.get_size()))
    pdf.save(file)
    return file


def test_lettering_over_a_picture_is_seen_and_the_hidden_text_of_a_scan_leaves_it_as_it_is() -> None:
    def form(file: io.BytesIO) -> str | None:
        return Image.open(io.BytesIO(opened(file, "book.pdf").read("page 1"))).format

    assert form(one_picture_pdf()) == "JPEG"
    assert form(one_picture_pdf(mode=3)) == "JPEG"
    assert form(one_picture_pdf(mode=0)) == "PNG"
    assert form(one_picture_pdf(cut=True)) == "PNG"


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused_unread() -> None:
    with pytest.raises(UnreadableBook, match="unpacks to 1028 times its size"):
        given("19_zip_bomb.cbz")


def test_a_picture_of_gigantic_pixels_is_one_refused_page() -> None:
    book = given("19_pixel_bomb.cbz")

    with pytest.raises(RefusedImage, match="declares 900,000,000 pixels"):
        decode_panel(book.read("1.png"), "1.png", max_pixels=MOST_PIXELS)


def test_the_author_s_frames_come_with_their_page() -> None:
    page = given("22_acbf_frames.cbz").pages[0]

    assert page.boxes((300, 420)) == ((15, 15, 284, 204), (15, 216, 284, 404))


def test_a_name_of_two_numbers_is_a_spread_where_both_are_missing() -> None:
    book = given("23_spread_names.cbz")

    assert [(page.entry, page.spread) for page in book.pages] == [
        ("01.png", False),
        ("02.png", False),
        ("0304.png", True),
        ("05.png", False),
    ]


def test_spreads_that_follow_each_other_are_spreads_and_numbers_of_four_digits_are_not() -> None:
    assert spreads(["p01.jpg", "p02-03.jpg", "p04_05.jpg", "p0607.jpg", "p0809.jpg", "p10.jpg"]) == {
        "p02-03.jpg",
        "p04_05.jpg",
        "p0607.jpg",
        "p0809.jpg",
    }
    assert spreads(["0102.jpg", "0304.jpg", "0506.jpg"]) == set()


def test_pages_twelve_and_thirteen_are_no_spread() -> None:
    book = opened(packed({f"{number}.png": picture() for number in (*range(10, 14), 1112)}))

    assert not any(page.spread for page in book.pages if page.entry != "1112.png")


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp932", "第01巻/表紙.png"),
        ("gb18030", "漫画第一话/封面.png"),
        ("cp437", "Bücher/Äpfel.png"),
        ("utf-8", "第1話.png"),
    ],
)
def test_names_without_a_flag_are_read_in_the_encoding_of_their_country(encoding: str, name: str) -> None:
    raw = name.encode(encoding)
    file = packed({"x" * len(raw): picture()}, zipfile.ZIP_STORED)
    written = io.BytesIO(file.getvalue().replace(b"x" * len(raw), raw))

    assert pages(opened(written)) == [name]


def test_a_name_that_leads_out_is_refused_and_nothing_is_written() -> None:
    book = opened(packed({"1.png": picture(), "../../evil.png": picture()}))

    assert pages(book) == ["1.png"]
    assert list(book.refused) == ["../../evil.png"]


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04 cut off"])
def test_what_is_no_archive_gets_one_sentence(data: bytes) -> None:
    with pytest.raises(UnreadableBook, match=r"^book\.cbz is .* copy it again"):
        opened(io.BytesIO(data))


def test_an_archive_without_pictures_gets_one_sentence() -> None:
    with pytest.raises(UnreadableBook, match=r"book\.cbz holds no pictures"):
        opened(packed({"readme.txt": b"hello"}))


def test_an_archive_of_archives_says_what_to_do_with_them() -> None:
    with pytest.raises(UnreadableBook, match=r"holds other archives or PDFs and no pictures: put these into the"):
        opened(packed({"vol 1.cbz": b"PK\x03\x04", "vol 2.pdf": b"%PDF-1.7", "read me.txt": b"x"}))


def test_an_archive_beside_pages_is_refused_and_not_passed_over() -> None:
    book = opened(packed({"1.png": picture(), "extra/2.cbz": packed({"1.png": picture()}).getvalue()}))

    assert pages(book) == ["1.png"]
    assert "2.cbz in book.cbz is an archive or PDF of its own" in book.refused["extra/2.cbz"]


def test_pages_whose_names_have_no_suffix_are_told_by_their_content() -> None:
    book = opened(
        packed({"002": picture(), "001": picture("blue"), "read me": b"two pages, and a text of some length"})
    )

    assert (pages(book), book.skipped) == (["001", "002"], 1)


def test_pictures_that_are_not_read_are_refused_each_and_not_passed_over() -> None:
    book = opened(packed({"1.png": picture(), "2.svg": b"<svg/>", "3.psd": b"8BPS", "4.heif": b"?"}))

    assert pages(book) == ["1.png", "2.svg", "3.psd", "4.heif"]


def test_a_name_comes_before_the_longer_ones_that_it_begins() -> None:
    names = ["p1 (2).png", "p1-b.png", "p1.png", "p10.png", "p2.png", "p1.5.png"]
    book = opened(packed({name: picture() for name in names}))

    assert pages(book) == ["p1.png", "p1 (2).png", "p1-b.png", "p1.5.png", "p2.png", "p10.png"]


@pytest.mark.parametrize("press", ["gz", "bz2", "xz"])
def test_a_pressed_tar_is_read(press: str) -> None:
    import tarfile

    pytest.importorskip("libarchive")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{press}") as archive:
        entry = tarfile.TarInfo("1.png")
        entry.size = len(picture())
        archive.addfile(entry, io.BytesIO(picture()))

    assert opened(file, "book.cbt").read("1.png") == picture()


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_ENTRIES", 3)

    with pytest.raises(UnreadableBook, match="holds more than 3 files"):
        opened(packed({f"{number}.png": b"" for number in range(4)}))


def test_an_epub_of_pictures_is_read_in_the_order_of_its_spine_with_the_author_s_regions() -> None:
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><img src="../images/{}.png"/></body></html>'
    package = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
        <dc:title>Two pages</dc:title><dc:language>ja</dc:language></metadata><manifest>
        <item id="b" href="text/b.xhtml"/><item id="a" href="text/a.xhtml"/>
        <item id="n" href="nav.xhtml" properties="nav"/></manifest>
        <spine page-progression-direction="rtl"><itemref idref="b"/><itemref idref="a"/></spine></package>"""
    nav = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
        <nav epub:type="region-based"><ol><li><a href="text/b.xhtml#xywh=percent:50,0,50,100"/></li>
        <li><a href="text/b.xhtml#xywh=percent:0,0,50,100"/></li></ol></nav></body></html>"""
    book = opened(
        packed(
            {
                "mimetype": b"application/epub+zip",
                "META-INF/container.xml": b'<container><rootfile full-path="o/p.opf"/></container>',
                "o/p.opf": package.encode(),
                "o/nav.xhtml": nav.encode(),
                "o/text/a.xhtml": page.format("1").encode(),
                "o/text/b.xhtml": page.format("2").encode(),
                "o/images/1.png": picture(),
                "o/images/2.png": picture("blue"),
            },
            zipfile.ZIP_STORED,
        ),
        "book.epub",
    )

    assert (book.kind, pages(book)) == ("epub", ["o/images/2.png", "o/images/1.png"])
    assert (book.facts.title, book.facts.language, book.facts.direction) == ("Two pages", "ja", "rtl")
    assert book.pages[0].boxes((60, 90)) == ((30, 0, 60, 90), (0, 0, 30, 90))


def test_the_panels_of_a_data_navigation_document_are_the_author_s_and_their_balloons_are_not() -> None:
    link = '<a href="{}.xhtml#xywh=percent:{}"/>'
    nav = f"""<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
        <nav epub:type="region-based"><ol>
        <li epub:type="panel-group">{link.format("page%200", "0,0,100,100")}<ol>
          <li epub:type="panel">{link.format("page%200", "0,0,100,50")}
            <ol><li epub:type="balloon">{link.format("page%200", "10,10,20,20")}</li></ol></li>
          <li><a epub:type="panel" href="page%200.xhtml#xywh=percent:0,50,100,50"/>
            <ol><li><a epub:type="text-area" href="page%200.xhtml#xywh=percent:1,1,5,5"/></li></ol></li></ol></li>
        <li epub:type="panel-group">{link.format("page%201", "0,0,50,100")}</li></ol></nav></body></html>"""
    picture_of = '<img src="../pictures/{}.png"/>'
    book = fixed_layout(
        picture_of.format(0),
        picture_of.format(1),
        items='<item id="r" href="text/regions.xhtml" properties="data-nav"/>',
        others={"o/text/regions.xhtml": nav.encode()},
    )

    assert book.pages[0].boxes((60, 90)) == ((0, 0, 60, 45), (0, 45, 60, 90))
    assert book.pages[1].boxes((60, 90)) == ((0, 0, 30, 90),)


def fixed_layout(*bodies: str, meta: str = "", items: str = "", others: Mapping[str, bytes] | None = None) -> Book:
    """An EPUB whose n-th page has a body, beside three pictures."""
    names = [f"page {at}.xhtml" for at in range(len(bodies))]
    items += "".join(f'<item id="p{at}" href="text/{quote(name)}"/>' for at, name in enumerate(names))
    spine = "".join(f'<itemref idref="p{at}"/>' for at in range(len(names)))
    package = f"""<package xmlns="http://www.idpf.org/2007/opf"><metadata>{meta}</metadata><manifest>{items}</manifest>
        <spine>{spine}</spine></package>"""
    entries = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": b'<container><rootfile full-path="o/p.opf"/></container>',
        "o/p.opf": package.encode(),
        **{f"o/pictures/{at}.png": picture(colour) for at, colour in enumerate(("red", "blue", "green"))},
        **{
            f"o/text/{name}": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'.encode()
            for name, body in zip(names, bodies, strict=True)
        },
    }
    return opened(packed({**entries, **(others or {})}, zipfile.ZIP_STORED), "book.epub")


def test_pages_of_fixed_layout_show_pictures_in_several_ways() -> None:
    book = fixed_layout(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink">'
        '<image x:href="../pictures/2.png"/></svg>',
        """<div style="color: red; background-image: url('../pictures/1.png')">&nbsp;</div>""",
        '<object data="../pictures/0.png" type="image/png"/><img src="../pictures/1.png"/>',
        meta='<meta name="primary-writing-mode" content="horizontal-rl"/>',
    )

    assert pages(book) == ["o/pictures/2.png", "o/pictures/1.png", "o/pictures/0.png"]
    assert book.facts.direction == "rtl"


def test_an_epub_whose_pictures_are_encrypted_says_so_and_disguised_fonts_do_no_harm() -> None:
    def protected(path: str) -> Mapping[str, bytes]:
        return {
            "META-INF/encryption.xml": f'<encryption><EncryptedData><CipherData><CipherReference URI="{path}"/>'
            "</CipherData></EncryptedData></encryption>".encode()
        }

    page = '<img src="../pictures/0.png"/>'
    assert pages(fixed_layout(page, others=protected("o/fonts/a.otf"))) == ["o/pictures/0.png"]
    with pytest.raises(UnreadableBook, match=r"book\.epub is protected by DRM"):
        fixed_layout(page, others=protected("o/pictures/0.png"))


def test_a_tar_of_pages_is_read_where_libarchive_is_installed() -> None:
    import tarfile

    pytest.importorskip("libarchive")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("2.png", "1.png"):
            data = picture()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))

    book = opened(file, "book.cbt")

    assert pages(book) == ["1.png", "2.png"]
    assert decode_panel(book.read("1.png"), "1.png", max_pixels=MOST_PIXELS).width == 60


def stored_rar(
    entries: Mapping[str, bytes], *, archive: bytes = b"\0", encrypted: Collection[str] = (), goes_on: int = 0
) -> io.BytesIO:
    """A RAR 5 archive whose entries are stored as they are (RARLAB's technote on the format).

    `archive` are the flags of the whole, and a volume's number; `goes_on` is the flag of what lies in two volumes.
    """

    def number(value: int) -> bytes:
        found = b""
        while value > 0x7F:
            found += bytes([value & 0x7F | 0x80])
            value >>= 7
        return found + bytes([value])

    def header(kind: int, fields: bytes, data: bytes | None = None, extra: bytes = b"") -> bytes:
        flags = number((2 if data is not None else 0) | (1 if extra else 0) | (goes_on if data is not None else 0))
        sizes = (number(len(extra)) if extra else b"") + (b"" if data is None else number(len(data)))
        body = number(kind) + flags + sizes + fields + extra
        sized = number(len(body)) + body
        return zlib.crc32(sized).to_bytes(4, "little") + sized + (data or b"")

    packed = b"Rar!\x1a\x07\x01\x00" + header(1, archive)
    for name, data in entries.items():
        sizes = number(4) + number(len(data)) + number(0o100644) + zlib.crc32(data).to_bytes(4, "little")
        fields = sizes + number(0) + number(1) + number(len(name.encode())) + name.encode()
        # The record of encryption: its size, its kind, its version, flags, a count, salt and vector.
        record = number(36) + number(1) + number(0) + number(0) + bytes([15]) + bytes(32)
        packed += header(2, fields, data, record if name in encrypted else b"")
    return io.BytesIO(packed + header(5, number(0)))


def seven_zip(entries: Mapping[str, bytes]) -> io.BytesIO:
    import libarchive

    with tempfile.NamedTemporaryFile() as file:
        with libarchive.file_writer(file.name, "7zip") as archive:
            for name, data in entries.items():
                archive.add_file_from_memory(name, len(data), data)
        return io.BytesIO(file.read())


@pytest.mark.parametrize(("pack", "name", "kind"), [(stored_rar, "book.cbr", "RAR"), (seven_zip, "book.cb7", "7z")])
def test_a_rar_or_7z_of_pages_is_read_whole_where_libarchive_is_installed(
    pack: Callable[[Mapping[str, bytes]], io.BytesIO], name: str, kind: str
) -> None:
    pytest.importorskip("libarchive")
    info = b"<ComicInfo><Series>Lamps</Series><Number>3</Number></ComicInfo>"
    entries = {"p10.png": picture("blue"), "p2.png": picture("red"), "ComicInfo.xml": info, "Thumbs.db": b"x"}

    book = opened(pack(entries), name)

    assert (book.kind, pages(book), book.skipped) == (kind, ["p2.png", "p10.png"], 1)
    assert (book.facts.series, book.facts.number) == ("Lamps", "3")
    # In any order, and each as often as it is asked for.
    assert [book.read(entry) for entry in ("p10.png", "p2.png", "p10.png")] == [
        entries["p10.png"],
        entries["p2.png"],
        entries["p10.png"],
    ]


@pytest.mark.parametrize(("pack", "kind"), [(stored_rar, "RAR"), (seven_zip, "7z")])
def test_a_cut_off_rar_or_7z_says_so(pack: Callable[[Mapping[str, bytes]], io.BytesIO], kind: str) -> None:
    pytest.importorskip("libarchive")
    whole = pack({"1.png": picture("red", (400, 600)), "2.png": picture("blue", (400, 600))}).getvalue()

    def read_all() -> list[bytes]:
        book = opened(io.BytesIO(whole[: len(whole) // 2]), "book.cbr")
        return [book.read(page) for page in pages(book)]

    with pytest.raises(UnreadableBook, match=rf"book\.cbr is a damaged or incomplete {kind} archive"):
        read_all()


def rar_4(entries: Mapping[str, bytes], *, archive: int = 0, flags: int = 0) -> io.BytesIO:
    """A RAR 4 archive whose entries are stored (RARLAB's technote.txt); `archive` and `flags` are those of headers."""

    def header(kind: int, flags: int, fields: bytes) -> bytes:
        body = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
        return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body

    packed = b"Rar!\x1a\x07\x00" + header(0x73, archive, bytes(6))
    for name, data in entries.items():
        sizes = struct.pack("<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0, 20, 0x30, len(name), 0o100644)
        packed += header(0x74, 0x8000 | flags, sizes + name.encode()) + data
    return io.BytesIO(packed + header(0x7B, 0, b""))


def test_a_rar_4_of_pages_is_read() -> None:
    pytest.importorskip("libarchive")
    entries = {"2.png": picture("blue"), "1.png": picture("red")}

    book = opened(rar_4(entries), "book.cbr")

    assert [book.read(page) for page in pages(book)] == [entries["1.png"], entries["2.png"]]


@pytest.mark.parametrize(
    ("file", "which"),
    [
        (rar_4({"1.png": picture()}, archive=0x0101, flags=0x02), "the first"),
        (rar_4({"1.png": picture()}, archive=0x0001, flags=0x01), "a later one"),
        (stored_rar({"1.png": picture()}, archive=b"\x01", goes_on=0x10), "the first"),
        (stored_rar({"1.png": picture()}, archive=b"\x03\x01", goes_on=0x08), "a later one"),
    ],
    ids=["RAR 4, first", "RAR 4, later", "RAR 5, first", "RAR 5, later"],
)
def test_a_volume_of_several_says_that_they_belong_together(file: io.BytesIO, which: str) -> None:
    pytest.importorskip("libarchive")
    with pytest.raises(UnreadableBook, match=rf"book\.cbr is {which} of several RAR volumes: unpack them together"):
        opened(file, "book.cbr")


def test_an_encrypted_page_is_refused_alone_and_in_a_solid_archive_nothing_can_be_read() -> None:
    pytest.importorskip("libarchive")
    entries = {"1.png": picture("red"), "2.png": picture("blue")}
    protected = r"is protected by a password: save it without one"

    for file in (stored_rar(entries, encrypted=["1.png"]), rar_4({"1.png": b"?"}, flags=0x04)):
        book = opened(file, "book.cbr")
        with pytest.raises(UnreadableBook, match=rf"1\.png in book\.cbr {protected}"):
            book.read("1.png")
        assert [book.read(page) for page in pages(book)[1:]] == [entries["2.png"]] * (len(pages(book)) - 1)
    for file in (stored_rar(entries, archive=b"\x04", encrypted=["1.png"]), rar_4(entries, archive=8, flags=0x14)):
        with pytest.raises(UnreadableBook, match=rf"book\.cbr {protected}"):
            opened(file, "book.cbr")


def test_a_solid_rar_4_says_that_it_is_one() -> None:
    pytest.importorskip("libarchive")
    with pytest.raises(UnreadableBook, match=r"is a solid RAR 4 archive, which libarchive does not read: pack"):
        opened(rar_4({"1.png": picture()}, archive=8, flags=0x10), "book.cbr")


def test_pages_of_a_solid_archive_behind_damage_are_refused_each_and_those_before_it_are_read() -> None:
    pytest.importorskip("libarchive")
    chance = random.Random(1)
    entries = {f"{at}.png": chance.randbytes(90_000) for at in range(4)}
    body = bytearray(seven_zip(entries).getvalue())
    at = body.index(entries["2.png"][100:140]) if entries["2.png"][100:140] in body else len(body) // 2
    body[at : at + 4000] = bytes(4000)

    book = opened(io.BytesIO(bytes(body)), "book.cb7")

    assert book.read("0.png") == entries["0.png"]
    for page in ("2.png", "3.png"):
        with pytest.raises(UnreadableBook, match=rf"{page[0]}\.png cannot be unpacked: book\.cb7 is a damaged"):
            book.read(page)
    assert book.read("0.png") == entries["0.png"]


@pytest.mark.parametrize("pack", [stored_rar, rar_4])
@pytest.mark.parametrize("into", [-3, 9])
def test_the_pages_before_the_end_of_a_cut_rar_are_read_and_the_rest_is_said_to_be_missing(
    pack: Callable[[Mapping[str, bytes]], io.BytesIO], into: int
) -> None:
    pytest.importorskip("libarchive")
    entries = {f"{at}.png": picture("red", (40 + at, 60)) for at in range(6)}
    body = pack(entries).getvalue()

    book = opened(io.BytesIO(body[: body.index(entries["4.png"]) + into]), "book.cbr")

    assert [book.read(page) for page in pages(book)[:4]] == [entries[f"{at}.png"] for at in range(4)]
    for page in pages(book)[4:]:
        with pytest.raises(UnreadableBook, match=r"4\.png cannot be unpacked: book\.cbr is a damaged"):
            book.read(page)
    (missing,) = book.refused.values()
    assert missing.startswith(f"What follows {pages(book)[-1]} is missing: book.cbr is a damaged or incomplete RAR")


@pytest.mark.parametrize("pack", [stored_rar, seven_zip])
def test_pages_in_the_order_of_their_archive_are_read_in_one_pass(
    pack: Callable[[Mapping[str, bytes]], io.BytesIO],
) -> None:
    pytest.importorskip("libarchive")

    class Counted(io.BytesIO):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer)
            self.taken += count
            return count

    entries = {f"{at:02}.png": random.Random(at).randbytes(90_000) for at in range(24)}
    file = Counted(pack(entries).getvalue())
    book = open_book(file, "book.cbr", max_pixels=MOST_PIXELS)
    file.taken = 0

    assert [book.read(page) for page in pages(book)] == [*entries.values()]
    assert file.taken < 1.3 * len(file.getvalue())
    for at in (2, 1, 0, 5, 3, 4, 7, 6, 8, 12, 10, 11, 9, 18, 15, 17, 16, 23):
        assert book.read(f"{at:02}.png") == entries[f"{at:02}.png"]
    assert file.taken < 2.7 * len(file.getvalue())


def test_two_entries_of_one_name_are_two_pages() -> None:
    import tarfile

    pytest.importorskip("libarchive")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for data in (b"first", b"second"):
            entry = tarfile.TarInfo("1.png")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))

    book = opened(file, "book.cbt")

    assert [book.read(page) for page in pages(book)] == [b"first", b"second"]


@pytest.mark.parametrize(
    ("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (95, "XZ"), (98, "PPMd"), (77, "77")]
)
def test_a_page_packed_by_a_method_that_is_not_read_says_which(method: int, name: str) -> None:
    data = bytearray(packed({"1.png": picture()}, zipfile.ZIP_STORED).getvalue())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + at : data.index(mark) + at + 2] = method.to_bytes(2, "little")

    with pytest.raises(
        UnreadableBook, match=rf"1\.png in book\.cbz is packed by .*{name}, which is not read: pack the"
    ):
        opened(io.BytesIO(data)).read("1.png")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_lies_before_a_zip_and_another_name_before_its_data_do_no_harm(method: int) -> None:
    body = packed({"page 1.png": picture()}, method).getvalue().replace(b"page 1.png", b"PAGE_1.PNG", 1)

    book = opened(io.BytesIO(b"a program that unpacks itself" * 9 + body))

    assert [book.read(page) for page in pages(book)] == [picture()]


def test_a_rar_without_libarchive_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libarchive", None)

    with pytest.raises(UnreadableBook, match=r"libarchive is not installed: install it with the extra `comics`"):
        opened(stored_rar({"1.png": picture()}), "book.cbr")
