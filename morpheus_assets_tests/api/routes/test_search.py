import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.spaces import active_space
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

LAMP = "Every evening the robot lit the lamps. A cat slept on the warm stones. Nobody saw the frog."
SHIP = "The ship came home without a crew. Her sails were torn and her captain was gone."


@pytest.fixture
def shelf(add_embedded: Callable[..., list[bytes]]) -> list[bytes]:
    return add_embedded("alpha", [LAMP, SHIP]) + add_embedded("beta", ["Rain fell on the empty square."])


def test_a_passage_is_found_with_its_place_and_true_cosine(api: Api, shelf: list[bytes]):
    answer = api.search(q="the ship without a crew", kind="text", sentences=False).json()
    first = answer["passages"][0]
    assert (first["id"], first["rank"], first["novel"]) == (shelf[1].hex(), 1, "alpha")
    assert (first["chapter"], first["passage"]) == (1, SHIP)
    text = api.client.get(first["text_url"]).json()
    start = first["char_start"] - text["char_start"]
    assert text["text"][start : start + len(SHIP)] == SHIP
    question, passage = vectors_of(["the ship without a crew", SHIP], 256)
    assert first["similarity"] == pytest.approx(float(question @ passage), abs=1e-3)
    assert answer["spaces"]["text"] == "openai-text-embedding-3-small-256"


