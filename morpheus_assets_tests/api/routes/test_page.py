import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import axe_core_python
import pytest
from PIL import Image
from sqlalchemy import Engine

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.looks import Look
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.insight.casts import replace_characters, replace_looks
from morpheus_assets.store.insight.scenes import PanelRegion, PanelScene, SceneMatch, replace_scenes
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets_tests.api.browser import PROGRAM, Browser
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider import ProviderServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSAGES = [
    "Every evening the robot lit the lamps. A cat slept on the warm stones. " + "Nobody saw the frog. " * 30,
    "The ship came home without a crew. Her sails were torn.",
    "Rain fell on the square, and the lamps of the city hissed.",
]
CARDS = "document.querySelectorAll('.passage').length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if PROGRAM is None:
        pytest.skip("there is no Chromium on this machine")
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture
def library(api: Api, engine: Engine, add_embedded: Callable[..., list[bytes]]) -> Api:
    """Three passages and two panels behind a running server."""
    add_embedded("the-last-lamp", PASSAGES)
    rows = []
    for colour in ("red", "blue"):
        data = io.BytesIO()
        Image.new("RGB", (90, 120), colour).save(data, "PNG")
        answer = api.client.post(
            "/api/embeddings/image",
            files={"file": (f"{colour}.png", data.getvalue())},
            data={"novel": "the-last-lamp"},
        ).json()
        value = bytes.fromhex(answer["id"])
        rows.append(PanelRecord(f"{colour}.png", "stored", 9, None, value, "PNG", "RGB", 90, 120))
    replace_panels(engine, "the-last-lamp", rows)
    spaces.activate_first(engine, configured_image_spaces(api.settings)[0].key)
    return api


def test_a_question_is_asked_and_followed_by_keyboard_alone(library: Api, browser: Browser):
    browser.requests.clear()
    browser.begin_anew()
    browser.look(1280, 900)
    browser.open(f"{library.url}/")
    browser.wait("document.querySelector('#shelf li') && document.activeElement.id === 'q'")
    browser.write("lamps of the city")
    browser.press("Enter")
    browser.wait(f"{CARDS} === 3")
    assert browser.run("location.search") == "?q=lamps+of+the+city"
    assert "3 passages and 2 panels" in browser.run("document.querySelector('#status').textContent")
    browser.wait("[...document.querySelectorAll('.panel img')].every((image) => image.naturalWidth > 0)")
    passages, panels = browser.run(
        "['passages', 'panels'].map((id) => document.getElementById(id).getBoundingClientRect()).map((r) => [r.x, r.y])"
    )
    assert panels[0] > passages[0]
    assert panels[1] == pytest.approx(passages[1], abs=4)
    browser.press("ArrowDown")
    browser.press("Enter")
    browser.wait("document.querySelector('#reader[open] .here')")
    assert "lamps of the city" in browser.run("document.querySelector('.here').textContent")
    browser.press("Escape")
    browser.wait("!document.querySelector('#reader[open]')")
    browser.press("m")
    browser.wait(f"location.search.startsWith('?like=') && {CARDS} === 2")
    browser.run("history.back()")
    browser.wait(f"location.search.startsWith('?q=') && {CARDS} === 3")
    browser.press("Escape")
    browser.press("/")
    assert browser.run("document.activeElement.id") == "q"
    outside = [url for url in browser.requests if not url.startswith((library.url, "data:", "blob:", "about:"))]
    assert (browser.errors, outside) == ([], [])


def test_the_nearest_sentence_is_marked_and_brought_into_sight(library: Api, browser: Browser):
    browser.open(f"{library.url}/?q=A+cat+slept+on+the+warm+stones")
    browser.wait("document.querySelector('mark')")
    assert browser.run("document.querySelector('mark').textContent") == "A cat slept on the warm stones."


def test_it_fits_a_phone_and_turns_dark(library: Api, browser: Browser):
    browser.look(390, 844, dark=True)
    browser.open(f"{library.url}/?q=lamps")
    browser.wait(f"{CARDS} === 3")
    assert browser.run("document.documentElement.scrollWidth") == 390
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(22, 23, 27)"
    small = "[...document.querySelectorAll('button, select')].filter((e) => e.checkVisibility())"
    heights = browser.run(f"{small}.map((element) => element.getBoundingClientRect().height)")
    assert min(heights) >= 28
    browser.look(1280, 900)


