import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from sqlalchemy import Engine

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.api.browser import PROGRAM, Browser
from morpheus_assets_tests.api.conftest import Api

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
    browser.errors.clear()
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