def test_a_quote_of_one_sentence_is_as_near_as_the_sentence_itself(api: Api, shelf: list[bytes]):
    quote = "A cat slept on the warm stones."
    first = api.search(q=quote, kind="text").json()["passages"][0]
    assert first["passage_similarity"] < 0.8
    assert first["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert first["best_sentence"]["text"] == quote
    assert LAMP[first["best_sentence"]["char_start"] : first["best_sentence"]["char_end"]] == quote


def test_filters_and_the_least_similarity_are_obeyed(api: Api, shelf: list[bytes]):
    assert {row["novel"] for row in api.search(q="rain or lamps", novel="beta").json()["passages"]} == {"beta"}
    near = api.search(q=SHIP, min_similarity=0.9).json()["passages"]
    assert [row["passage"] for row in near] == [SHIP]
    assert api.search(q="the lamps", kind="text", k=1).json()["passages"][1:] == []
    assert api.search(q="lamps", novel="alpha", chapter=7).json()["passages"] == []


def test_a_floor_is_named_by_the_share_of_all_passages_that_lie_below_it(api: Api, add_embedded: Callable):
    add_embedded("alpha", [SHIP, *(f"Item {number} of a list of other things." for number in range(40))])
    everything = api.search(q=SHIP, kind="text", k=30, mode="vector").json()["passages"]
    above = api.search(q=SHIP, kind="text", k=30, mode="vector", better_than=99).json()["passages"]
    assert [row["passage"] for row in above] == [SHIP]
    assert len(everything) == 30
    half = api.search(q=SHIP, kind="text", k=30, mode="vector", better_than=50).json()["passages"]
    assert len(above) < len(half) < 30
    assert any(
        "Words have no similarity" in note for note in api.search(q=SHIP, mode="text", better_than=99).json()["notes"]
    )
    assert api.search(q=SHIP, better_than=100).status_code == 422


def test_a_search_is_held_to_several_novels_languages_and_authors(api: Api, shelf: list[bytes], engine: Engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE novels SET language = 'fr', author = 'Jules Verne' WHERE novel = 'beta'")

    def novels(**options: object) -> set[str]:
        answer = api.search(q="rain or lamps on a ship", kind="text", **options).json()
        return {row["novel"] for row in answer["passages"]}

    assert novels(novel=["alpha", "beta"]) == {"alpha", "beta"}
    assert novels(language="fr") == {"beta"}
    assert novels(language=["EN"], author="verne") == set()
    assert novels(author="verne") == {"beta"}
    assert api.search(q="lamps", novel=["alpha", "gamma"]).status_code == 404


def test_results_come_in_the_order_of_the_relevance_that_is_shown(api: Api, shelf: list[bytes]):
    for options in ({}, {"sentences": False}, {"mode": "vector"}, {"mode": "text"}):
        rows = api.search(q="a cat slept on warm stones by the ship", kind="text", **options).json()["passages"]
        relevances = [row["relevance"] for row in rows]
        assert relevances == sorted(relevances, reverse=True), options
        assert all(0 <= each <= 1 for each in relevances)
    quote = api.search(q="A cat slept on the warm stones.", kind="text").json()["passages"]
    assert quote[0]["relevance"] == pytest.approx(1.0, abs=1e-3)
    assert all(row["relevance"] < 0.75 for row in quote[1:])


def test_what_is_like_a_passage_can_be_looked_for_in_other_novels_only(
    api: Api, shelf: list[bytes], add_embedded: Callable[..., list[bytes]]
):
    add_embedded("gamma", ["The ship came home with a crew. Her sails were torn.", SHIP])
    everywhere = api.search(like=shelf[1].hex(), kind="text").json()["passages"]
    elsewhere = api.search(like=shelf[1].hex(), kind="text", other_novels=True).json()["passages"]
    assert {row["novel"] for row in everywhere} == {"alpha", "beta", "gamma"}
    # alpha and gamma both hold it
    assert {row["novel"] for row in elsewhere} == {"beta"}
    assert shelf[1].hex() not in {row["id"] for row in everywhere}


def test_what_stands_before_the_first_chapter_can_be_searched_alone(api: Api, add_embedded: Callable):
    add_embedded("alpha", [SHIP, LAMP], per_chapter=1, first_chapter=-1)
    for chapter, found in ((-1, [SHIP]), (0, [LAMP])):
        answer = api.search(q="lamps on a ship", novel="alpha", chapter=chapter, kind="text").json()
        assert [row["passage"] for row in answer["passages"]] == found


def test_an_unknown_novel_is_said_and_not_an_empty_answer(api: Api, shelf: list[bytes]):
    answer = api.search(q="lamps", novel="gamma")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["field"] == "novel"


WRONG = [
    ({}, "q"), ({"q": " "}, "q"), ({"q": "a", "k": 0}, "k"), ({"q": "a", "mode": "x"}, "mode"),
    ({"q": "a", "chapter": 1}, "chapter"), ({"like": "zz"}, "like"), ({"q": "a\0b"}, "q"),
]  # fmt: skip


def test_a_wrong_parameter_is_named(api: Api, subtests: pytest.Subtests):
    for parameters, field in WRONG:
        with subtests.test(parameters=parameters):
            answer = api.search(**parameters)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == field


def test_more_like_this_costs_no_request_and_leaves_itself_out(
    api: Api, shelf: list[bytes], provider_server: ProviderServer
):
    answer = api.search(like=shelf[0].hex(), kind="text").json()
    assert {row["id"] for row in answer["passages"]} == {shelf[1].hex(), shelf[2].hex()}
    assert provider_server.stats(api.provider_url)["requests"] == 0
    assert api.search(like="0" * 64).status_code == 404


def test_words_alone_answer_while_the_provider_is_down(start_api: Callable[..., Api], shelf: list[bytes]):
    api = start_api({"fault": "503"})
    answer = api.search(q="ship", kind="text").json()
    assert answer["passages"][0]["passage"] == SHIP
    assert "words alone" in answer["notes"][0]
    assert api.search(q="ship", kind="text", mode="vector").status_code == 503


def test_a_standby_space_answers_while_the_active_ones_provider_is_down(
    start_api: Callable[..., Api], shelf: list[bytes], engine: Engine, provider_server: ProviderServer
):
    row = spaces.register_space(engine, _standby())
    bodies = [LAMP, SHIP, "Rain fell on the empty square."]
    vectors.write_batch(engine, row, shelf, vectors_of(bodies, 256))
    spaces.mark_ready(engine, row.key)
    api = start_api({"fault": "503"}, voyage_api_key="pa-secret-0123456789", voyage_base_url=provider_server.base_url())
    answer = api.search(q="ship without crew", kind="text").json()
    assert answer["spaces"]["text"] == row.key
    assert "standby" in answer["notes"][0]
    assert answer["passages"][0]["similarity"] is not None


def _standby() -> Space:
    from morpheus_assets.embedding.spaces import resolve_text_space

    return resolve_text_space("voyage/voyage-3.5@256")


def test_a_switch_of_spaces_is_seen_by_the_next_search(api: Api, shelf: list[bytes], engine: Engine, space: Space):
    assert api.search(q="ship", kind="text").json()["spaces"]["text"] == space.key
    other = replace(space, key="openai-text-embedding-3-small-128", dimensions=128)
    row = spaces.register_space(engine, other)
    vectors.write_batch(engine, row, shelf, vectors_of([LAMP, SHIP, "Rain fell on the empty square."], 128))
    spaces.activate(engine, row.key)
    spaces.drop(engine, space.key)
    answer = api.search(q="ship", kind="text").json()
    assert answer["spaces"]["text"] == other.key
    assert answer["passages"][0]["passage"] == SHIP


@pytest.fixture
def pictures(api: Api, engine: Engine) -> dict[str, bytes]:
    """Three plain pictures as panels of one novel, embedded by the demo model over the API itself."""
    made = {}
    for colour in ("red", "green", "blue"):
        data = io.BytesIO()
        Image.new("RGB", (96, 64), colour).save(data, "PNG")
        answer = api.client.post(
            "/api/embeddings/image",
            files={"file": (f"{colour}.png", data.getvalue())},
            data={"novel": "alpha", "create": "true"},
        ).json()
        made[colour] = bytes.fromhex(answer["id"])
    rows = [
        PanelRecord(f"{colour}.png", "stored", 9, None, value, "PNG", "RGB", 96, 64) for colour, value in made.items()
    ]
    replace_panels(engine, "alpha", rows)
    spaces.activate_first(engine, configured_image_spaces(api.settings)[0].key)
    return made


def test_panels_are_found_by_a_picture_by_words_and_by_likeness(api: Api, pictures: dict[str, bytes]):
    data = io.BytesIO()
    Image.new("RGB", (90, 60), "green").save(data, "JPEG")
    found = api.client.post("/api/embeddings/search", files={"file": ("g.jpg", data.getvalue())}).json()["panels"]
    assert found[0]["path"] == "green.png"
    assert found[0]["similarity"] > 0.95
    assert len(api.search(q="a red wall", kind="panels").json()["panels"]) == 3
    like = api.search(like=pictures["red"].hex(), kind="panels").json()["panels"]
    assert {row["path"] for row in like} == {"green.png", "blue.png"}


def test_of_panels_like_one_those_that_repeat_each_other_do_not_fill_the_answer(
    api: Api, pictures: dict[str, bytes], engine: Engine
):
    row = active_space(engine, "image")
    assert row is not None
    towards = {
        "one": (1.0, 0.0),
        "scan": (0.9, 0.44),
        "rescan": (0.89, 0.45),
        "copy": (0.88, 0.46),
        "other": (0.7, -0.71),
    }
    hashes = {name: hashlib.sha256(name.encode()).digest() for name in towards}
    made = np.zeros((len(towards), row.dimensions), dtype=np.float32)
    made[:, :2] = list(towards.values())
    for novel, names in (("beta", ["one", "scan", "rescan"]), ("gamma", ["copy", "other"])):
        rows = [PanelRecord(f"{name}.png", "stored", 9, None, hashes[name], "PNG", "RGB", 9, 9) for name in names]
        replace_panels(engine, novel, rows)
    vectors.write_batch(engine, row, list(hashes.values()), made)
    like = {"like": hashes["one"].hex(), "kind": "panels", "k": 2}
    assert [hit["path"] for hit in api.search(**like).json()["panels"]] == ["scan.png", "other.png"]
    elsewhere = api.search(**like, other_novels=True).json()["panels"]
    assert [hit["path"] for hit in elsewhere] == ["copy.png", "other.png"]


def test_a_panels_picture_is_served_whole_and_small_and_never_changes(api: Api, pictures: dict[str, bytes]):
    [panel] = api.search(q="red", kind="panels", k=1).json()["panels"]
    whole = api.client.get(panel["url"])
    assert whole.headers["content-type"] == "image/png"
    small = api.client.get(f"{panel['url']}?width=32")
    assert Image.open(io.BytesIO(small.content)).width == 32
    again = api.client.get(panel["url"], headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api.client.get(f"/api/panels/{'0' * 64}").status_code == 404
    next(api.settings.panels_folder.rglob(panel["path"])).write_bytes(b"something else")
    assert api.client.get(panel["url"]).status_code == 404


def test_nothing_stored_is_said_in_a_sentence(api: Api):
    answer = api.search(q="anything").json()
    assert answer["passages"] == answer["panels"] == []
    assert any("drop a novel" in note for note in answer["notes"])


def test_sentences_are_found_in_any_script():
    from morpheus_assets.text.sentences import sentence_spans

    text = 'Mr. Hyde came. "Oh!" said she. 他笑了。她哭了。\n\nA heading\n\nThe end'
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "Mr. Hyde came.", '"Oh!" said she.', "他笑了。", "她哭了。", "A heading", "The end",
    ]  # fmt: skip
    assert np.all([start < end for start, end in sentence_spans(text)])


def test_an_unknown_novel_is_refused_alike_in_every_mode_and_costs_nothing(
    start_api: Callable[..., Api], shelf: list[bytes], provider_server: ProviderServer, subtests: pytest.Subtests
):
    api = start_api({"fault": "503"})
    asked = [{"q": "lamps", "mode": mode} for mode in ("hybrid", "vector", "text")]
    asked += [{"q": "lamps", "kind": "panels"}, {"like": shelf[0].hex()}, {"q": "lamps", "min_similarity": 0.9}]
    for parameters in asked:
        with subtests.test(parameters=parameters):
            answer = api.search(novel="gamma", **parameters)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, "novel")
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_what_only_words_found_is_not_left_out_for_a_similarity_it_has_not(
    start_api: Callable[..., Api], shelf: list[bytes], subtests: pytest.Subtests
):
    for provider, mode in ((None, "text"), ({"fault": "503"}, "text"), ({"fault": "503"}, "hybrid")):
        with subtests.test(provider=provider, mode=mode):
            answer = start_api(provider).search(q="ship", kind="text", mode=mode, min_similarity=0.99).json()
            assert [row["passage"] for row in answer["passages"]] == [SHIP]
            assert answer["notes"][-1].startswith("Words have no similarity")