def test_filters_are_in_the_address_and_come_back_with_it(library: Api, browser: Browser):
    browser.open(f"{library.url}/?q=lamps&kind=text&novel=the-last-lamp&mode=text")
    browser.wait(f"{CARDS} === 2")
    assert browser.run("document.querySelector('#panels').hidden")
    values = "[document.forms.ask.kind.value, document.forms.ask.novel.value, document.forms.ask.mode.value]"
    assert browser.run(values) == ["text", "the-last-lamp", "text"]


def test_words_that_were_asked_for_are_marked_where_only_words_were_looked_for(library: Api, browser: Browser):
    browser.open(f"{library.url}/?q=lamp+robots&kind=text&mode=text")
    browser.wait("document.querySelectorAll('.passage mark').length > 1")
    marked = browser.run("[...new Set([...document.querySelectorAll('mark')].map((each) => each.textContent))].sort()")
    assert marked == ["lamps", "robot"]


def test_a_passage_does_not_repeat_its_heading_and_shows_italics(library: Api, browser: Browser):
    browser.open(f"{library.url}/page/search.css")
    code = """import("/page/prose.js").then(({ passage }) => {
      const box = document.createElement("div");
      box.append(...passage({ passage: %s, chapter_title: "CHAPTER I. The Wreck", best_sentence: null,
        char_start: 0 }));
      return box.innerHTML;
    })"""
    heading = json.dumps("CHAPTER I.\n\nTHE WRECK\n\nAt dawn a _drowned_ captain was found, snake_case_name stays.")
    said = browser.run(code % heading)
    assert said == "At dawn a <em>drowned</em> captain was found, snake_case_name stays."
    begins_alike = json.dumps("Chapter I the wreck was long.")
    assert browser.run(code % begins_alike) == "Chapter I the wreck was long."


def test_a_book_has_a_page_with_its_chapters_its_progress_and_its_panels(library: Api, browser: Browser):
    browser.begin_anew()
    browser.open(f"{library.url}/?book=the-last-lamp")
    browser.wait("document.querySelector('#book:not([hidden]) .contents li')")
    about = browser.run("document.querySelector('#book .about').textContent")
    assert "1 chapter · 3 passages · 2 panels" in about
    assert "3 of 3 passages in openai-text-embedding-3-small-256" in browser.run(
        "document.querySelector('#book .spaces').textContent"
    )
    browser.run("document.querySelector('.contents button').click()")
    browser.wait("document.querySelector('#reader[open] .page').textContent.includes('Every evening the robot')")
    browser.press("Escape")
    browser.wait("document.querySelectorAll('#book-panels .panel').length === 2")
    browser.run("document.querySelector('#book-panels .picture').click()")
    browser.wait("document.querySelector('#viewer[open]')")
    first = browser.run("document.querySelector('#viewer-title').textContent")
    assert first.endswith("blue.png · 1 of 2")
    browser.run("document.querySelector('[data-step=\"1\"]').click()")
    browser.wait("document.querySelector('#viewer-title').textContent.endsWith('red.png · 2 of 2')")
    assert browser.run("document.querySelector('[data-step=\"1\"]').disabled")
    assert browser.errors == []


def test_a_panel_that_was_cut_out_of_a_page_can_be_seen_on_it(library: Api, browser: Browser):
    browser.open(f"{library.url}/?book=the-last-lamp")
    browser.wait("document.querySelector('#book-panels img')?.naturalWidth > 0")
    panel = library.client.get("/api/novels/the-last-lamp/panels").json()["panels"][0]
    cut = {**panel, "novel": "the-last-lamp", "region": 1, "page_url": f"{panel['url']}/page"}
    browser.run(f"import('/page/reader.js').then((reader) => reader.openViewer({json.dumps(cut)}, []))")
    browser.wait("document.querySelector('#viewer[open] img').naturalWidth > 0")
    browser.run("document.querySelector('#viewer .whole').click()")
    browser.wait("document.querySelector('#viewer img').src.endsWith('/page')")
    assert browser.run("document.querySelector('#viewer .whole').getAttribute('aria-pressed')") == "true"


