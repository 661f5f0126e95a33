from collections.abc import Callable

from sqlalchemy import Engine

from morpheus_assets.domain.content import Chapter, ComicBook, PanelRecord
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets_tests.api.conftest import Api


def test_a_novel_is_described_with_its_chapters_in_order_and_what_each_space_has_of_it(
    api: Api, add_embedded: Callable[..., list[bytes]]
):
    add_embedded("alpha", ["The lamp was lit.", "Nobody saw the frog."])
    book = api.client.get("/api/novels/alpha").json()
    assert (book["passages"], book["panels"], book["refused"]) == (2, 0, None)
    assert [each["chapter"] for each in book["chapters"]] == [1]
    [space] = book["spaces"]
    assert (space["purpose"], space["state"], space["needed"], space["present"]) == ("text", "active", 2, 2)


def test_pieces_around_the_chapters_are_listed_and_not_counted(
    api: Api, engine: Engine, add_novel: Callable[..., list[bytes]]
):
    add_novel("alpha", ["The lamp was lit."])
    replace_chapters(engine, "alpha", [Chapter(0, "Preface", 0, 5, 1, "front"), Chapter(1, "One", 5, 17, 2)])
    assert [each["kind"] for each in api.client.get("/api/novels/alpha").json()["chapters"]] == ["front", "chapter"]
    assert api.client.get("/api/novels").json()["novels"][0]["chapters"] == 1


def test_chapters_come_by_the_page(api: Api, engine: Engine, add_novel: Callable[..., list[bytes]]):
    add_novel("alpha", ["The lamp was lit."])
    replace_chapters(engine, "alpha", [Chapter(n, f"Chapter {n}", 5 * n, 5 * n + 5, 2, "chapter") for n in range(3)])
    pages, after = [], {}
    while True:
        page = api.client.get("/api/novels/alpha/chapters", params={"limit": 2, **after}).json()
        pages.append([each["chapter"] for each in page["chapters"]])
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert pages == [[0, 1], [2]]
    assert api.client.get("/api/novels/beta/chapters").status_code == 404


def test_panels_come_in_reading_order_by_the_page(api: Api, engine: Engine):
    names = [f"page{number}.png" for number in (10, 2, 1)]
    replace_panels(
        engine, "alpha", [PanelRecord(name, "stored", 9, content_hash=name.ljust(32).encode()) for name in names]
    )
    found = api.client.get("/api/novels/alpha/panels", params={"start": 2, "count": 1}).json()
    assert found["total"] == 3
    assert [(panel["number"], panel["path"]) for panel in found["panels"]] == [(2, "page2.png")]


def test_what_archives_say_of_themselves_is_told_with_their_novel(api: Api, engine: Engine):
    books = [
        ComicBook("alpha/2.cbz", series="Morpheus", number="2"),
        ComicBook("alpha/1.cbz", "Lamps", writer="A. Nobody"),
    ]
    pages = [PanelRecord(f"alpha/{n}.cbz", "stored", 9, content_hash=bytes([n]) * 32, entry="a.png") for n in (1, 2)]
    replace_panels(engine, "alpha", pages, books=books)

    told = api.client.get("/api/novels/alpha").json()["comic_books"]

    assert [(each["path"], each["series"], each["number"]) for each in told] == [
        ("alpha/1.cbz", None, None),
        ("alpha/2.cbz", "Morpheus", "2"),
    ]
    assert (told[0]["title"], told[0]["writer"]) == ("Lamps", "A. Nobody")

    replace_panels(engine, "alpha", pages, books=books[:1])
    assert [each["path"] for each in api.client.get("/api/novels/alpha").json()["comic_books"]] == ["alpha/2.cbz"]


def test_a_novel_that_is_not_stored_is_said_so(api: Api):
    for path in ("/api/novels/gamma", "/api/novels/gamma/panels"):
        answer = api.client.get(path)
        assert answer.status_code == 404
        assert "No novel named 'gamma' is stored." in answer.json()["detail"]
