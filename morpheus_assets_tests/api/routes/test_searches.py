from collections.abc import Callable
from typing import Any

import pytest

from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

LAMP, SHIP, RAIN = "The robot lit the lamps.", "The ship came home without a crew.", "Rain fell on the square."


@pytest.fixture
def shelf(add_embedded: Callable[..., list[bytes]]) -> list[bytes]:
    return add_embedded("alpha", [LAMP, SHIP]) + add_embedded("beta", [RAIN])


def outcomes(api: Api, *searches: dict[str, Any]) -> list[dict[str, Any]]:
    answer = api.client.post("/api/embeddings/searches", json={"searches": list(searches)})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_several_questions_are_answered_as_each_alone(api: Api, shelf: list[bytes]):
    asked: list[dict[str, Any]] = [
        {"q": "a ship without a crew", "kind": "text", "k": 2},
        {"like": shelf[0].hex(), "kind": "text"},
        {"q": "rain", "novel": "beta", "mode": "text", "kind": "text"},
    ]
    found = outcomes(api, *asked)
    assert [each["status"] for each in found] == [200, 200, 200]
    alone = [api.search(**wanted).json() for wanted in asked]
    assert [each["answer"]["passages"] for each in found] == [each["passages"] for each in alone]


def test_one_that_is_refused_leaves_the_others_their_answers(api: Api, shelf: list[bytes]):
    good, bad = outcomes(api, {"q": "ship", "kind": "text"}, {"q": "ship", "novel": "gamma"})
    assert good["answer"]["passages"]
    assert (bad["status"], bad["answer"]) == (404, None)
    assert "gamma" in bad["detail"]


def test_a_vector_finds_what_is_near_it_and_costs_nothing(
    api: Api, shelf: list[bytes], provider_server: ProviderServer
):
    vector = vectors_of([SHIP], 256)[0].tolist()
    [found] = outcomes(api, {"vector": vector, "k": 1})
    [first] = found["answer"]["passages"]
    assert (first["id"], first["similarity"]) == (shelf[1].hex(), pytest.approx(1.0, abs=1e-3))
    assert first["relevance"] == first["similarity"], "what the order goes by"
    [within] = outcomes(api, {"vector": vector, "novel": "beta"})
    assert [row["passage"] for row in within["answer"]["passages"]] == [RAIN]
    [far] = outcomes(api, {"vector": vector, "min_similarity": 0.99})
    assert len(far["answer"]["passages"]) == 1
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_a_vector_of_another_model_is_refused_with_the_sizes(api: Api, shelf: list[bytes]):
    [found] = outcomes(api, {"vector": [0.1] * 8})
    assert found["status"] == 422
    assert "8 dimensions" in found["detail"]
    assert "256" in found["detail"]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"q": "a", "vector": [1.0]}, {"vector": [0.0, 0.0]}, {"vector": []}, {"q": " "}, {"q": "a", "chapter": 1},
     {"q": "a", "colour": "red"}],
)  # fmt: skip
def test_a_search_that_is_none_is_named_by_its_place(api: Api, wrong: dict[str, Any]):
    answer = api.client.post("/api/embeddings/searches", json={"searches": [{"q": "a ship"}, wrong]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("searches[1]")