def test_one_turns_the_pages_of_a_long_comic_from_wherever_one_begins(api: Api, engine: Engine, browser: Browser):
    rows = [
        PanelRecord(f"{at:03}.png", "stored", 9, None, at.to_bytes(32), "PNG", "RGB", 90, 120) for at in range(1, 231)
    ]
    replace_panels(engine, "the-last-lamp", rows)
    browser.open(f"{api.url}/?book=the-last-lamp")
    browser.wait("document.querySelectorAll('#book-panels .panel').length === 60")
    browser.run("document.querySelectorAll('#book-panels .picture')[59].click()")
    title = "document.querySelector('#viewer-title').textContent"
    browser.wait(f"{title}.endsWith('060.png · 60 of 230')")
    browser.press("ArrowRight")
    browser.wait(f"{title}.endsWith('061.png · 61 of 230')")
    hit = {"novel": "the-last-lamp", "path": "229.png", "entry": "", "page": 229, "region": 0, "url": "/no"}
    browser.run(f"import('/page/reader.js').then((reader) => reader.openViewer({json.dumps(hit)}))")
    browser.wait(f"{title}.endsWith('229.png · 229 of 230')")
    browser.press("ArrowRight")
    browser.wait(f"{title}.endsWith('230.png · 230 of 230')")
    assert browser.run("document.querySelector('[data-step=\"1\"]').disabled")
    assert not browser.run("document.querySelector('[data-step=\"-1\"]').disabled")


def test_a_book_s_page_says_who_is_in_it_and_how_they_look(library: Api, engine: Engine, browser: Browser):
    cast = [Character("Tock", "person", "m", {"Tock": 3}, {1: 3}, ())]
    replace_characters(engine, "the-last-lamp", cast)
    sentence = "Every evening the robot lit the lamps."
    look = Look("Tock", "wig", "flaxen", 1, 0, len(sentence), sentence, True, "wig: brown")
    replace_looks(engine, "the-last-lamp", [look])
    browser.open(f"{library.url}/?book=the-last-lamp")
    browser.wait("document.querySelector('.cast li')")
    assert browser.run("document.querySelector('.cast strong').textContent") == "Tock"
    said = browser.run("document.querySelector('.cast .contradiction').textContent")
    assert said == "wig: flaxen (chapter 1) — said otherwise elsewhere"
    browser.run("document.querySelector('.cast button').click()")
    browser.wait(f"document.querySelector('#reader[open] .here').textContent === {json.dumps(sentence)}")


def test_a_book_s_page_says_what_its_panels_show_and_a_panel_leads_to_its_passage(
    library: Api, engine: Engine, browser: Browser
):
    pages = library.client.get("/api/novels/the-last-lamp/panels").json()["panels"]
    space = get_space(engine, configured_image_spaces(library.settings)[0].key)
    sentence = "A cat slept on the warm stones."
    start = PASSAGES[0].index(sentence)
    stored = load_panels(engine, "the-last-lamp")
    regions = [PanelRegion(each.id, 0, each.content_hash or b"", each.path, "", each.ordinal) for each in stored]
    seen = [
        PanelScene(**vars(region), ordinal=place, chapter=1, char_start=start, char_end=start + len(sentence),
                   sentence=sentence, similarity=0.4, confirmed=False, scores=[0.1, -0.2])
        for place, region in enumerate(regions, 1)
    ]  # fmt: skip
    replace_scenes(engine, "the-last-lamp", space, SceneMatch(space.key, [1, 2], True, seen))
    assert len(seen) == len(pages) == 2
    browser.begin_anew()
    browser.open(f"{library.url}/?book=the-last-lamp")
    browser.wait("document.querySelector('#scenes:not([hidden]) canvas').width > 4")
    assert "Without a panel: 1 chapter (2)" in browser.run("document.querySelector('.about-scenes').textContent")
    browser.look(390, 844)
    browser.run("document.querySelector('#scenes canvas').style.width = '1500px'")
    assert browser.run("document.documentElement.scrollWidth") == 390, "many panels are scrolled within the picture"
    browser.look(1280, 900)
    browser.run("document.querySelector('#book-panels .picture').click()")
    browser.wait("document.querySelector('#viewer[open] .passage-of:not([hidden])')")
    browser.run("document.querySelector('.passage-of').click()")
    browser.wait(f"document.querySelector('#reader[open] .here').textContent === {json.dumps(sentence)}")
    assert not browser.run("document.querySelector('#viewer').open")
    assert browser.errors == []


def test_a_search_can_be_narrowed_to_a_chapter_and_cited(library: Api, browser: Browser):
    browser.open(f"{library.url}/?q=lamps&novel=the-last-lamp&chapter=1&kind=text")
    browser.wait(f"{CARDS} > 0 && document.querySelector('#chapter').value === '1'")
    assert browser.run("document.querySelector('#chapter-pick').hidden") is False
    browser.run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    browser.wait("document.querySelector('#status').textContent.includes('passages')")
    browser.run("document.querySelector('.cite').click()")
    browser.wait("window.copied")
    assert browser.run("/^“.+” \\(.*characters \\d+–\\d+\\)$/.test(window.copied)")


def test_first_results_come_at_once_and_the_question_is_paid_for_once(
    library: Api, browser: Browser, provider_server: ProviderServer
):
    browser.requests.clear()
    browser.open(f"{library.url}/?q=Nobody+saw+the+frog&kind=text")
    browser.wait("document.querySelector('.passage mark')")
    searches = [url for url in browser.requests if "/api/embeddings/search" in url]
    assert [url.rsplit("sentences=", 1)[1] for url in searches] == ["false", "true"]
    # the question, and once all sentences of what it found
    assert provider_server.stats(library.provider_url)["requests"] == 2


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_shuts_out_a_keyboard_or_a_screen_reader(
    library: Api, browser: Browser, dark: bool, subtests: pytest.Subtests
):
    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    browser.look(1280, 900, dark=dark)
    for address in ("/", "/?q=lamps", "/?book=the-last-lamp", "/?q=lamps&mode=text&novel=the-last-lamp"):
        with subtests.test(address):
            assert look_with_axe(browser, axe, library.url + address) == []
    browser.look(1280, 900)


def look_with_axe(browser: Browser, axe: str, address: str) -> list[list[str]]:
    """What axe finds: rule, impact, and the element."""
    browser.open(address)
    browser.wait("document.querySelector('main:not([hidden])') && !document.querySelector('#status.busy')")
    browser.wait("document.querySelector('#shelf ul')")
    browser.run(f"{axe}; true")
    violations = "axe.run().then((all) => all.violations.map((each) => [each.id, each.impact, each.nodes[0].html]))"
    return [each for each in browser.run(violations) if each[1] != "minor"]


def test_a_server_with_keys_asks_for_one(start_api: Callable[..., Api], library: Api, browser: Browser):
    guarded = start_api(api_keys="alice:page-key-0123456789", database_url=library.settings.database_url)
    browser.open(f"{guarded.url}/?q=lamps")
    browser.wait("document.querySelector('#key-dialog[open]')")
    browser.run("document.querySelector('#key').focus()")
    browser.write("page-key-0123456789")
    browser.press("Enter")
    browser.wait(f"{CARDS} === 3")
    # the second server has a content folder of its own name, so the pictures come from there by their key
    browser.wait("[...document.querySelectorAll('.panel img')].every((image) => image.naturalWidth > 0)")
    assert browser.run("localStorage.length") == 0


def test_what_goes_wrong_is_shown_in_a_sentence(start_api: Callable[..., Api], browser: Browser):
    broken = start_api(database_url="postgresql://nobody@127.0.0.1:9/nothing")
    browser.open(f"{broken.url}/?q=lamps")
    browser.wait("document.querySelector('#status.bad')")
    assert "Postgres" in browser.run("document.querySelector('#status').textContent")
